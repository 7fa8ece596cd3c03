"""Files of the format safetensors."""

import json
import os
import struct

from conversion import Failure

BYTES = {"F32": 4, "F16": 2, "BF16": 2}


def read(path):
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
