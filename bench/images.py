"""The image of the embedded host beside one of FastAPI: size, and time to start.

Both are built from their Dockerfile by the same podman and run in the same way. scripts/stand-in tells what takes the place
of base images that cannot be pulled.
"""

import json
import os
import shutil
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import speech
from servers import ROOT, free_port
from tables import table

PODMAN = str(ROOT / "scripts/podman")
STARTS = 10
COLD_STARTS = 5
OURS = "localhost/routelets:bench"
PEER = "localhost/peer:bench"
IMAGES = {"Routelets, `embedded`": OURS, "the same without speech": f"{OURS}-speechless", "FastAPI on uvicorn": PEER}
FORM = {"content-type": "multipart/form-data; boundary=bench"}
FORM_HEAD = b'--bench\r\ncontent-disposition: form-data; name="file"; filename="speech.wav"\r\n\r\n'
FORM_END = b"\r\n--bench--\r\n"
BASE = "docker.io/library/python:3.11-slim-bookworm"


def sections() -> list[str]:
    if os.geteuid() != 0 or not shutil.which("podman"):
        return ["### Images\n\nNot measured: that takes root and Debian's podman."]
    run(str(ROOT / "scripts/build-image"), "embedded", f"{OURS}-speechless", "--build-arg", "SPEECH=0")
    run(str(ROOT / "scripts/build-image"), "embedded", OURS)
    run(str(ROOT / "scripts/stand-in"), "python")
    mount = ["--network", "host", "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--volume", "/etc/pip.conf:/etc/pip.conf:ro"]
    mount = mount if Path("/etc/pip.conf").exists() else mount[:4]
    peer = ["--ignorefile", "bench/peer_image/.dockerignore", "--file", "bench/peer_image/Dockerfile"]
    run(PODMAN, "build", "--format", "docker", *mount, *peer, "--tag", PEER, str(ROOT))
    rows = [row(name, image) for name, image in IMAGES.items()]
    speaking = [transcription(name, image) for name, image in IMAGES.items() if not image.endswith("-speechless")]
    base = size(BASE)
    head = ["", "MB", "MB compressed", "process ms", "cold ms", "container ms", "resident MiB"]
    return [
        "### Images\n\n"
        "The same routes but for jobs and OpenAI's; both recognise speech with the same model. Compressed as in a"
        " registry. From the start of the process in the image's root to the first answer of `GET /ping`, and the same"
        f" with the page cache dropped before; from `podman run` to that answer, of which podman itself takes most;"
        f" medians of {STARTS}, {COLD_STARTS} and {STARTS} starts. Resident after the first answer. The peer's base,"
        f" {BASE.rpartition('/')[2]}, has {base / 1e6:.0f} MB{stand_in_note()}.\n\n" + table(head, rows)
        + f"\n\nFrom the start of the process in the image's root to the answer to 5 s of speech, medians of {STARTS} starts, and"
        " what is resident then.\n\n" + table(["", "ms", "resident MiB"], speaking)
    ]


def transcription(name: str, image: str) -> list[str]:
    body = FORM_HEAD + speech.recording(5) + FORM_END
    with mounted(image) as root:
        starts = [in_root(root, image, body=body) for _ in range(STARTS + 1)][1:]
    return [
        name,
        f"{statistics.median(seconds for seconds, _ in starts) * 1e3:.0f}",
        f"{statistics.median(memory for _, memory in starts):.0f}",
    ]


def stand_in_note() -> str:
    """The official image names its maintainers' variables; the stand-in has none."""
    environment = inspect(BASE)["Config"].get("Env") or []
    official = any(entry.startswith("PYTHON_VERSION=") for entry in environment)
    return "" if official else " here: it could not be pulled, and one of Debian's packages took its place"


def row(name: str, image: str) -> list[str]:
    with mounted(image) as root:
        warm = [in_root(root, image) for _ in range(STARTS + 1)][1:]
        cold = [in_root(root, image, before=drop_caches)[0] for _ in range(COLD_STARTS)]
    contained = [in_container(image) for _ in range(STARTS + 1)][1:]
    return [
        name,
        f"{size(image) / 1e6:.0f}",
        f"{compressed(image) / 1e6:.0f}",
        f"{statistics.median(seconds for seconds, _ in warm) * 1e3:.0f}",
        f"{statistics.median(cold) * 1e3:.0f}",
        f"{statistics.median(contained) * 1e3:.0f}",
        f"{statistics.median(memory for _, memory in warm):.0f}",
    ]


@contextmanager
def mounted(image: str) -> Iterator[str]:
    """The folder of the image's root."""
    root = output(PODMAN, "image", "mount", image).strip()
    try:
        yield root
    finally:
        run(PODMAN, "image", "unmount", image)


def in_root(
    root: str,
    image: str,
    before: Callable[[], None] = lambda: None,
    body: bytes | None = None,
) -> tuple[float, float]:
    """Seconds from the start of the process to its first answer, and its memory then, without an engine.

    With a body, to the answer of `POST /asr`.
    """
    config = inspect(image)["Config"]
    command = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    port = free_port()
    environment = dict(entry.split("=", 1) for entry in config.get("Env") or [])
    environment["SPIN_HTTP_LISTEN_ADDR"] = f"127.0.0.1:{port}"
    # Nothing may be written into the image.
    environment["ROUTELETS_STATE_DIR"] = ""
    command = [str(port) if word == "8001" else word for word in command]
    path = environment.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    program = shutil.which(command[0], path=":".join(f"{root}{folder}" for folder in path.split(":")))
    program = program.removeprefix(root) if program else command[0]

    def enter() -> None:
        os.chroot(root)
        os.chdir(config.get("WorkingDir") or "/")

    before()
    begin = time.perf_counter()
    # No other thread runs here.
    process = subprocess.Popen(
        [program, *command[1:]],
        env=environment,
        preexec_fn=enter,  # noqa: PLW1509
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        seconds = first_answer(port, process.poll) - begin
        if body is not None:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/asr", body, FORM)
            urllib.request.urlopen(request, timeout=600).read()
            seconds = time.perf_counter() - begin
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return seconds, pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    finally:
        process.terminate()
        process.wait()


def in_container(image: str) -> float:
    """Seconds from `podman run` to the first answer."""
    port = free_port()
    begin = time.perf_counter()
    run(PODMAN, "run", "--detach", "--name", "bench", "--read-only", "--publish", f"127.0.0.1:{port}:8001", image)
    try:
        return first_answer(port) - begin
    finally:
        run(PODMAN, "rm", "--force", "--volumes", "--time", "2", "bench")


def first_answer(port: int, ended: Callable[[], int | None] = lambda: None) -> float:
    while ended() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=60):
                return time.perf_counter()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.001)
    raise SystemExit(f"it ended with {ended()} before it answered")


def drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def size(image: str) -> int:
    return inspect(image)["Size"]


def compressed(image: str) -> int:
    """Bytes of the layers as they are pushed."""
    folder = ROOT / "target/podman/pushed"
    try:
        run(PODMAN, "push", "--quiet", "--compress", image, f"dir:{folder}")
        return sum(layer["size"] for layer in json.loads((folder / "manifest.json").read_text())["layers"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def inspect(image: str) -> dict:
    return json.loads(output(PODMAN, "image", "inspect", image))[0]


def output(*command: str) -> str:
    return subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout


def run(*command: Iterable[str]) -> None:
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
