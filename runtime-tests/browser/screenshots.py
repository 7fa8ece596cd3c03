"""Takes pictures: screenshots.py URL FOLDER writes those of the README; with `all`, each section in light, in dark and on a phone."""

import asyncio
import sys
from pathlib import Path

from chromium import Chromium, chromium
from sections import EXAMPLES, HARD, visit

# A PNG of this size is below 150 kB.
WIDTH, HEIGHT = 1000, 700
LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"width": 360, "height": 740, "scale": 2}}


async def speech(page: Chromium, url: str) -> None:
    await visit(page, url, "speech")
    await page.choose("#files", EXAMPLES / "garden.ogg", EXAMPLES / "letter.mp3")
    await page.until("[...document.querySelectorAll('#recordings .status')].filter((status) => status.innerText === '7 words').length === 2")
    await page.click(".word[data-index='3']")
    await page.until("Number(document.querySelector('.wave input').value) > 1")
    await page.click(".play")
    await page.value("scrollTo({top: 0, behavior: 'instant'})")


async def factorise(page: Chromium, url: str) -> None:
    await visit(page, url, "factorise/2%5E128%2B1")
    await page.until("document.querySelector('.product')?.innerText.includes('5704689200685129054721')")


async def predict(page: Chromium, url: str) -> None:
    await visit(page, url, "predict")
    await page.until("document.querySelector('.bar.best')")


async def arithmetic(page: Chromium, url: str) -> None:
    await visit(page, url, "try")
    for route in ["sum", "mult", "hello", "ping"]:
        await page.click(f"[data-route={route}] button")
        await page.until(f"document.querySelector('[data-route={route}] output').innerText !== ''")
    await page.value("scrollTo({top: 0, behavior: 'instant'})")


async def jobs(page: Chromium, url: str) -> None:
    """One that runs and one that has ended; the first is cancelled by `end`."""
    await visit(page, url, "jobs")
    await page.until("document.querySelector('#jobs-count').innerText !== ''")
    if await page.value("document.querySelector('#jobs-list .running') === null"):
        for body in ['{"number": 77}', f'{{"expression": "{HARD}"}}']:
            headers = "{prefer: 'respond-async', 'content-type': 'application/json'}"
            await page.value(f"fetch('/factorize', {{method: 'POST', headers: {headers}, body: '{body}'}}).then((answer) => answer.status)")
    await page.until("document.querySelector('#jobs-list .succeeded') && document.querySelector('#jobs-list .running')")
    await page.click("#jobs-list li:has(.succeeded) [aria-expanded]")
    await page.until("[...document.querySelectorAll('#jobs-list pre')].some((result) => result.innerText)")
    await page.value("scrollTo({top: 0, behavior: 'instant'})")


async def end(page: Chromium, url: str) -> None:
    await visit(page, url, "jobs")
    await page.click("#jobs-list [aria-label^=Cancel]")
    await page.until("!document.querySelector('#jobs-list .running')")


async def status(page: Chromium, url: str) -> None:
    await visit(page, url, "status")
    for count in [40, 90, 10, 60]:
        await page.value(f"Promise.all(Array.from({{length: {count}}}, () => fetch('/ping').then((answer) => answer.text())))")
        await asyncio.sleep(5)


async def signing_in(page: Chromium, url: str) -> None:
    await visit(page, url, "speech")
    await page.value("document.querySelector('#sign-in .reason').innerText = 'This server asks who calls.'")
    await page.value("document.querySelector('#sign-in').showModal()")


async def main(url: str, folder: str, *which: str) -> None:
    async with chromium() as page:
        if which:
            for look, size in LOOKS.items():
                await page.size(**{"width": WIDTH, "height": HEIGHT, **size})
                for section in [speech, factorise, predict, arithmetic, jobs, status, signing_in]:
                    await section(page, url)
                    await page.screenshot(Path(folder) / f"{section.__name__}-{look}.png", whole=section is not signing_in)
            await end(page, url)
            return
        await page.size(WIDTH, HEIGHT)
        await speech(page, url)
        await page.screenshot(Path(folder) / "speech.png")
        await page.size(WIDTH, HEIGHT, dark=True)
        await factorise(page, url)
        await page.screenshot(Path(folder) / "primes.png")


asyncio.run(main(*sys.argv[1:]))
