"""Speaks to a running application with the client library of OpenAI, unmodified.

    python openai_client.py BASE_URL EXAMPLES_DIR

Says nothing and exits with 0 when every answer is as it should be.
"""

import sys
import time
from pathlib import Path

import openai
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

import checks

BASE_URL, EXAMPLES = sys.argv[1], Path(sys.argv[2])
# The key is in OPENAI_API_KEY, where the library looks for it.
client = openai.OpenAI(base_url=f"{BASE_URL}/v1", max_retries=0)
SPOKEN, SILENT = EXAMPLES / "numbers.wav", EXAMPLES / "silence.wav"


def create(file=SPOKEN, model="whisper-1", by=client, **options):
    return by.audio.transcriptions.create(file=file, model=model, **options)


def refused(kind, code=None, param=None, **options):
    """The exception of a request that must fail."""
    try:
        answer = create(**options)
    except openai.APIError as error:
        assert type(error) is kind, f"{options}: {error!r}"
        assert code is None or error.code == code, f"{options}: {error.code}"
        assert param is None or error.param == param, f"{options}: {error.param}"
        return error
    raise AssertionError(f"{options}: {answer!r}")


def test_models():
    listed = client.models.list()
    [model] = listed.data
    assert model.object == "model" and model.created > 1_600_000_000, model
    assert client.models.retrieve(model.id) == model
    assert client.models.retrieve("whisper-1") == model
    assert create(file=SILENT, model=model.id).text == ""
    for name in ("gpt-4o-transcribe", "openai/whisper-large-v3"):
        try:
            client.models.retrieve(name)
        except openai.NotFoundError as error:
            assert error.code == "model_not_found" and error.type == "invalid_request_error"
        else:
            raise AssertionError(name)


def test_key():
    stranger = client.with_options(api_key="sk-of-somebody-else")
    refused(openai.AuthenticationError, "invalid_credentials", by=stranger)


def test_formats():
    text = create().text
    assert isinstance(text, str)
    assert create(response_format="json").usage.type == "duration"
    assert create(response_format="text") == text + "\n"
    srt, vtt = create(response_format="srt"), create(response_format="vtt")
    assert vtt.startswith("WEBVTT"), vtt
    for word in text.split():
        assert word in srt and word in vtt, (word, srt, vtt)
    verbose = create(response_format="verbose_json")
    assert verbose.text == text and verbose.language == "english"
    assert 2 < verbose.duration < 4, verbose.duration
    assert verbose.words is None
    assert " ".join(segment.text for segment in verbose.segments) == text
    for i, segment in enumerate(verbose.segments):
        assert segment.id == i and 0 <= segment.start < segment.end <= verbose.duration
        assert segment.avg_logprob <= 0 and segment.compression_ratio > 0 and segment.temperature == 0
        assert 0 <= segment.no_speech_prob < 0.6 and segment.tokens, segment
    silent = create(file=SILENT, response_format="verbose_json")
    assert silent.segments == [] and silent.no_speech_prob > 0.9, silent


def test_granularities():
    def times(*granularities):
        return create(response_format="verbose_json", timestamp_granularities=list(granularities))

    words = times("word")
    assert words.segments is None
    assert [word.word for word in words.words] == words.text.split()
    end = 0
    for word in words.words:
        assert end <= word.start < word.end <= words.duration + 0.01, word
        end = word.start
    both = times("word", "segment")
    assert both.words == words.words and both.segments is not None
    assert times("segment").words is None


def test_stream():
    events = list(create(stream=True))
    *deltas, done = events
    assert isinstance(done, TranscriptionTextDoneEvent), events
    assert all(isinstance(delta, TranscriptionTextDeltaEvent) for delta in deltas), events
    assert "".join(delta.delta for delta in deltas) == done.text == create().text
    [done] = create(file=SILENT, stream=True)
    assert done.text == ""


def test_logprobs():
    answer = create(include=["logprobs"])
    told = bytes(int(byte) for token in answer.logprobs for byte in token.bytes).decode()
    assert told.strip() == answer.text, (told, answer.text)
    assert all(token.logprob <= 0 and token.token for token in answer.logprobs), answer.logprobs
    *deltas, done = create(include=["logprobs"], stream=True)
    told = [token.model_dump() for delta in deltas for token in delta.logprobs]
    assert told and told == [token.model_dump() for token in done.logprobs], done


def test_options():
    text = create().text
    for options in ({"language": "en"}, {"language": "english"}, {"temperature": 0}, {"chunking_strategy": "auto"}):
        assert create(**options).text == text, options
    assert create(prompt="Numbers.", temperature=0.2).text
    assert create(file=("anything.bin", SPOKEN.read_bytes())).text == text
    assert create(file=SILENT).text == ""


def test_errors():
    bad = openai.BadRequestError
    refused(bad, "unsupported_language", "language", language="de")
    refused(bad, "invalid_parameter", "temperature", temperature=2)
    refused(bad, "invalid_parameter", "response_format", response_format="diarized_json")
    refused(bad, "invalid_parameter", "timestamp_granularities", timestamp_granularities=["word"])
    for name in ("timestamp_granularities[0]", "timestamp_granularities[word]"):
        refused(bad, "invalid_parameter", name, response_format="verbose_json", extra_body={name: "word"})
    refused(bad, "invalid_parameter", "include", include=["usage"])
    try:
        client.audio.translations.create(file=SPOKEN, model="whisper-1")
    except openai.BadRequestError as error:
        assert error.code == "no_translation" and "English-only" in error.message, error
    else:
        raise AssertionError("an English-only model translates")
    try:
        client.embeddings.create(model="whisper-1", input="words")
    except openai.NotFoundError as error:
        assert error.code == "not_found" and error.type == "invalid_request_error", error
    else:
        raise AssertionError("there are no embeddings")
    refused(bad, "not_audio", "file", file=("words.wav", b"These are words. " * 50))
    refused(bad, "empty_file", "file", file=("empty.wav", b""))
    refused(bad, "corrupt_audio", "file", file=("part.flac", (EXAMPLES / "weather.flac").read_bytes()[:9_000]))
    error = refused(openai.NotFoundError, "model_not_found", "model", model="gpt-4o-transcribe")
    assert "whisper-1" in error.message
    error = refused(openai.APIStatusError, "content_too_large", file=("large.wav", bytes(27_000_000)))
    assert error.status_code == 413
    # Errors of a stream that has not begun are errors of the request.
    refused(bad, "not_audio", stream=True, file=("words.wav", b"These are words. " * 50))


def test_timeout():
    minute = b"".join(SPOKEN.read_bytes()[44:] for _ in range(23))
    header = SPOKEN.read_bytes()[:44]
    size = len(minute)
    header = header[:4] + (size + 36).to_bytes(4, "little") + header[8:40] + size.to_bytes(4, "little")
    hasty = client.with_options(timeout=0.01)
    refused(openai.APITimeoutError, by=hasty, file=("minute.wav", header + minute))
    # Other requests are not affected.
    began = time.monotonic()
    assert create(file=SILENT).text == ""
    assert time.monotonic() - began < 60


def test_concurrency():
    import asyncio

    async def four():
        async with openai.AsyncOpenAI(base_url=f"{BASE_URL}/v1", max_retries=0) as many:
            return await asyncio.gather(*(create(by=many) for _ in range(4)))

    texts = {answer.text for answer in asyncio.run(four())}
    assert texts == {create().text}, texts


checks.run(globals())
