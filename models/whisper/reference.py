"""Writes references.json: what transformers hears with the same weights in float32, by greedy decoding, of each recording.

    reference.py    after `models/whisper/fetch` and `models/whisper/recordings --all`; takes requirements-reference.txt

`text` is of the recording, `noisy` of the recording in pink noise 10 dB below it. Recordings beyond 30 s are decoded in
windows, by timestamps, without the text before them.
"""

import json
import sys

import torch
from safetensors import safe_open
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

import noises
import speech

MODEL = speech.ROOT / ".cache/models/whisper-tiny.en.safetensors"
DECIBELS = 10


def load(path):
    """The model in float32, and its vocabulary."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        names = file.keys()
        weights = {name: file.get_tensor(name).float() for name in names}
    config = json.loads(metadata["config"])
    model = WhisperForConditionalGeneration(WhisperConfig(**config))
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if missing != ["proj_out.weight"] or unexpected:
        raise SystemExit(f"the file lacks {missing}, and has {unexpected}")
    model.tie_weights()
    given = json.loads(metadata["generation_config"])
    model.generation_config = GenerationConfig(**given, max_length=448, pad_token_id=given["eos_token_id"])
    return model.eval(), json.loads(metadata["vocabulary"])


def text_of(vocabulary, tokens):
    """Tokens as text; special tokens and times are left out."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    byte_of = {chr(byte): byte for byte in printable}
    byte_of.update({chr(256 + index): byte for index, byte in enumerate(byte for byte in range(256) if byte not in printable)})
    spoken = "".join(vocabulary[token] for token in tokens if token < vocabulary.index("<|endoftext|>"))
    return bytes(byte_of[letter] for letter in spoken).decode(errors="replace").strip()


def main():
    torch.set_num_threads(1)
    model, vocabulary = load(MODEL)
    extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)

    @torch.inference_mode()
    def transcribe(samples):
        long = len(samples) > 30 * speech.RATE
        features = extractor(
            samples, sampling_rate=speech.RATE, return_tensors="pt", truncation=not long,
            padding="longest" if long else "max_length", return_attention_mask=True,
        )
        options = {"return_timestamps": True, "condition_on_prev_tokens": False} if long else {"return_timestamps": False}
        tokens = model.generate(
            features.input_features, attention_mask=features.attention_mask, do_sample=False, num_beams=1, **options
        )
        return text_of(vocabulary, tokens[0].tolist())

    references = {}
    for recording in speech.recordings():
        samples = recording.samples()
        noisy = noises.mixed(samples, DECIBELS, recording.file)
        references[recording.file] = {
            "sha256": recording.sha256(),
            "text": transcribe(samples),
            "noisy": transcribe(noisy),
        }
        print(recording.file, references[recording.file]["text"], sep="\t", file=sys.stderr, flush=True)
    speech.REFERENCES.write_text(json.dumps(references, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
