"""Trains the network; stops when its time is up, and goes on where it stopped when called again.

    python train.py --data DIR --run DIR --minutes 120

The learning rate is held and falls to nothing in the last third of the time (a longer run, begun again with a
larger `--minutes`, holds it again first). What is evaluated and exported is a running average of the weights.
"""

import argparse
import json
import math
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import augment
import export
import network
from distance import edits
from muon import Muon

PEAK = 2.5e-3
WARM_UP = 300  # steps
BATCH_SECONDS = 128
TOKEN = {character: token for token, character in enumerate(network.VOCABULARY)} | {" ": 4}


def shards(folder):
    return sorted(path for path in folder.glob("*.npz") if "partial" not in path.name)


def read_shard(path):
    """The utterances of a shard: pairs of samples and sentence."""
    with np.load(path) as file:
        samples, ends = file["samples"], file["ends"]
    lines = path.with_suffix(".tsv").read_text().splitlines()
    starts = [0, *ends[:-1]]
    return [(samples[a:b], line.split("\t")[-1]) for a, b, line in zip(starts, ends, lines)]


def warped_filters(r):
    """Filters that hear other vocal tracts; the first of them changes nothing."""
    length = lambda: r.uniform(0.88, 1.12)
    longer = [network.mel_filters(length()) for _ in range(32)]
    bent = [network.mel_filters(length(), 0.07 * r.random(), r.uniform(1, 4), r.uniform(0, 2 * math.pi)) for _ in range(96)]
    return torch.stack([network.mel_filters(), *longer, *bent])


WARPED = warped_filters(random.Random(1))


