"""Drives Debian's Chromium through the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import asyncio
import base64
import contextlib
import shutil
import tempfile
from pathlib import Path

import aiohttp
from browser import Browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=AutofillServerCommunication",
    "--autoplay-policy=no-user-gesture-required",
    # The browser's requests to its maker's hosts also stay on this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
]
# Key, and for keys that enter text also that.
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
TEXTS = {"Enter": "\r", " ": " "}


class Chromium(Browser):
    """Chromium, and how many bytes its page has loaded."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        super().__init__(socket)
        self.bytes = 0

    def note(self, method: str, details: dict) -> None:
        if method == "Runtime.consoleAPICalled":
            self.messages.append(" ".join(str(argument.get("value", argument.get("description"))) for argument in details["args"]))
        elif method == "Runtime.exceptionThrown":
            self.messages.append(str(details["exceptionDetails"].get("exception", details["exceptionDetails"])))
        elif method == "Log.entryAdded":
            self.messages.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.urls.append(details["request"]["url"])
        elif method == "Network.loadingFinished":
            self.bytes += details["encodedDataLength"]

    async def attach(self, downloads: str) -> None:
        target = await self.send("Target.createTarget", url="about:blank")
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = {"sessionId": attached["sessionId"]}
        for domain in ["Page", "Runtime", "Log", "Network"]:
            await self.send(f"{domain}.enable")
        await self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=downloads)
        await self.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite", "audioCapture"])
        self.downloads = Path(downloads)

    async def size(self, width: int, height: int, scale: int = 1, *, dark: bool = False) -> None:
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url="about:blank")
        answer = await self.send("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def value(self, expression: str):
        result = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression[:1000]}: {result['exceptionDetails']['exception'].get('description')}")
        return result["result"].get("value")

    async def run(self, script: str) -> None:
        await self.value(f"{script}; null")

    async def enter(self, text: str) -> None:
        await self.send("Input.insertText", text=text)

    async def click_at(self, x: float, y: float) -> None:
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"]:
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" else "left", clickCount=1)

    async def press(self, key: str, *, shift: bool = False) -> None:
        code = KEYS[key]
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        text = {"text": TEXTS[key]} if key in TEXTS else {}
        await self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **text)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def choose(self, selector: str, *files: Path) -> None:
        document = await self.send("DOM.getDocument")
        node = await self.send("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector)
        await self.send("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(file) for file in files])

    async def downloaded(self, name: str) -> str:
        for _ in range(200):
            if (self.downloads / name).is_file():
                return (self.downloads / name).read_text()
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} was not downloaded; there are {[file.name for file in self.downloads.iterdir()]}")

    async def screenshot(self, path: Path, *, whole: bool = False) -> None:
        shot = await self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))


@contextlib.asynccontextmanager
async def chromium(*flags: str):
    """A browser; `flags` are added to the usual ones."""
    program = shutil.which("chromium")
    assert program, "chromium is missing: `make setup-test` installs it"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder) / "profile"
        downloads = Path(folder) / "downloads"
        downloads.mkdir()
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            *flags,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = profile / "DevToolsActivePort"
            for _ in range(600):
                if address.is_file() and len(address.read_text().splitlines()) == 2:
                    break
                await asyncio.sleep(0.05)
            port, path = address.read_text().splitlines()
            async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket:
                browser = Chromium(socket)
                listener = asyncio.create_task(browser.listen())
                await browser.attach(str(downloads))
                yield browser
                listener.cancel()
        finally:
            process.terminate()
            await process.wait()
