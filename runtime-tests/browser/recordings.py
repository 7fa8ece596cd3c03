"""Speech on the page: files, a microphone, two voices, and a recording that takes a job."""

import json
import subprocess
import tempfile
from pathlib import Path

from accessibility import violations
from chromium import Chromium
from sections import EXAMPLES, visit


def sound(path: Path, *options: str) -> Path:
    """Writes a recording of a sentence about a door as 16-bit PCM, which is what Chromium takes for a microphone."""
    subprocess.run(["ffmpeg", "-v", "error", "-i", EXAMPLES / "door.wav", *options, "-ar", "48000", "-c:a", "pcm_s16le", path], check=True)
    return path


async def speech_from_files(page: Chromium, url: str) -> None:
    await visit(page, url, "speech")
    await page.choose("#files", EXAMPLES / "garden.ogg", EXAMPLES / "letter.mp3")
    await page.until("[...document.querySelectorAll('#recordings .status')].filter((status) => status.innerText === '7 words').length === 2")
    letter = "#recordings article:first-child"
    assert await page.text(f"{letter} h3") == "letter.mp3"
    assert await page.text(f"{letter} .words") == "Please write a letter to my friend."
    # The waveform is drawn, and a word plays from where it was said.
    drawn = "[...document.querySelector('.wave canvas').getContext('2d').getImageData(0, 0, 200, 40).data].some((value) => value > 0)"
    assert await page.value(drawn)
    await page.click(f"{letter} .word[data-index='3']")
    await page.until(f"document.querySelector(\"{letter} .word.now\")?.innerText === 'letter'")
    await page.until(f"Number(document.querySelector('{letter} .wave input').value) > 0.5")
    # Arrow keys move among the words.
    await page.press("ArrowRight")
    assert await page.value("document.activeElement.innerText") == "to"
    await page.press("Home")
    assert await page.value("document.activeElement.innerText") == "Please"
    await page.type(f"{letter} [type=search]", "LETT")
    assert await page.value(f"document.querySelector('{letter} .match').innerText") == "letter"
    assert await page.text(f"{letter} .found") == "1 found"
    await page.type(f"{letter} [type=search]", "te a l")
    assert await page.value(f"[...document.querySelectorAll('{letter} .match')].map((word) => word.innerText).join()") == "write,a,letter"
    # An edited word has the time of the one that it replaces.
    await page.click(f"{letter} [data-edit]")
    await page.type(f"{letter} .edited", "Please write two letters to my friend.")
    await page.click(f"{letter} [data-edit]")
    assert await page.text(f"{letter} .words") == "Please write two letters to my friend."
    await page.click(f"{letter} [data-text]")
    await page.until(f"document.querySelector('{letter} [data-text]').innerText === 'Copied'")
    for extension in ["txt", "srt", "vtt", "json", "csv"]:
        await page.click(f"{letter} [data-format={extension}]")
    assert await page.downloaded("letter.txt") == "Please write two letters to my friend.\n"
    srt = await page.downloaded("letter.srt")
    assert srt.startswith("1\n00:00:0") and "\nPlease write two letters to my friend.\n" in srt, srt
    assert (await page.downloaded("letter.vtt")).startswith("WEBVTT\n\n00:00:0")
    words = json.loads(await page.downloaded("letter.json"))["words"]
    assert [word["word"] for word in words] == ["Please", "write", "two", "letters", "to", "my", "friend."]
    starts = [word["start"] for word in words]
    assert starts == sorted(starts) and 0 < starts[3] < words[3]["end"] < 2.3, words
    assert (await page.downloaded("letter.csv")).startswith("word,start,end,confidence\nPlease,")
    found = await violations(page)
    assert not found, f"a transcript: {found}"
    await page.click(f"{letter} [data-remove]")
    assert await page.value("document.querySelectorAll('#recordings article').length") == 1


