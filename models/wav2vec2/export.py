"""Exports a Wav2Vec2ForCTC of transformers as the ONNX file that the recogniser takes.

    python wav2vec2.py --model facebook/wav2vec2-base-960h wav2vec2-base-960h.onnx

`--model` is a name on huggingface.co or a folder. The graph takes the waveform itself: what the feature extractor does
to it is part of it.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn.utils import parametrize
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

EPSILON = 1e-7  # of Wav2Vec2FeatureExtractor


class Recogniser(nn.Module):
    """Waveform [1, samples], −1 to 1, to logits [1, frames, vocabulary]."""

    def __init__(self, model, normalise):
        super().__init__()
        self.model = model
        self.normalise = normalise

    def forward(self, waveform):
        if self.normalise:
            centred = waveform - waveform.mean(1, keepdim=True)
            waveform = centred / torch.sqrt((centred * centred).mean(1, keepdim=True) + EPSILON)
        return self.model(waveform).logits


def plain(model):
    """Without what only training needs."""
    model.eval()
    model.config._attn_implementation = "eager"
    for module in model.modules():
        for name in list(getattr(module, "parametrizations", {})):
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    return model


def receptive_field(config):
    """Samples that one frame sees, and samples from one frame to the next."""
    field, stride = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride):
        field += (kernel - 1) * stride
        stride *= step
    return field, stride


def export(model, path, name, vocabulary, rate=16_000, normalise=True, created=None):
    """Writes `model` to `path` and checks ONNX Runtime's answer against PyTorch's."""
    minimum, stride = receptive_field(model.config)
    net = Recogniser(plain(model), normalise).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.randn(1, 40_000) * 0.1,), str(path), dynamo=False, opset_version=17,
            input_names=["waveform"], output_names=["logits"],
            dynamic_axes={"waveform": {1: "samples"}, "logits": {1: "frames"}},
        )
    graph = onnx.load(path)
    for key, value in {
        "name": name,
        "created": str(created or int(time.time())),
        "sample_rate": str(rate),
        "stride": str(stride),
        "minimum_samples": str(minimum),
        "vocabulary": json.dumps(vocabulary),
    }.items():
        graph.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for samples in (minimum, 16_000, 33_333):
        waveform = torch.randn(1, samples) * 0.1
        with torch.no_grad():
            expected = net(waveform).numpy()
        (logits,) = session.run(None, {"waveform": waveform.numpy()})
        assert logits.shape == expected.shape
        difference = np.abs(logits - expected).max()
        assert difference < 1e-3, f"ONNX Runtime and PyTorch differ by {difference}"


def load(source):
    """A model with its tokens by id, the sample rate, and whether it wants normalised samples."""
    try:
        extractor = Wav2Vec2FeatureExtractor.from_pretrained(source)
        tokens = Wav2Vec2CTCTokenizer.from_pretrained(source).get_vocab()
        model = Wav2Vec2ForCTC.from_pretrained(source, attn_implementation="eager")
    except (OSError, ValueError) as error:
        sys.exit(
            f"wav2vec2.py: cannot load '{source}': {str(error).splitlines()[0]}\n"
            "It has to be a folder with a Wav2Vec2ForCTC and its tokenizer, or, where huggingface.co can be reached, a name there."
        )
    vocabulary = sorted(tokens, key=tokens.get)[: model.config.vocab_size]
    if len(vocabulary) != model.config.vocab_size:
        sys.exit(f"wav2vec2.py: '{source}' has {model.config.vocab_size} logits and {len(vocabulary)} tokens")
    return model, vocabulary, extractor.sampling_rate, extractor.do_normalize


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="facebook/wav2vec2-base-960h")
    parser.add_argument("onnx", type=Path)
    args = parser.parse_args()
    model, vocabulary, rate, normalise = load(args.model)
    export(model, args.onnx, args.model.rstrip("/").split("/")[-1], vocabulary, rate, normalise)
    print(f"{args.onnx}: {args.onnx.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
