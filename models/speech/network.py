"""The network: waveform in, logits of characters out.

A log-mel front end made of convolutions, so that the graph takes the waveform itself; two strided convolutions
down to 25 frames a second; residual blocks of a depthwise convolution over time and two linear layers
(as ConvNeXt, Liu et al. 2022, in one dimension); a head that gives two output frames for each, 50 a second,
since CTC needs a blank between equal letters.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

RATE = 16_000
WINDOW = 400
HOP = 160
MELS = 64
STRIDE = 320  # samples for each output frame
VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
FLOOR = 1e-5


def mel_filters(warp=1.0, bend=0.0, waves=1.0, phase=0.0):
    """Triangular filters [MELS, WINDOW / 2 + 1], HTK's mel scale from 30 Hz to 7.8 kHz.

    With a `warp` other than 1 they hear a vocal tract that much longer (Jaitly and Hinton 2013): all frequencies are
    multiplied by it up to a corner, and from there on go linearly to the same end. A `bend` moves formants apart from
    one another, by up to that share and in `waves` half waves over the mel scale.
    """
    mel = lambda hz: 2595 * math.log10(1 + hz / 700)
    points = torch.linspace(mel(30), mel(7800), MELS + 2)
    edges = 700 * (10 ** (points / 2595) - 1)
    corner = 4800 / max(1, warp)
    beyond = 7800 - (7800 - edges) * (7800 - corner * warp) / (7800 - corner)
    edges = torch.where(edges <= corner, edges * warp, beyond)
    edges = edges * (1 + bend * torch.sin(math.pi * waves * points / mel(7800) + phase))
    bins = torch.arange(WINDOW // 2 + 1) * (RATE / WINDOW)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return torch.clamp(torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)), min=0)


class FrontEnd(nn.Module):
    """Waveform [batch, samples] to log-mel [batch, frames, MELS], 100 frames a second."""

    def __init__(self):
        super().__init__()
        n = torch.arange(WINDOW, dtype=torch.float64)
        k = torch.arange(WINDOW // 2 + 1, dtype=torch.float64)
        window = torch.hann_window(WINDOW, dtype=torch.float64)
        angle = 2 * math.pi * k[:, None] * n / WINDOW
        basis = torch.cat([angle.cos() * window, angle.sin() * window])
        self.register_buffer("basis", basis[:, None, :].float(), persistent=False)
        # Real and imaginary squares of a bin go through the same filter.
        self.register_buffer("mel", mel_filters().repeat(1, 2)[:, :, None], persistent=False)

    def forward(self, waveform):
        spectrum = F.conv1d(waveform[:, None, :], self.basis, stride=HOP)
        return self.log(F.conv1d(spectrum * spectrum, self.mel))

    @staticmethod
    def log(power):
        """[batch, MELS, frames] to what the layers read, its mean over time still in it."""
        return (torch.log(power + FLOOR) / 4).transpose(1, 2)


class Block(nn.Module):
    """Mixes over time, then over channels, and adds."""

    def __init__(self, width, kernel, hidden):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, (kernel, 1), padding=(kernel // 2, 0), groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, hidden)
        self.reduce = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x, mask=None):
        y = self.depthwise(x.transpose(1, 2).unsqueeze(3)).squeeze(3).transpose(1, 2)
        y = self.reduce(F.relu(self.expand(self.norm(y)))) * self.scale
        x = x + y
        return x if mask is None else x * mask


class Network(nn.Module):
    """Waveform [batch, samples], −1 to 1 at 16 kHz, to logits [batch, frames, 32]."""

    def __init__(self, width=256, depth=10, kernel=15, hidden=768):
        super().__init__()
        self.front = FrontEnd()
        self.first = nn.Conv1d(MELS, width, 5, stride=2, padding=2)
        self.second = nn.Conv1d(width, width, 5, stride=2, padding=2)
        self.entry = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, kernel, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * len(VOCABULARY))

    def forward(self, waveform):
        features = self.front(waveform)
        return self.logits(features - features.mean(1, keepdim=True))

    def logits(self, features, lengths=None):
        """From log-mel of mean 0; `lengths` in feature frames hides the padding of a batch."""
        x = F.relu(self.first(features.transpose(1, 2)))
        x = F.relu(self.second(x)).transpose(1, 2)
        mask = None
        if lengths is not None:
            frames = torch.div(lengths + 3, 4, rounding_mode="floor")
            mask = (torch.arange(x.shape[1])[None, :] < frames[:, None])[:, :, None].to(x.dtype)
        x = self.entry(x)
        x = x if mask is None else x * mask
        for block in self.blocks:
            x = block(x, mask)
        x = self.head(self.norm(x))
        return x.reshape(x.shape[0], -1, len(VOCABULARY))


def output_frames(feature_frames):
    """How many frames of logits come of so many frames of features."""
    return (feature_frames + 3) // 4 * 2


def greedy(ids):
    """The text of the best token of each frame."""
    text, before = [], 0
    for token in ids:
        if token != before and token > 3:
            text.append(" " if token == 4 else VOCABULARY[token])
        before = token
    return " ".join("".join(text).split())
