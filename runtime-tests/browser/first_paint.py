"""Visits a page with an empty cache and prints when it was painted first and what it transferred: first_paint.py URL VISITS.

The answer is JSON, one object a visit, times in milliseconds from the begin of the navigation: `answered`, when the server's first byte
came, `paint`, and `least`, the first paint of `/ping`, which is what the browser needs for any page; `bytes` with headers.
"""

import asyncio
import json
import sys

from chromium import Chromium, chromium

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
ANSWERED = "performance.getEntriesByType('navigation')[0].responseStart"


async def paint(page: Chromium, url: str) -> float:
    await page.open(url)
    await page.until(PAINT)
    return await page.value(PAINT)


async def main(url: str, visits: str) -> None:
    measured = []
    async with chromium() as page:
        await page.size(1200, 900)
        for _ in range(int(visits)):
            least = await paint(page, f"{url}ping")
            await page.send("Network.clearBrowserCache")
            page.bytes = 0
            visit = {"least": least, "paint": await paint(page, url)}
            await page.until("document.documentElement.dataset.ready")
            measured.append({**visit, "answered": await page.value(ANSWERED), "bytes": page.bytes})
    print(json.dumps(measured))


asyncio.run(main(*sys.argv[1:]))
