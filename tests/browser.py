"""A headless Chromium that obeys the DevTools protocol, as JSON through two pipes."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
AXE = Path(os.environ.get("AXE_CORE", ""))
"""The file of axe-core, if there is one: ``axe.min.js``."""
FLAGS = ["--headless", "--remote-debugging-pipe", "--no-sandbox"]
FLAGS += ["--disable-gpu", "--hide-scrollbars"]


class Browser:
    """One page in a browser, and the events that it has told of."""

    def __init__(self, to_browser, from_browser):
        self._commands = os.fdopen(to_browser, "wb", buffering=0)
        self._answers = os.fdopen(from_browser, "rb")
        self._session = {}
        self._number = 0
        self.events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": session["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        """Return the answer to a command; events that come before it are kept."""
        self._number += 1
        command = {
            "id": self._number,
            "method": method,
            "params": params,
            **self._session,
        }
        self._commands.write(json.dumps(command).encode() + b"\0")
        while (message := self._read()).get("id") != self._number:
            self.events.append(message)
        assert "error" not in message, message
        return message["result"]

    def _read(self):
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        return json.loads(text)

    def choose(self, theme):
        """Show pages in a theme from now on: light or dark."""
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.send("Emulation.setEmulatedMedia", features=[feature])

    def open(self, file, width=1280):
        """Show a file in a window of a width in pixels, in the light theme."""
        self.events.clear()
        self.choose("light")
        window = {
            "width": width,
            "height": 900,
            "deviceScaleFactor": 1,
            "mobile": False,
        }
        self.send("Emulation.setDeviceMetricsOverride", **window)
        self.send("Page.navigate", url=file.as_uri())
        self.wait_for("Page.loadEventFired")

    def wait_for(self, event):
        """Wait until the browser tells of another event of a kind."""
        n = self._count(event)
        while self._count(event) == n:
            self.events.append(self._read())

    def _count(self, kind):
        return sum(event.get("method") == kind for event in self.events)

    def evaluate(self, script):
        """Return what a script gives, as plain data."""
        parameters = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = self.send("Runtime.evaluate", **parameters)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key):
        """Press a key and let it go, where the focus is."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        parameters = {"key": key, "code": key, "text": text}
        if key == "Enter":
            parameters["windowsVirtualKeyCode"] = 13
        self.send("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.send("Input.dispatchKeyEvent", type="keyUp", **parameters)


@contextmanager
def chromium(profile):
    """Start Chromium with a profile folder of its own; it ends at the end."""
    (read_commands, commands), (answers, write_answers) = os.pipe(), os.pipe()
    # Chromium reads commands from file 3 and writes answers to file 4.
    started = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
    process = subprocess.Popen(
        [
            "/bin/bash",
            "-c",
            started,
            "bash",
            str(CHROMIUM),
            *FLAGS,
            f"--user-data-dir={profile}",
        ],
        pass_fds=[read_commands, write_answers],
        stderr=subprocess.DEVNULL,
    )
    os.close(read_commands)
    os.close(write_answers)
    try:
        yield Browser(commands, answers)
    finally:
        process.terminate()
        process.wait(timeout=30)


def barriers(browser):
    """Return what axe-core finds on the open page, or cannot tell: its rule, and the
    element.

    What it cannot tell about text in plots is left out. The dark theme has other
    colours alone.
    """
    # Axe would not tell the contrast on the gradients of scrolling parts, and below the
    # picker.
    plain = ".scroll, pre { background: var(--paper) !important; }"
    plain += ".picker { position: static !important; }"
    browser.evaluate(f"document.head.append(make('style', {{}}, {json.dumps(plain)}))")
    browser.evaluate(
        "document.querySelectorAll('details').forEach((one) => one.open = true)"
    )
    browser.evaluate(AXE.read_text())
    light = browser.evaluate("axe.run()")
    browser.choose("dark")
    dark = browser.evaluate(
        "axe.run({runOnly: ['color-contrast', 'link-in-text-block']})"
    )
    unsure = _elements(light["incomplete"] + dark["incomplete"])
    certain = _elements(light["violations"] + dark["violations"])
    return certain + [item for item in unsure if not item[1].startswith("<text")]


def violations(browser):
    """Return what axe-core is sure of on the open page: its rule, and the element."""
    browser.evaluate(AXE.read_text())
    return _elements(browser.evaluate("axe.run()")["violations"])


def _elements(found):
    return [(item["id"], node["html"]) for item in found for node in item["nodes"]]
