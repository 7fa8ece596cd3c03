"""The model hub."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

from conversion import Failure
from conversion.checkpoint import read_json

ADDRESS = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
CACHE = Path(__file__).resolve().parents[3] / ".cache/hub"


def get(name, file):
    """An open answer for a file of a model, or None if the model has no such file."""
    headers = {"user-agent": "routelets"}
    if os.environ.get("HF_TOKEN"):
        headers["authorization"] = f"Bearer {os.environ['HF_TOKEN']}"
    request = urllib.request.Request(f"{ADDRESS}/{name}/resolve/main/{file}", headers=headers)
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


def model(name, cache):
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
