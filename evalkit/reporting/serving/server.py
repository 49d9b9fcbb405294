"""The server of pages: on loopback, for whoever has the token in its address, from no foreign name or page.

It answers on 127.0.0.1 alone. The token is the first part of every path, so that other users of the machine get
nothing. A `Host` that is not a name of loopback is refused, because a foreign name can be made to point here (DNS
rebinding), and so is an `Origin` that is not this server.
"""

from __future__ import annotations

import hmac
import secrets
import shutil
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from evalkit.core import UsageError

LOOPBACK = "127.0.0.1"
_LARGEST_BODY = 1 << 16
_IDLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site gives: a body, or a file whose content is one."""

    body: bytes | Path = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200


class Site(Protocol):
    """What is served. `parts` is the path behind the token, decoded; an empty last part means a folder."""

    def get(self, parts: Sequence[str], query: dict[str, str]) -> Answer: ...
    def post(self, parts: Sequence[str], body: bytes) -> Answer: ...


def missing(what: str = "There is no such page.") -> Answer:
    return _said(what, 404)


def _said(text: str, status: int) -> Answer:
    return Answer(text.encode(errors="replace"), "text/plain; charset=utf-8", status)


def listening(port: int = 0) -> socket.socket:
    """A socket that listens on loopback, on any free port by default. Raises UsageError where the port is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
        found.listen(64)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot serve on port {port}", found=reason, fix="without --port a free one is taken"
        ) from None
    return found


def new_token() -> str:
    return secrets.token_urlsafe(24)


def address_of(server: socket.socket, token: str) -> str:
    """What a browser is given."""
    return f"http://{LOOPBACK}:{server.getsockname()[1]}/{token}/"


class LocalServer(ThreadingHTTPServer):
    """Serves a site on a listening socket, a thread a connection, none of which outlives the process."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, site: Site, server: socket.socket, token: str) -> None:
        super().__init__((LOOPBACK, 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = server
        self.site, self.token = site, token
        self.server_port = int(server.getsockname()[1])

    @property
    def names(self) -> tuple[str, str]:
        return (f"{LOOPBACK}:{self.server_port}", f"localhost:{self.server_port}")

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is nothing to tell of."""


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "evalkit", ""
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        parts = self._admitted()
        if parts is None:
            return
        if not parts:
            self._send(Answer(status=308), location=f"/{self.server.token}/")
            return
        query = {name: found[-1] for name, found in parse_qs(urlsplit(self.path).query).items()}
        self._send(self._made(lambda: self.server.site.get(parts, query)))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        parts = self._admitted()
        if parts is None:
            return
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        length = self.headers.get("Content-Length", "")
        if kind != "application/json" or not self.headers.get("Origin"):
            self._refuse(403, "only this server's own page may change something")
        elif not length.isdecimal() or int(length) > _LARGEST_BODY:
            self._refuse(413, "that is too much")
        else:
            body = self.rfile.read(int(length))
            self._send(self._made(lambda: self.server.site.post(parts, body)))

    def _admitted(self) -> list[str] | None:
        """The parts of the path behind the token; None where the request has been refused."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        first, *rest = [unquote(part) for part in urlsplit(self.path).path.split("/")][1:] or [""]
        why = ""
        if host not in self.server.names:
            why = "this server answers as 127.0.0.1 or localhost alone"
        elif origin is not None and origin != f"http://{host}":
            why = "another site's page may not read this"
        elif not hmac.compare_digest(first.encode(errors="replace"), self.server.token.encode()):
            why = "the address lacks its token: take it from the terminal"
        if why:
            self._refuse(403, why)
            return None
        return rest

    def _made(self, make: Callable[[], Answer]) -> Answer:
        try:
            return make()
        except UsageError as error:
            return _said(str(error), 400)
        except Exception as error:  # noqa: BLE001 - a page that cannot be made is said, whatever it is
            return _said(f"this page could not be made: {type(error).__name__}: {error}", 500)

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True
        self._send(_said(why, status))

    def _send(self, answer: Answer, location: str = "") -> None:
        size = len(answer.body) if isinstance(answer.body, bytes) else answer.body.stat().st_size
        self.send_response(answer.status)
        for name, value in {
            "Content-Type": answer.kind,
            "Content-Length": str(size),
            "Location": location,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(answer.body, bytes):
            self.wfile.write(answer.body)
        else:
            with answer.body.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Nothing: the terminal is the run's."""
