"""Uses the page as people do: by clicking and typing, with a microphone, with the keyboard alone, on a phone.

page.py use|looks|documentation URL: an application that everybody may call.
page.py sign-in URL NAME KEY PASSWORD: one that asks who calls.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from accessibility import violations
from chromium import Chromium, chromium
from documentation import dialog_signs_in, documentation
from recordings import long_speech, sound, speech_from_files, speech_from_the_microphone, speech_that_is_no_speech, two_voices
from sections import EXAMPLES, expressions, factors, hard_factors, iris, jobs, jobs_by_events, signing_in, small_routes, state, visit

SECTIONS = ["speech", "factorise", "predict", "try", "jobs", "status"]


async def keyboard_alone(page: Chromium, url: str) -> None:
    await visit(page, url, "speech")

    async def reach(what: str) -> None:
        for _ in range(40):
            await page.press("Tab")
            if await page.value(f"document.activeElement?.matches({json.dumps(what)})"):
                # What has the focus can be seen.
                assert await page.value("(() => { const box = document.activeElement.getBoundingClientRect(); return box.width > 0 && box.top >= 0; })()")
                return
        raise AssertionError(f"Tab does not reach {what}")

    await reach(".skip")
    await reach("nav a[href='#factorise']")
    await page.press("Enter")
    await page.until("document.documentElement.dataset.ready === 'factorise'")
    await reach("#number")
    await page.value("document.activeElement.select()")
    await page.enter("91")
    await page.press("Enter")
    await page.until("document.querySelector('.product')?.innerText === '7 · 13'")


async def without_scripts(page: Chromium, url: str) -> None:
    await page.send("Emulation.setScriptExecutionDisabled", value=True)
    for form, answer in [("[data-route=sum]", '"result":0.3'), ("#factorise-form", '"factorization_str"'), ("#predict-form", '"versicolor"')]:
        await page.open(url)
        await page.click(f"{form} button:not(.js)")
        await page.until(f"document.body?.innerText.includes('{answer}')")
    await page.open(url)
    await page.choose("#files", EXAMPLES / "letter.mp3")
    await page.click("#speech-form button.plain")
    await page.until("document.body?.innerText.trim() === 'Please write a letter to my friend.'")
    await page.send("Emulation.setScriptExecutionDisabled", value=False)


async def everywhere(page: Chromium, url: str) -> None:
    """Widths, accessibility and stillness of each section."""
    shifts = (
        "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries())"
        " if (!entry.hadRecentInput) sum += entry.value; }).observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 100); })"
    )
    for dark, widths in [(False, [320, 1200]), (True, [360])]:
        for width in widths:
            await page.size(width, 800, dark=dark)
            for section in SECTIONS:
                await visit(page, url, section)
                wide = await page.value("document.documentElement.scrollWidth")
                assert wide <= width, f"{section} is {wide} pixels wide on {width}"
                moved = await page.value(shifts)
                assert moved < 0.1, f"{section} moves by {moved} at {width}"
                found = await violations(page)
                assert not found, f"{section}, {width}, dark {dark}: {found}"
    await page.size(1200, 900)


PARTS = {
    "use": [
        speech_from_files,
        speech_from_the_microphone,
        two_voices,
        long_speech,
        expressions,
        factors,
        hard_factors,
        iris,
        small_routes,
        jobs,
        jobs_by_events,
        state,
        speech_that_is_no_speech,
    ],
    "looks": [keyboard_alone, without_scripts, everywhere],
    "documentation": [documentation],
    "sign-in": [signing_in, dialog_signs_in],
}
# The browser logs every error response. These parts provoke some.
LOGGED = {expressions: "422", small_routes: "422", speech_that_is_no_speech: "400", signing_in: "401", dialog_signs_in: "401"}


async def main(what: str, url: str, *credentials: str) -> None:
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with tempfile.TemporaryDirectory() as folder:
        fake.append(f"--use-file-for-fake-audio-capture={sound(Path(folder) / 'microphone.wav')}")
        async with chromium(*fake) as page:
            await page.size(1200, 900)
            if what == "use":
                await visit(page, url, "speech")
                assert page.bytes <= 150_000, f"the page is {page.bytes} bytes"
            for part in PARTS[what]:
                started = asyncio.get_running_loop().time()
                await part(page, url, *credentials)
                print(f"{part.__name__}: {asyncio.get_running_loop().time() - started:.1f} s", flush=True)
                logged, page.messages = page.messages, []
                unexpected = [message for message in logged if part not in LOGGED or LOGGED[part] not in message]
                assert not unexpected, unexpected
            foreign = [other for other in page.urls if not other.startswith((url, f"blob:{url}", "about:blank", "data:"))]
            assert not foreign, foreign


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
