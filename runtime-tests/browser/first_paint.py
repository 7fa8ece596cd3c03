"""Visits a page with an empty cache and prints when it was painted first and what it transferred: first_paint.py URL VISITS.

The answer is JSON, one object a visit: `paint` in milliseconds from the begin of the navigation, `bytes` with headers.
"""

import asyncio
import json
import sys

from chromium import chromium

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


async def main(url: str, visits: str) -> None:
    measured = []
    async with chromium() as page:
        await page.size(1200, 900)
        for _ in range(int(visits)):
            await page.send("Network.clearBrowserCache")
            page.bytes = 0
            await page.open(url)
            await page.until("document.documentElement.dataset.ready")
            await page.until(PAINT)
            measured.append({"paint": await page.value(PAINT), "bytes": page.bytes})
    print(json.dumps(measured))


asyncio.run(main(*sys.argv[1:]))
