"""Checkpoints of transformers: a folder with safetensors files."""

import json
import struct

from conversion import Failure, safetensors


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


def tensors(folder):
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        files = sorted(set(read_json(index)["weight_map"].values()))
    else:
        files = ["model.safetensors"]
    found = []
    for file in files:
        for name, kind, shape, data in safetensors.read(folder / file):
            # The output is tied to the token matrix; a checkpoint of the bare model lacks the prefix.
            if name.startswith("proj_out."):
                continue
            if not name.startswith("model."):
                name = "model." + name
            if kind not in safetensors.BYTES:
                raise Failure(f"{name} in {folder / file} is {kind}, expected F32, F16 or BF16")
            smaller = half(data) if kind == "F32" else None
            if smaller is not None:
                kind, data = "F16", smaller
            found.append((name, kind, shape, data))
    return sorted(found, key=lambda tensor: tensor[0])


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Failure(f"{path} is not JSON: {error}") from None


def vocabulary(folder, size):
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
    found = [""] * size
    for token, id in tokens.items():
        if 0 <= id < size:
            found[id] = token
    return found
