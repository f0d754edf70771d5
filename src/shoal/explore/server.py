"""The page's server: on this machine only, for one reader, until the page is closed.

Whoever else can reach the port (other users of the machine, pages of other sites in the same browser) does
not know the token, and requests whose Host or Origin is not this address are refused: a name of another site
that is made to point here (DNS rebinding) does not help. The page may load nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shoal.errors import DEBUG, ShoalError
from shoal.explore.choices import read_choices
from shoal.explore.pages import page
from shoal.explore.session import Session

HOST = "127.0.0.1"
LARGEST = 2**20  # bytes of a request
BEAT = 0.5  # seconds between signs of life to the page
GRACE = 3.0  # seconds without a page, as while one is loaded again, until the server ends
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Explorer:
    """A session on a local page.

    Parameters
    ----------
    session : Session
    port : int
        0 for a free one.

    Attributes
    ----------
    address : str
        Where the page is, with the token that opens it.

    Examples
    --------
    >>> explorer = fit.explore(browser=False, block=False)
    >>> explorer.address.startswith("http://127.0.0.1:")
    True
    >>> explorer.close()
    """

    def __init__(self, session: Session, port: int = 0):
        self._token = secrets.token_urlsafe(24)
        self._server = _Server((HOST, port), session, self._token)
        self.address = f"http://{HOST}:{self._server.server_port}/?token={self._token}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1})
        self._thread.daemon = True
        self._thread.start()

    def wait(self) -> None:
        """Return when the page was closed, after it had been opened."""
        try:
            while not self._server.left():
                time.sleep(0.1)  # short waits, so that an interrupt of this thread is heard
        finally:
            self.close()

    def close(self) -> None:
        """End the page."""
        self._server.ended = True
        self._server.session.stop()
        self._server.shutdown()
        self._server.server_close()

    def __repr__(self) -> str:
        return f"<shoal.Explorer at {self.address}>"


class _Server(ThreadingHTTPServer):
    """Who may ask, and how many pages are open."""

    daemon_threads = True
    ended = False

    def __init__(self, address: tuple[str, int], session: Session, token: str):
        super().__init__(address, _Handler)
        self.session, self.token = session, token
        self.own = f"{HOST}:{self.server_port}"
        self._pages, self._counting = 0, threading.Lock()
        self._last: float | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of pages that went away; anything else is a fault, and printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def opened(self, change: int) -> None:
        """Hear that a page was opened (1) or closed (-1)."""
        with self._counting:
            self._pages += change
            self._last = time.monotonic()

    def left(self) -> bool:
        """Whether every page that was opened has been closed for a while."""
        with self._counting:
            return self._last is not None and not self._pages and time.monotonic() - self._last > GRACE


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "shoal", ""
    timeout = 60  # seconds a request may take to arrive

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the reader looks at the page."""

    def do_GET(self) -> None:
        """Give the page, or signs of life."""
        where = urlsplit(self.path)
        token = parse_qs(where.query).get("token", [""])[0]
        if not self._allowed(token, self.headers.get("Origin") in (None, f"http://{self.server.own}")):
            return
        if where.path == "/":
            self._page()
        elif where.path == "/alive":
            self._stay()
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Fit, judge, or write the script."""
        if not self._allowed(
            self.headers.get("X-Shoal-Token", ""), self.headers.get("Origin") == f"http://{self.server.own}"
        ):
            return
        session = self.server.session
        answers: dict[str, Callable[[bytes], Any]] = {
            "/facts": lambda _: session.facts(),
            "/fit": lambda body: session.fit(read_choices(body)),
            "/criticism": lambda body: session.criticism(read_choices(body)),
            "/interrupt": self._interrupt,
            "/script": lambda body: {"script": session.script(read_choices(body))},
        }
        answer, length = answers.get(self.path), self.headers.get("Content-Length", "")
        if answer is None:
            return self._refuse(HTTPStatus.NOT_FOUND)
        if not (length.isascii() and length.isdigit()) or int(length) > LARGEST:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(int(length))
        try:
            found, status = answer(body), HTTPStatus.OK
        except (ShoalError, MemoryError) as problem:  # shown on the page, as a command shows it
            code = getattr(problem, "code", "memory")
            found = {"error": str(problem) or "Out of memory.", "code": code}
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        except Exception as problem:  # the last resort: whatever arrives here is a bug, and the page goes on
            if os.environ.get(DEBUG) == "1":
                traceback.print_exc()
            what = f"{type(problem).__name__}: {problem}"
            found = {"error": f"{what} This is a bug of Shoal; {DEBUG}=1 shows where. Please report it."}
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self._send(status, "application/json", json.dumps(found, allow_nan=False).encode())

    def _interrupt(self, _: bytes) -> dict[str, Any]:
        self.server.session.interrupt()
        return {}

    def _allowed(self, token: str, origin: bool) -> bool:
        """Whether a request comes from the page; else it is refused."""
        known = hmac.compare_digest(token.encode(), self.server.token.encode())
        if known and origin and self.headers.get("Host") == self.server.own:
            return True
        self._refuse(HTTPStatus.FORBIDDEN)
        return False

    def _refuse(self, status: HTTPStatus) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{status.phrase}.\n".encode())

    def _page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        text = page(nonce, self.server.token).encode()
        policy = {"Content-Security-Policy": POLICY.format(nonce=nonce)}
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", text, policy)

    def _stay(self) -> None:
        """Send signs of life until the page is closed: a browser then ends the connection."""
        self._head(HTTPStatus.OK, {"Content-Type": "text/event-stream"})
        self.server.opened(1)
        try:
            while not self.server.ended:
                self.wfile.write(b": here\n\n")
                time.sleep(BEAT)
        except OSError:
            pass  # the page was closed
        finally:
            self.server.opened(-1)

    def _send(self, status: HTTPStatus, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}
        self._head(status, headers)
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        fixed = {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        self.send_response(status)
        for name, value in {**fixed, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
