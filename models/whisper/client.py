"""A client of the running application, which is started on a free port if necessary."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

import speech


@contextlib.contextmanager
def application(url=None):
    """The address of the application: the given one, or that of the build of `make build`."""
    if url:
        yield url
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    host = os.environ.get("ROUTELETS", speech.ROOT / "target/host/routelets")
    process = subprocess.Popen([host, "up", "--quiet", "--listen", address], cwd=speech.ROOT)
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://{address}/ping", timeout=1).read()
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit("evaluate: the application did not start; run `make build` first")
                time.sleep(0.1)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def transcribe(url, file, content_type="audio/wav"):
    """The transcript of a file by POST /asr."""
    request = urllib.request.Request(f"{url}/asr", file, {"content-type": content_type})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)["transcription"].strip()


def verbose(url, file):
    """The answer of POST /v1/audio/transcriptions to a WAV file, with words."""
    boundary = uuid.uuid4().hex
    fields = {"model": "whisper-1", "response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
    body = b""
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            body += f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    body += f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="speech.wav"\r\n'.encode()
    body += b"content-type: audio/wav\r\n\r\n" + file + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(f"{url}/v1/audio/transcriptions", body, headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)
