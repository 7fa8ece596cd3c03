"""Uses the page in Firefox: page_in_firefox.py OPEN URL NAME KEY PASSWORD, with an application that everybody may call and one that asks."""

import asyncio
import sys

from firefox import firefox
from sections import EXAMPLES, factors, iris, signing_in, small_routes, visit


async def main(url: str, asking: str, *credentials: str) -> None:
    async with firefox() as page:
        await page.size(1200, 900)
        await visit(page, url, "speech")
        await page.choose("#files", EXAMPLES / "garden.ogg")
        await page.until("document.querySelector('#recordings .status')?.innerText === '7 words'")
        for part in [factors, iris, small_routes]:
            await part(page, url)
        await signing_in(page, asking, *credentials)
        assert not page.messages, page.messages
        foreign = [other for other in page.urls if not other.startswith((url, asking, f"blob:{url}", "about:blank", "data:"))]
        assert not foreign, foreign


asyncio.run(main(*sys.argv[1:]))
