"""The format of CTranslate2."""

import struct

from conversion import Failure


def read(data):
    """The variables of a model.bin as {name: (shape, type, bytes)}; type 4 is float16."""
    view, at = memoryview(data), 0

    def number(form):
        nonlocal at
        value = struct.unpack_from("<" + form, view, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def string():
        nonlocal at
        length = number("H")
        value = bytes(view[at : at + length - 1]).decode()
        at += length
        return value

    version, spec, revision = number("I"), string(), number("I")
    if (version, spec, revision) != (6, "WhisperSpec", 3):
        raise Failure(f"model.bin is a {spec} of version {version}.{revision}, expected a WhisperSpec of version 6.3")
    variables = {}
    for _ in range(number("I")):
        name = string()
        shape = [number("I") for _ in range(number("B"))]
        kind, length = number("B"), number("I")
        variables[name] = (shape, kind, view[at : at + length])
        at += length
    return variables


def tensors(variables):
    """The weights as [(name, type, shape, bytes)], by the names of transformers."""
    found = []

    def put(name, source, part=None):
        shape, kind, data = variables[source]
        if kind != 4:
            raise Failure(f"{source} in model.bin is not float16")
        if part is not None:
            # Query, key and value are stacked.
            index, parts = part
            rows, length = shape[0] // parts, len(data) // parts
            shape, data = [rows, *shape[1:]], data[index * length : (index + 1) * length]
        found.append((name, "F16", shape, data))

    def linear(name, source, part=None, bias=True):
        put(f"{name}.weight", f"{source}/weight", part)
        if bias:
            put(f"{name}.bias", f"{source}/bias", part)
        elif any(variables[f"{source}/bias"][2][i] for i in range(*key_bias(source, part))):
            raise Failure(f"{source} has a bias for its keys, which a Whisper does not have")

    def key_bias(source, part):
        index, parts = part
        length = len(variables[f"{source}/bias"][2]) // parts
        return index * length, (index + 1) * length

    def norm(name, source):
        put(f"{name}.weight", f"{source}/gamma")
        put(f"{name}.bias", f"{source}/beta")

    for side in ("encoder", "decoder"):
        if side == "encoder":
            linear("model.encoder.conv1", "encoder/conv1")
            linear("model.encoder.conv2", "encoder/conv2")
        else:
            put("model.decoder.embed_tokens.weight", "decoder/embeddings/weight")
        put(f"model.{side}.embed_positions.weight", f"{side}/position_encodings/encodings")
        for layer in range(layers(variables, side)):
            to, source = f"model.{side}.layers.{layer}", f"{side}/layer_{layer}"
            attention = f"{source}/self_attention"
            norm(f"{to}.self_attn_layer_norm", f"{attention}/layer_norm")
            linear(f"{to}.self_attn.q_proj", f"{attention}/linear_0", (0, 3))
            linear(f"{to}.self_attn.k_proj", f"{attention}/linear_0", (1, 3), bias=False)
            linear(f"{to}.self_attn.v_proj", f"{attention}/linear_0", (2, 3))
            linear(f"{to}.self_attn.out_proj", f"{attention}/linear_1")
            if side == "decoder":
                attention = f"{source}/attention"
                norm(f"{to}.encoder_attn_layer_norm", f"{attention}/layer_norm")
                linear(f"{to}.encoder_attn.q_proj", f"{attention}/linear_0")
                linear(f"{to}.encoder_attn.k_proj", f"{attention}/linear_1", (0, 2), bias=False)
                linear(f"{to}.encoder_attn.v_proj", f"{attention}/linear_1", (1, 2))
                linear(f"{to}.encoder_attn.out_proj", f"{attention}/linear_2")
            norm(f"{to}.final_layer_norm", f"{source}/ffn/layer_norm")
            linear(f"{to}.fc1", f"{source}/ffn/linear_0")
            linear(f"{to}.fc2", f"{source}/ffn/linear_1")
        norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
    return found


def layers(variables, side):
    return len({name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_") and "layer_norm" not in name.split("/")[1]})


def config(variables):
    def scalar(name):
        return struct.unpack("<h", variables[name][2])[0]

    tokens, width = variables["decoder/embeddings/weight"][0]
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "d_model": width,
        "encoder_layers": layers(variables, "encoder"),
        "encoder_attention_heads": scalar("encoder/num_heads"),
        "encoder_ffn_dim": variables["encoder/layer_0/ffn/linear_0/weight"][0][0],
        "decoder_layers": layers(variables, "decoder"),
        "decoder_attention_heads": scalar("decoder/num_heads"),
        "decoder_ffn_dim": variables["decoder/layer_0/ffn/linear_0/weight"][0][0],
        "num_mel_bins": variables["encoder/conv1/weight"][0][1],
        "max_source_positions": variables["encoder/position_encodings/encodings"][0][0],
        "max_target_positions": variables["decoder/position_encodings/encodings"][0][0],
        "scale_embedding": False,
        "vocab_size": tokens,
    }
