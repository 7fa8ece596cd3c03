"""Conversion of checkpoints as transformers saves them, with weights of a few numbers: `checkpoint_test.py FOLDER`."""

import contextlib
import io
import json
import struct
import sys
from pathlib import Path

import convert
from conversion import Failure, safetensors

SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>"]
SPECIAL += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", "<|0.00|>"]
TEXT = ["a", "(", "Ġ(", "Ġ-", "Ġ"]


def tensor(kind, *values):
    if kind == "BF16":
        return kind, [len(values)], b"".join(struct.pack("<f", value)[2:] for value in values)
    return kind, [len(values)], struct.pack(f"<{len(values)}{'f' if kind == 'F32' else 'e'}", *values)


def save(path, tensors):
    safetensors.write(path, [(name, *parts) for name, parts in tensors.items()], {})


def folder_of(root, name, files, shards):
    folder = root / name
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content))
    if len(shards) == 1:
        save(folder / "model.safetensors", shards[0])
    else:
        index = {}
        for number, tensors in enumerate(shards):
            save(folder / f"model-{number}.safetensors", tensors)
            index.update(dict.fromkeys(tensors, f"model-{number}.safetensors"))
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


def converted(root, folder):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        convert.of_checkpoint(str(folder), root / "out")
    path = Path(said.getvalue().strip())
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack_from("<Q", data)[0]])
    metadata = {name: json.loads(header["__metadata__"][name]) for name in ("config", "generation_config", "vocabulary")}
    return {name: (kind, shape, bytes(bytes_)) for name, kind, shape, bytes_ in safetensors.read(path)}, metadata


def main():
    root = Path(sys.argv[1])
    config = {"model_type": "whisper", "vocab_size": 20, "decoder_layers": 2, "decoder_attention_heads": 2}
    tokens = {token: id for id, token in enumerate(TEXT)}
    special = {token: id + len(TEXT) for id, token in enumerate(SPECIAL)}

    # English-only, one file, no generation_config.json: by the rules.
    files = {"config.json": config, "vocab.json": tokens, "added_tokens.json": special}
    one = {"model.a": tensor("F32", 0.5, -2), "model.b": tensor("BF16", 1, 3), "proj_out.weight": tensor("F32", 1)}
    weights, found = converted(root, folder_of(root, "english", files, [one]))
    assert weights == {"model.a": tensor("F16", 0.5, -2), "model.b": tensor("BF16", 1, 3)}, weights
    assert found["vocabulary"] == [*TEXT, *SPECIAL, "", "", "", ""], found["vocabulary"]
    generation = found["generation_config"]
    assert generation["is_multilingual"] is False and "lang_to_id" not in generation
    assert generation["alignment_heads"] == [[1, 0], [1, 1]]
    assert generation["begin_suppress_tokens"] == [4, 5]
    # ( and " (" and " -", what begins or changes the task, and no speech.
    assert generation["suppress_tokens"] == [1, 2, 3, 6, 9, 10, 11, 12, 13], generation["suppress_tokens"]
    assert (generation["no_timestamps_token_id"], generation["no_speech_token_id"]) == (14, 13)

    # Multilingual, in two files, the bare model; tokenizer.json alone; what is given counts.
    tokenizer = {"model": {"vocab": tokens}, "added_tokens": [{"content": token, "id": id} for token, id in special.items()]}
    given = {"alignment_heads": [[0, 1]], "is_multilingual": True, "suppress_tokens": [7]}
    files = {"config.json": config, "tokenizer.json": tokenizer, "generation_config.json": given}
    two = [{"encoder.a": tensor("F16", 1)}, {"decoder.b": tensor("F32", 1e9)}]
    weights, found = converted(root, folder_of(root, "multilingual", files, two))
    # Values too large for half precision stay in float32.
    assert weights == {"model.encoder.a": tensor("F16", 1), "model.decoder.b": tensor("F32", 1e9)}, weights
    generation = found["generation_config"]
    assert (generation["alignment_heads"], generation["suppress_tokens"]) == ([[0, 1]], [7])
    assert generation["lang_to_id"] == {"<|en|>": 7, "<|de|>": 8}
    assert generation["task_to_id"] == {"transcribe": 10, "translate": 9}

    # Half a file.
    broken = folder_of(root, "broken", files, [one])
    data = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(data[:-1])
    try:
        converted(root, broken)
    except Failure as failure:
        assert "ends before its tensors do" in str(failure), failure
    else:
        raise AssertionError("half a file was converted")


if __name__ == "__main__":
    main()