async def two_voices(page: Chromium, url: str) -> None:
    """A recorded call: each channel is a voice."""
    with tempfile.TemporaryDirectory() as folder:
        call = Path(folder) / "call.wav"
        sound(call, "-i", EXAMPLES / "letter.mp3", "-filter_complex", "[0]aresample=16000[l];[1]aresample=16000[r];[l][r]join=inputs=2:channel_layout=stereo")
        await visit(page, url, "speech")
        await page.choose("#files", call)
        await page.until("document.querySelector('.recording .status')?.innerText.endsWith(' words')")
        await page.click(".split input")
        await page.until("document.querySelectorAll('.voice').length >= 2")
    voices = await page.value("[...new Set([...document.querySelectorAll('.voice')].map((voice) => voice.innerText))].sort().join()")
    assert voices == "Voice 1,Voice 2", voices
    text = await page.text(".recording .words")
    assert "window" in text and "letter" in text, text


async def speech_that_is_no_speech(page: Chromium, url: str) -> None:
    await visit(page, url, "speech")
    drop = "document.querySelector('#speech-form').dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: data}))"
    await page.value(f"(() => {{ const data = new DataTransfer(); data.items.add(new File(['no sound'], 'dropped.txt')); {drop}; }})()")
    await page.until("document.querySelector('.recording .status')?.innerText === 'Failed'")
    assert "The file is not audio" in await page.text(".recording .problem")


async def speech_from_the_microphone(page: Chromium, url: str) -> None:
    await page.size(320, 700)
    await visit(page, url, "speech")
    await page.click("#record")
    await page.until("document.querySelector('#record').innerText.includes('Stop')")
    await page.until("document.querySelector('#clock').innerText === '0:03'")
    level = "[...document.querySelector('#level').getContext('2d').getImageData(0, 0, 400, 40).data].some((value) => value > 0)"
    assert await page.value(level)
    assert await page.value("document.documentElement.scrollWidth") <= 320
    right = await page.value("document.querySelector('#clock').getBoundingClientRect().right")
    assert right <= 300, right
    await page.click("#record")
    await page.until("document.querySelector('.recording .status')?.innerText.endsWith(' words')")
    text = await page.text(".recording .words")
    assert "door" in text.lower(), text
    assert (await page.text(".recording h3")).startswith("Recording ")
    await page.size(1200, 900)


async def long_speech(page: Chromium, url: str) -> None:
    """A job, which a reload finds again."""
    with tempfile.TemporaryDirectory() as folder:
        path = sound(Path(folder) / "long.wav", "-af", "apad=whole_dur=75")
        await visit(page, url, "speech")
        await page.choose("#files", path)
        await page.until("document.querySelector('.recording .status')?.innerText.endsWith(' words')", 60)
    text = await page.text(".recording .words")
    assert "door" in text.lower(), text
    await visit(page, url, "speech")
    await page.until("document.querySelector('.recording .status')?.innerText.endsWith(' words')")
    assert await page.text(".recording h3") == "long.wav"
    assert await page.text(".recording .words") == text
    # Its sound is in this browser, so that words play.
    assert "in this browser only" in await page.text(".recording .kept")
    await page.click(".recording .word[data-index='2']")
    await page.until("Number(document.querySelector('.recording .wave input').value) > 0.3")
    drawn = "[...document.querySelector('.wave canvas').getContext('2d').getImageData(0, 0, 20, 40).data].some((value) => value > 0)"
    assert await page.value(drawn)
    await page.click(".recording [data-remove]")
    sounds = """new Promise((done) => { const opening = indexedDB.open("routelets", 1); opening.onsuccess = () => {
      const counting = opening.result.transaction("sounds").objectStore("sounds").count();
      counting.onsuccess = () => { opening.result.close(); done(counting.result === 0); }; }; })"""
    await visit(page, url, "speech")
    assert await page.value("document.querySelector('.recording')") is None
    assert await page.value(sounds)
