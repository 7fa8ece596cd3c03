"""Speech recognition beside ONNX Runtime and PyTorch, which run the same model on the same audio.

One thread each; processor time is what is compared, since that is what a recognition costs. The peers are given
samples that are decoded already and only compute logits; the application decodes the file and writes the text, too.
"""

import io
import json
import statistics
import sys
import time
import urllib.request
import wave
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import onnxruntime
import torch

from servers import ROOT, Server
from tables import table

sys.path.append(str(ROOT / "models/speech"))
import export  # noqa: E402
import network  # noqa: E402

MODEL = ROOT / "models/speech/speech.onnx"
SECONDS = (5, 15, 60)
ROUNDS = 5
STARTS = 5
RATE = 16_000

Start = Callable[[], AbstractContextManager[Server]]


def speech() -> np.ndarray:
    """An example and half a second of silence, int16 at 16 kHz."""
    with wave.open(str(ROOT / "examples/numbers.wav")) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    positions = np.arange(0, len(samples) - 1, rate / RATE)
    at_rate = np.interp(positions, np.arange(len(samples)), samples).astype(np.int16)
    return np.concatenate([at_rate, np.zeros(RATE // 2, np.int16)])


def recording(seconds: int) -> bytes:
    """A WAV file of so much speech."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.resize(speech(), seconds * RATE).tobytes())
    return file.getvalue()


def recognize(server: Server, file: bytes) -> str:
    request = urllib.request.Request(server.url("/asr"), file, {"content-type": "audio/wav"})
    with urllib.request.urlopen(request, timeout=600) as response:
        return json.load(response)["transcription"]


def sections(runtimes: dict[str, Start]) -> list[str]:
    return [cost(runtimes), first_answer(runtimes)]


def cost(runtimes: dict[str, Start]) -> str:
    """Processor time of a recognition, for each length of audio."""
    torch.set_num_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    net = network.Network().eval()
    net.load_state_dict(export.weights(MODEL))

    def by_onnxruntime(samples: np.ndarray) -> None:
        session.run(None, {"waveform": samples})

    @torch.inference_mode()
    def by_pytorch(samples: np.ndarray) -> None:
        net(torch.from_numpy(samples))

    peers = {"ONNX Runtime, native": by_onnxruntime, "PyTorch, native": by_pytorch}
    used = {name: [] for name in [*runtimes, *peers]}
    for seconds in SECONDS:
        file = recording(seconds)
        samples = np.resize(speech(), (1, seconds * RATE)).astype(np.float32) / 32768
        for name, runtime in runtimes.items():
            with runtime() as server:
                recognize(server, file)
                before = server.cpu_seconds()
                for _ in range(ROUNDS):
                    recognize(server, file)
                used[name].append((server.cpu_seconds() - before) / ROUNDS)
        for name, peer in peers.items():
            peer(samples)
            costs = []
            for _ in range(ROUNDS):
                before = time.process_time()
                peer(samples)
                costs.append(time.process_time() - before)
            used[name].append(statistics.median(costs))
    reference = used["ONNX Runtime, native"]
    rows = [
        [
            name,
            *(
                f"{cpu * 1e3:.0f} ms ({cpu / best:.1f}×, {cpu / seconds:.3f})"
                for cpu, best, seconds in zip(costs, reference, SECONDS)
            ),
        ]
        for name, costs in used.items()
    ]
    return (
        "### Speech recognition\n\n"
        "Processor time of one `POST /asr`, in brackets as a ratio to ONNX Runtime and as real-time factor on one"
        " core. The peers compute logits of samples in memory, one thread; the application decodes the file and"
        " writes the text, too.\n\n" + table(["", *(f"{n} s of audio" for n in SECONDS)], rows)
    )


def first_answer(runtimes: dict[str, Start]) -> str:
    """From the start of the process to the first transcription, with a warm cache."""
    file = recording(SECONDS[0])
    rows = []
    for name, runtime in runtimes.items():
        taken, memory = [], []
        for _ in range(STARTS):
            begin = time.perf_counter()
            with runtime() as server:
                recognize(server, file)
                taken.append((time.perf_counter() - begin) * 1e3)
                memory.append(server.resident_mib())
        rows.append([name, f"{statistics.median(taken):.0f}", f"{max(taken):.0f}", f"{statistics.median(memory):.0f}"])
    return (
        "### First transcription\n\n"
        f"From the start of the process to the answer to {SECONDS[0]} s of audio, caches warm, {STARTS} starts.\n\n"
        + table(["server", "median ms", "max ms", "resident MiB"], rows)
    )
