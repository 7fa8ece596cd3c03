"""Writes the pictures of the README: screenshots.py URL FOLDER."""

import asyncio
import sys
from pathlib import Path

from chromium import chromium

EXAMPLES = Path(__file__).parents[2] / "examples"
# A PNG of this size is below 150 kB.
WIDTH, HEIGHT = 1000, 700


async def main(url: str, folder: str) -> None:
    async with chromium() as page:
        await page.size(WIDTH, HEIGHT)
        await page.open(f"{url}/#speech")
        await page.until("document.documentElement.dataset.ready === 'speech'")
        await page.choose("#files", EXAMPLES / "garden.ogg", EXAMPLES / "letter.mp3")
        await page.until("[...document.querySelectorAll('#recordings .status')].filter((status) => status.innerText === '7 words').length === 2")
        await page.click(".word[data-index='3']")
        await page.until("Number(document.querySelector('.wave input').value) > 1")
        await page.click(".play")
        await page.value("scrollTo({top: 0, behavior: 'instant'})")
        await page.screenshot(Path(folder) / "speech.png")
        await page.size(WIDTH, HEIGHT, dark=True)
        await page.open(f"{url}/#factorise/2%5E128%2B1")
        await page.until("document.querySelector('.product')?.innerText.includes('5704689200685129054721')")
        await page.screenshot(Path(folder) / "primes.png")


asyncio.run(main(*sys.argv[1:]))
