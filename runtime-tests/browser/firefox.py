"""Drives Debian's Firefox through WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks by itself."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from pathlib import Path

import aiohttp
from browser import Browser

PREFERENCES = {
    # A proxy that is not there: the browser's requests to its maker's hosts stay on this machine.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "dom.events.testing.asyncClipboard": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.aboutwelcome.enabled": False,
}
# The code points of keys (https://w3c.github.io/webdriver/#keyboard-actions).
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    " ": " ",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
SHIFT = "\ue008"


class Firefox(Browser):
    def note(self, method: str, details: dict) -> None:
        if method == "log.entryAdded":
            self.messages.append(details["text"])
        elif method == "network.beforeRequestSent":
            self.urls.append(details["request"]["url"])

    async def attach(self) -> None:
        await self.send("session.new", capabilities={})
        tree = await self.send("browsingContext.getTree")
        self.context = tree["contexts"][0]["context"]
        await self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"], contexts=[self.context])

    async def size(self, width: int, height: int, scale: int = 1, *, dark: bool = False) -> None:
        assert not dark, "only the light colours"
        await self.send("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height}, devicePixelRatio=scale)

    async def open(self, url: str) -> None:
        for address in ["about:blank", url]:
            await self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    async def evaluate(self, expression: str) -> dict:
        target = {"context": self.context}
        answer = await self.send("script.evaluate", expression=expression, target=target, awaitPromise=True, userActivation=True)
        if answer["type"] == "exception":
            raise RuntimeError(f"{expression[:1000]}: {answer['exceptionDetails']['text']}")
        return answer["result"]

    async def value(self, expression: str):
        # As JSON, since the protocol's own values are objects.
        answer = await self.evaluate(f"(async () => JSON.stringify(await ({expression})))()")
        return json.loads(answer["value"]) if "value" in answer else None

    async def run(self, script: str) -> None:
        await self.evaluate(script)

    async def act(self, kind: str, actions: list[dict]) -> None:
        await self.send("input.performActions", context=self.context, actions=[{"type": kind, "id": kind, "actions": actions}])

    async def press(self, key: str, *, shift: bool = False) -> None:
        held = [SHIFT, KEYS[key]] if shift else [KEYS[key]]
        down = [{"type": "keyDown", "value": value} for value in held]
        await self.act("key", [*down, *({"type": "keyUp", "value": value} for value in reversed(held))])

    async def enter(self, text: str) -> None:
        await self.act("key", [{"type": kind, "value": letter} for letter in text for kind in ["keyDown", "keyUp"]])

    async def click_at(self, x: float, y: float) -> None:
        move = {"type": "pointerMove", "x": round(x), "y": round(y)}
        await self.act("pointer", [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}])

    async def choose(self, selector: str, *files: Path) -> None:
        element = await self.evaluate(f"document.querySelector({json.dumps(selector)})")
        await self.send("input.setFiles", context=self.context, element={"sharedId": element["sharedId"]}, files=[str(file) for file in files])


@contextlib.asynccontextmanager
async def firefox():
    """A browser with a profile of its own."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "Firefox is missing: `make setup-test` installs it"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        preferences = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("".join(preferences))
        command = [program, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0", "about:blank"]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
        try:
            address = profile / "WebDriverBiDiServer.json"
            for _ in range(1200):
                if address.is_file() and address.read_text().strip():
                    break
                await asyncio.sleep(0.05)
            port = json.loads(address.read_text())["ws_port"]
            async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}/session", max_msg_size=0) as socket:
                browser = Firefox(socket)
                listener = asyncio.create_task(browser.listen())
                await browser.attach()
                yield browser
                listener.cancel()
        finally:
            process.terminate()
            await process.wait()
