"""A headless Chromium driven over its debugging pipe: what a page asks for, complains of, and looks like.

The protocol is JSON, a message ended by a zero byte, read from file descriptor 3 and written to 4:
https://chromedevtools.github.io/devtools-protocol. No package is needed for it.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-zygote", "--remote-debugging-pipe")
PATIENCE = 60  # seconds until a browser that says nothing is given up

# The browser must find its pipes at descriptors 3 and 4, whatever numbers they have here.
TRAMPOLINE = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(reads, 3), os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""

MEASURE = """
JSON.stringify({
  inner: innerWidth,
  wide: document.documentElement.scrollWidth,
  math: [...document.querySelectorAll("math")].map(e => e.getBoundingClientRect().height),
  svg: [...document.querySelectorAll("svg")].map(e => e.getBoundingClientRect().height),
  links: [...document.querySelectorAll("nav a")].filter(a => !document.querySelector(a.hash)).length,
  text: document.body.innerText,
})
"""


def find():
    """Return the path of a browser, or None."""
    return os.environ.get("SHOAL_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A running browser with one page."""

    def __init__(self, reads, writes):
        self.reads, self.writes = reads, writes
        self.buffer, self.count, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """Send a command and return its result; events on the way are kept."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(method)
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self, what):
        began = time.monotonic()
        while b"\0" not in self.buffer:
            left = PATIENCE - (time.monotonic() - began)
            ready = select.select([self.reads], [], [], max(left, 0))[0]
            assert ready, f"The browser did not answer {what} in {PATIENCE} s."
            part = os.read(self.reads, 2**20)
            assert part, f"The browser ended at {what}."
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, path, width):
        """Open a file in a window of `width` pixels; return what was measured, asked for, complained of."""
        self.events.clear()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next("Page.navigate"))
        found = self.call("Runtime.evaluate", expression=MEASURE)["result"]["value"]
        return json.loads(found) | {"asked": self._asked(path), "complaints": self._complaints()}

    def _asked(self, path):
        sent = [e["params"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        urls = {event["request"]["url"] for event in sent} - {path.as_uri()}
        return sorted(url for url in urls if not url.startswith("data:"))

    def _complaints(self):
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(e["params"]) for e in self.events if e.get("method") in kinds]


@contextmanager
def running(executable, profile):
    """Start a browser whose profile is the folder `profile`, and end it."""
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()
    command = [sys.executable, "-c", TRAMPOLINE, str(to_browser), str(to_us), executable, *FLAGS]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(to_browser, to_us),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser), os.close(to_us)
    try:
        yield Browser(from_browser, from_us)
    finally:
        process.kill()
        process.wait()
        os.close(from_browser), os.close(from_us)
