"""A real Chromium, headless, through chromedriver's WebDriver protocol (https://www.w3.org/TR/webdriver2/)."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import until

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_START_SECONDS = 60.0

AXE = Path(__file__).parent / "axe" / "axe.min.js"
"""Deque's axe-core, as its npm package ships it: it finds what people with a disability cannot use."""


class Stale(Exception):
    """The page has changed since an element was found in it."""


class NoSuchElement(Exception):
    """The page has no such element (yet)."""


_ERRORS: dict[str, type[Exception]] = {"stale element reference": Stale, "no such element": NoSuchElement}


class Browser:
    """One window. Elements are found by CSS selectors; each must be there. `taps` counts what a person pressed."""

    def __init__(self, session: str) -> None:
        self._session = session
        self.taps = 0

    def open(self, url: str) -> None:
        """Go to an address and wait until it is loaded."""
        _call("POST", f"{self._session}/url", {"url": url})

    def forget(self) -> None:
        """Leave the page, and forget every cookie, what the cache has, the pages before and the taps."""
        self.open("about:blank")
        for command in ("Network.clearBrowserCookies", "Network.clearBrowserCache", "Page.resetNavigationHistory"):
            self._devtools(command, {})
        self.taps = 0

    def text(self, selector: str = "body") -> str:
        """Return the text that somebody reads in an element."""
        return str(_call("GET", f"{self._session}/element/{self._find(selector)}/text"))

    def wait_text(self, selector: str, says: str) -> None:
        """Wait until it says so: a click may return before the page that it leads to is there."""

        def look() -> str | None:
            try:
                return self.text(selector)
            except (Stale, NoSuchElement):
                return None

        until(f"{selector} says {says!r}", lambda: says in (look() or ""))

    def click(self, selector: str) -> None:
        """Click. The page that this may lead to comes later."""
        self.taps += 1
        _call("POST", f"{self._session}/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Write into a field."""
        _call("POST", f"{self._session}/element/{self._find(selector)}/value", {"text": text})

    def value(self, selector: str) -> str:
        """Return the content of a field."""
        return str(_call("GET", f"{self._session}/element/{self._find(selector)}/property/value"))

    def come_back(self) -> None:
        """Look at the window again, as after a look at another one."""
        self._run("sync", "dispatchEvent(new Event('focus'))")

    def has(self, selector: str) -> bool:
        """Return whether there is such an element."""
        found = _call("POST", f"{self._session}/elements", {"using": "css selector", "value": selector})
        return bool(found)

    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        script = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
        return int(self._run("sync", script))

    @contextmanager
    def as_on_a_phone(self) -> Iterator[None]:
        """Show the page as narrow as a phone does: no window is. Only for looking; a click would wait for ever."""
        with self.shown(390, 844):
            yield

    @contextmanager
    def shown(self, width: int, height: int, scheme: str = "light") -> Iterator[None]:
        """Show the page in a size and a colour scheme. Only for looking; a click would wait for ever."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        self._devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        try:
            yield
        finally:
            self._devtools("Emulation.setEmulatedMedia", {"features": []})
            self._devtools("Emulation.clearDeviceMetricsOverride", {})

    def bottom_of(self, selector: str) -> float:
        """Return the distance of an element's lower end from the window's top, in pixels, before anybody scrolls."""
        script = "scrollTo(0, 0); return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
        return float(self._run("sync", script, selector))

    def lowest(self, selector: str) -> float:
        """The height of the lowest of some elements that are shown, in pixels."""
        script = (
            "return Math.min(...[...document.querySelectorAll(arguments[0])]"
            ".map(element => element.getBoundingClientRect().height).filter(height => height > 0))"
        )
        return float(self._run("sync", script, selector))

    def violations(self) -> list[str]:
        """Return what axe-core calls serious or critical in the page as it is shown. It needs scripts."""
        self._run("sync", AXE.read_text(encoding="utf-8"))
        script = (
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations"
            ".filter(one => ['serious', 'critical'].includes(one.impact))"
            ".map(one => one.id + ': ' + one.nodes.map(node => node.html).slice(0, 3).join(' | '))), done)"
        )
        return [str(row) for row in self._run("async", script)]

    def _run(self, how: str, script: str, *arguments: str) -> Any:
        return _call("POST", f"{self._session}/execute/{how}", {"script": script, "args": list(arguments)})

    def screenshot(self, path: Path) -> None:
        """Keep what is seen, as PNG."""
        path.write_bytes(base64.b64decode(str(_call("GET", f"{self._session}/screenshot"))))

    def _devtools(self, command: str, parameters: dict[str, Any]) -> None:
        _call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _find(self, selector: str) -> str:
        found = _call("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])


class Browsers:
    """The browsers of a run of tests: one in which no page may run JavaScript, and one for tests that want scripts.

    Each starts when it is first used, which takes two seconds of the processor.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._begun: dict[bool, Browser] = {}

    @contextmanager
    def window(self, *, scripts: bool = False) -> Iterator[Browser]:
        """A window that knows nothing of what was seen in it before, without scripts unless the test wants them."""
        if scripts not in self._begun:
            profile = self._folder / ("with-scripts" if scripts else "without-scripts")
            self._begun[scripts] = self._running.enter_context(_browser(profile, scripts=scripts))
        window = self._begun[scripts]
        window.forget()
        yield window

    def close(self) -> None:
        """End the browsers."""
        self._running.close()


@contextmanager
def _browser(profile: Path, *, scripts: bool) -> Iterator[Browser]:
    """Run a browser with a new profile, in which no page may run JavaScript unless it may have `scripts`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        options: dict[str, Any] = {
            "binary": shutil.which("chromium"),
            "args": [*_FLAGS, f"--user-data-dir={profile}", "--window-size=1100,900"],
            "prefs": {"profile.managed_default_content_settings.javascript": 1 if scripts else 2},
        }
        server = f"http://127.0.0.1:{port}"
        _wait_for(server)
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        session = f"{server}/session/{_call('POST', f'{server}/session', {'capabilities': wanted})['sessionId']}"
        try:
            yield Browser(session)
        finally:
            _call("DELETE", session)
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # Chromium too, should it be stuck
        process.wait(timeout=20)


def _wait_for(server: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if _call("GET", f"{server}/status")["ready"]:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("chromedriver does not answer")


def _call(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        with error:
            said = json.load(error)["value"]
        if said["error"] in _ERRORS:
            raise _ERRORS[said["error"]](said["message"]) from None
        if "unhandled inspector error" in said["message"]:  # the next page is being loaded
            raise Stale(said["message"]) from None
        pytest.fail(f"chromedriver, {method} {url}: {said['error']}: {said['message']}")
