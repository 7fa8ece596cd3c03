"""What decoding needs beside the weights: the generation config, by OpenAI's rules."""

import re

from conversion import Failure

NON_SPEECH = '"#()*+/:;<=>@[\\]^_`{|}~「」『』'
NON_SPEECH_GROUPS = "<< >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪"
MUSIC = "♩♪♫♬♭♮♯"


def byte_level(text):
    """Text as GPT-2 writes it in its vocabulary: a printable character for each byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(printable))
    return "".join(table[byte] for byte in text.encode())


def non_speech_tokens(ids):
    """OpenAI's rule for the tokens that are not spoken: brackets, signs, notes, hyphens and quotes that begin a word."""
    found = {ids[token] for token in (byte_level(" -"), byte_level(" '")) if token in ids}
    for symbol in [*NON_SPEECH, *NON_SPEECH_GROUPS.split(), *MUSIC]:
        for text in (symbol, " " + symbol):
            token = byte_level(text)
            if token in ids:
                found.add(ids[token])
            elif symbol in MUSIC:
                # Its first token; a lone byte begins much else.
                while len(token) > 1 and token not in ids:
                    token = token[:-1]
                found.update([ids[token]] if len(token) > 1 else [])
    return found


def complete(given, config, vocabulary):
    """The generation config, completed by OpenAI's rules."""
    ids = {token: id for id, token in enumerate(vocabulary) if token}

    def special(*names):
        found = [ids[name] for name in names if name in ids]
        if not found:
            raise Failure(f"the vocabulary has no {names[0]}")
        return found[0]

    end, start = special("<|endoftext|>"), special("<|startoftranscript|>")
    transcribe, translate = special("<|transcribe|>"), special("<|translate|>")
    previous, no_timestamps = special("<|startofprev|>"), special("<|notimestamps|>")
    multilingual = given.get("is_multilingual", config["vocab_size"] >= 51865)
    no_speech = special("<|nospeech|>", "<|nocaptions|>")
    model_start = [ids[token] for token in ("<|startoflm|>",) if token in ids]
    half_way = config["decoder_layers"] // 2
    result = {
        "alignment_heads": [
            [layer, head]
            for layer in range(half_way, config["decoder_layers"])
            for head in range(config["decoder_attention_heads"])
        ],
        "begin_suppress_tokens": [ids[token] for token in [byte_level(" ")] if token in ids] + [end],
        "decoder_start_token_id": start,
        "eos_token_id": end,
        "is_multilingual": multilingual,
        "max_initial_timestamp_index": 50,
        "no_speech_token_id": no_speech,
        "no_timestamps_token_id": no_timestamps,
        "prev_sot_token_id": previous,
        "suppress_tokens": sorted(
            non_speech_tokens(ids) | {start, transcribe, translate, previous, no_speech, *model_start}
        ),
    }
    if multilingual:
        language = re.compile(r"<\|[a-z]{2,3}\|>")
        result["lang_to_id"] = {token: id for token, id in ids.items() if start < id < translate and language.fullmatch(token)}
        result["task_to_id"] = {"transcribe": transcribe, "translate": translate}
    return {**result, **{name: value for name, value in given.items() if value is not None}}
