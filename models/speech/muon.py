"""Muon (Jordan 2024) with single precision throughout.

`torch.optim.Muon` makes its steps orthogonal in bfloat16, which processors without matrix units do at half the speed
of float32; this one takes the matrices of one shape together, too.
"""

import math
from collections import defaultdict

import torch

COEFFICIENTS = 3.4445, -4.7750, 2.0315
STEPS = 4


def orthogonal(g):
    """Nearly the nearest matrix with orthogonal rows or columns, for each of [count, rows, columns]."""
    if g.shape[1] > g.shape[2]:
        return orthogonal(g.transpose(1, 2)).transpose(1, 2)
    a, b, c = COEFFICIENTS
    x = g / g.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(STEPS):
        square = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """For matrices; its step is as large as AdamW's, whose learning rate and decay it takes (Liu et al. 2025)."""

    def __init__(self, matrices, lr, weight_decay, momentum=0.95):
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = defaultdict(list)
            for p in group["params"]:
                if not self.state[p]:
                    self.state[p]["momentum_buffer"] = torch.zeros_like(p)
                self.state[p]["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
                shapes[p.shape].append(p)
            for shape, matrices in shapes.items():
                nesterov = [p.grad.lerp(self.state[p]["momentum_buffer"], group["momentum"]) for p in matrices]
                size = 0.2 * math.sqrt(max(shape))
                for p, change in zip(matrices, orthogonal(torch.stack(nesterov))):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(change, alpha=-group["lr"] * size)
