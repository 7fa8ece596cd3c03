"""Draws the history of a checkpoint: `python plot.py CHECKPOINT PNG`."""

import sys

import matplotlib
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt

history = torch.load(sys.argv[1], weights_only=True)["history"]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.plot([point["minutes"] for point in history], [point["loss"] for point in history], marker=".")
left.set(title="CTC loss for each character, in training", xlabel="minutes")
for name in ("validation", "voices", "engine", "commands"):
    measured = [point for point in history if name in point]
    right.plot([point["minutes"] for point in measured], [100 * point[name] for point in measured], marker=".", label=name)
right.set(title="Word error rate, greedy, %", xlabel="minutes", yscale="log")
right.legend()
for axes in (left, right):
    axes.grid(True, which="both", alpha=0.3)
    for formatted in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatted("{x:.4g}")
figure.tight_layout()
figure.savefig(sys.argv[2], dpi=90)
