"""What people do in a browser, whichever it is."""

import asyncio
import contextlib
import json
from pathlib import Path

import aiohttp


class Browser:
    """A browser with one page, and what that page has logged and requested."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self.socket = socket
        self.session = {}
        self.last = 0
        self.answers = {}
        self.messages = []
        self.urls = []

    async def listen(self) -> None:
        async for message in self.socket:
            event = json.loads(message.data)
            if "id" in event:
                self.answers.pop(event["id"]).set_result(event)
            else:
                self.note(event["method"], event["params"])

    async def send(self, method: str, **parameters) -> dict:
        """Sends a command of the browser's protocol and returns its result."""
        self.last += 1
        answer = self.answers[self.last] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self.last, "method": method, "params": parameters, **self.session})
        result = await asyncio.wait_for(answer, 60)
        if "error" in result:
            raise RuntimeError(f"{method}: {result['error']} {result.get('message', '')}")
        return result["result"]

    def note(self, method: str, details: dict) -> None:
        """Notes an event."""
        raise NotImplementedError

    async def size(self, width: int, height: int, scale: int = 1, *, dark: bool = False) -> None:
        raise NotImplementedError

    async def open(self, url: str) -> None:
        """Opens a page as if for the first time in this tab, and waits until it has loaded."""
        raise NotImplementedError

    async def value(self, expression: str):
        """The value of an expression in JavaScript, or of its promise."""
        raise NotImplementedError

    async def run(self, script: str) -> None:
        """Runs statements in JavaScript."""
        raise NotImplementedError

    async def press(self, key: str, *, shift: bool = False) -> None:
        raise NotImplementedError

    async def enter(self, text: str) -> None:
        """Types into the element that has the focus."""
        raise NotImplementedError

    async def click_at(self, x: float, y: float) -> None:
        raise NotImplementedError

    async def choose(self, selector: str, *files: Path) -> None:
        """Chooses files in a file picker."""
        raise NotImplementedError

    async def until(self, condition: str, seconds: float = 30) -> None:
        """Waits until a condition in JavaScript holds."""
        for _ in range(int(seconds * 20)):
            with contextlib.suppress(RuntimeError):
                if await self.value(f"Boolean({condition})"):
                    return
            await asyncio.sleep(0.05)
        body = await self.value("document.querySelector('main')?.innerText ?? document.documentElement.outerHTML")
        raise AssertionError(f"waited {seconds} s in vain: {condition}\n{body}\n{self.messages}")

    async def text(self, selector: str) -> str:
        return await self.value(f"document.querySelector({json.dumps(selector)}).innerText")

    async def click(self, selector: str, *, at: float = 0.5) -> None:
        """Clicks with the mouse; `at` is the share of the element's width."""
        find = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{find} !== null && {find}.getClientRects().length > 0")
        box = await self.value(
            f"(() => {{ const element = {find}; element.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            " const {x, y, width, height} = element.getClientRects()[0]; return [x, y, width, height]; })()"
        )
        await self.click_at(box[0] + box[2] * at, box[1] + box[3] / 2)

    async def type(self, selector: str, text: str) -> None:
        """Replaces the content of a field by typing."""
        await self.click(selector)
        await self.value(f"document.querySelector({json.dumps(selector)}).select()")
        await self.enter(text)

    async def select(self, selector: str, option: str) -> None:
        """Selects an option with the arrow keys."""
        find = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{find} !== null")
        await self.value(f"{find}.focus()")
        await self.press("Home")
        for _ in range(await self.value(f"{find}.length")):
            if await self.value(f"{find}.value") == option:
                return
            await self.press("ArrowDown")
        raise AssertionError(f"{selector} has no option {option}")