def features(waveforms, rng):
    """Padded mel power spectra and their lengths; the front end by FFT, which is faster here.

    Most are heard as if of another vocal tract, so that formants and pitch vary apart.
    """
    lengths = torch.tensor([(len(w) - network.WINDOW) // network.HOP + 1 for w in waveforms])
    batch = torch.zeros(len(waveforms), max(map(len, waveforms)))
    for row, waveform in zip(batch, waveforms):
        row[: len(waveform)] = torch.from_numpy(waveform)
    window = torch.hann_window(network.WINDOW)
    spectrum = torch.stft(batch, network.WINDOW, network.HOP, network.WINDOW, window, center=False, return_complex=True)
    chosen = [rng.randrange(len(WARPED)) if rng.random() < 0.75 else 0 for _ in waveforms]
    return torch.matmul(WARPED[chosen], spectrum.real**2 + spectrum.imag**2), lengths


def centre(power, lengths):
    """Log, mean over the valid frames removed, the rest zero."""
    x = network.FrontEnd.log(power)
    mask = (torch.arange(x.shape[1])[None, :] < lengths[:, None])[:, :, None]
    mean = (x * mask).sum(1, keepdim=True) / lengths[:, None, None]
    return (x - mean) * mask


def narrow(power, rng, strength):
    """Low-passes some utterances, as old microphones and telephones do."""
    for row in power:
        if rng.random() < 0.2 * strength:
            row[rng.randrange(44, 62) :] *= 10 ** rng.uniform(-5, -2)
        if rng.random() < 0.08 * strength:
            row[: rng.randrange(3, 8)] *= 10 ** rng.uniform(-4, -2)


def hide(x, rng, strength):
    """SpecAugment (Park et al. 2019): bands and moments without sound."""
    for row in x:
        if rng.random() > strength:
            continue
        for _ in range(2):
            band = rng.randrange(0, 10)
            start = rng.randrange(0, network.MELS - band)
            row[:, start : start + band] = 0
        for _ in range(max(1, len(row) // 200)):
            start = rng.randrange(0, len(row))
            row[start : start + rng.randrange(0, 12)] = 0


class Batches(torch.utils.data.IterableDataset):
    """Endless batches: a few shards at a time, drawn at random, shuffled, grouped by length."""

    def __init__(self, folder, seed, strength):
        self.folder, self.seed, self.strength = folder, seed, strength

    def __iter__(self):
        torch.set_num_threads(1)
        rng = random.Random(self.seed)
        change = augment.Augmenter(self.seed, self.strength)
        while True:
            # Looked up each time, so that training can begin while more is spoken.
            paths = shards(self.folder)
            pool = [item for path in rng.sample(paths, min(4, len(paths))) for item in read_shard(path)]
            rng.shuffle(pool)
            # Pairs of short ones, so that the network also hears a pause and a second voice.
            pool = list(self.joined(pool, rng))
            pool.sort(key=lambda item: len(item[0]) * rng.uniform(0.9, 1.1))
            groups = list(self.grouped(pool))
            rng.shuffle(groups)
            for group in groups:
                yield self.batch(group, change, rng, self.strength)

    @staticmethod
    def joined(pool, rng):
        items = iter(pool)
        for samples, text in items:
            while rng.random() < 0.15 and len(samples) < 6 * network.RATE:
                other, more = next(items, (None, None))
                if other is None:
                    break
                gap = np.zeros(rng.randrange(800, 9600), np.int16)
                samples, text = np.concatenate([samples, gap, other]), f"{text} {more}"
            yield samples, text

    @staticmethod
    def grouped(pool):
        group = []
        for item in pool:
            if group and (len(group) + 1) * len(item[0]) > BATCH_SECONDS * network.RATE:
                yield group
                group = []
            group.append(item)
        yield group

    @staticmethod
    def batch(group, change, rng, strength):
        waveforms = [change(samples) for samples, _ in group]
        power, lengths = features(waveforms, rng)
        narrow(power, rng, strength)
        x = centre(power, lengths)
        hide(x, rng, strength)
        targets = [[TOKEN[character] for character in text] for _, text in group]
        target_lengths = torch.tensor([len(target) for target in targets])
        return x, lengths, torch.tensor(sum(targets, [])), target_lengths


@torch.no_grad()
def word_error_rate(net, items):
    """Greedy decoding of whole utterances, by the path that is exported."""
    net.eval()
    errors = words = 0
    for samples, text in items:
        logits = net(torch.from_numpy(samples.astype(np.float32) / 32768)[None])
        errors += edits(text.split(), network.greedy(logits[0].argmax(1).tolist()).split())
        words += len(text.split())
    return errors / words


def optimizers_of(net):
    """Muon (Jordan 2024), scaled to AdamW's step, for the matrices of the blocks; AdamW for all else."""
    matrices = [p for name, p in net.named_parameters() if name.startswith("blocks") and p.ndim == 2]
    others = [p for name, p in net.named_parameters() if not (name.startswith("blocks") and p.ndim == 2)]
    return [
        Muon(matrices, lr=PEAK, weight_decay=0.02),
        torch.optim.AdamW(others, lr=PEAK, betas=(0.9, 0.98), weight_decay=0.02),
    ]


def learning_rate(step, elapsed, minutes):
    left = (minutes * 60 - elapsed) / (minutes * 60)
    return PEAK * min(1, step / WARM_UP, max(0.01, left * 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--augment", type=float, default=1.0, help="from 0 to 1; less of it learns sooner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="start", type=Path, help="an exported ONNX file whose weights to begin with")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)

    shape = {}
    net, average = network.Network(**shape), network.Network(**shape)
    optimizers = optimizers_of(net)
    step, elapsed, history = 0, 0.0, []
    checkpoint = args.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        for optimizer, kept in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(kept)
        step, elapsed, history = state["step"], state["elapsed"], state["history"]
    else:
        if args.start:
            net.load_state_dict(export.weights(args.start))
        average.load_state_dict(net.state_dict())

    tests = {name: [item for path in shards(args.data / name) for item in read_shard(path)][:150] for name in ("validation", "voices", "engine", "commands")}
    loader = iter(torch.utils.data.DataLoader(Batches(args.data / "train", args.seed + step, args.augment), batch_size=None, num_workers=1, prefetch_factor=8))
    began, evaluated, losses, heard = time.time() - elapsed, time.time(), [], 0.0

    while elapsed < args.minutes * 60:
        x, lengths, targets, target_lengths = next(loader)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, elapsed, args.minutes)
        net.train()
        chances = F.log_softmax(net.logits(x, lengths), 2).transpose(0, 1)
        loss = F.ctc_loss(chances, targets, network.output_frames(lengths), target_lengths, reduction="sum", zero_infinity=True)
        (loss / target_lengths.sum()).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        elapsed = time.time() - began
        heard += lengths.sum().item() / 100
        losses.append(loss.item() / target_lengths.sum().item())
        with torch.no_grad():
            keep = min(0.995, step / (step + 20))
            for mean, now in zip(average.parameters(), net.parameters()):
                mean.lerp_(now, 1 - keep)
        if step % 50 == 0:
            print(f"{elapsed / 60:6.1f} min  step {step}  loss {np.mean(losses[-50:]):.3f}  {heard / (time.time() - evaluated + 1e-9):.0f} s of audio a second", flush=True)
        if time.time() - evaluated > 360 or elapsed >= args.minutes * 60:
            rates = {name: round(word_error_rate(average, items), 4) for name, items in tests.items() if items}
            history.append({"minutes": elapsed / 60, "step": step, "loss": float(np.mean(losses)), **rates})
            print(json.dumps(history[-1]), flush=True)
            state = {"shape": shape, "network": net.state_dict(), "average": average.state_dict(), "optimizers": [optimizer.state_dict() for optimizer in optimizers], "step": step, "elapsed": elapsed, "history": history}
            torch.save(state, args.run / "partial.pt")
            os.replace(args.run / "partial.pt", checkpoint)
            evaluated, losses, heard = time.time(), [], 0.0


if __name__ == "__main__":
    main()
