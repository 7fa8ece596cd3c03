"""Makes the models and logits that the tests compare with: python make.py, in the environment of models/wav2vec2/export.py.

Small Wav2Vec2ForCTC with random weights, in the two forms there are: that of wav2vec2-base, and that of wav2vec2-large-lv60.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

here = Path(__file__).parent
sys.path.insert(0, str(here / "../../../../models/wav2vec2"))
import export

VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
SMALL = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": 32,
    "pad_token_id": 0,
}
FORMS = {
    "base": {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False},
    "large": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
}


def waveform(samples=20_000):
    i = np.arange(samples)
    return ((i * 7919 % 2003 / 1001.5 - 1) * 0.1 * (i * 31 // samples % 3)).astype(np.float32)


for name, form in FORMS.items():
    torch.manual_seed(7)
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL, **form))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)  # or all logits would be nearly alike
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    export.export(model, here / f"{name}.onnx", f"random-{name}", VOCABULARY, created=1_700_000_000)
    samples = torch.from_numpy(waveform())[None]
    samples = (samples - samples.mean()) / torch.sqrt(samples.var(unbiased=False) + 1e-7)
    with torch.no_grad():
        logits = model(samples).logits[0].numpy()
    (here / f"{name}.logits").write_bytes(logits.astype("<f4").tobytes())
    print(name, logits.shape, logits.std())
