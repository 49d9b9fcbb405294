"""HTTP/1.1 as far as JSON over a pool of connections needs it: a third of the processor time of a general client.

One request at a time on a connection, which is kept where the server keeps it. What is more than that (proxies,
streams) goes through aiohttp.
"""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    import ssl

__all__ = ["BrokenReplyError", "Connections"]

Answer = tuple[int, Mapping[str, str], bytes]
_MOST_HEAD_BYTES = 256 * 1024
_CONNECT_SECONDS = 30.0
_NAMES_SECONDS = 300.0
_STREAM = 1
"""socket.SOCK_STREAM."""


class BrokenReplyError(Exception):
    """What came is no HTTP reply, or ended in the middle of one."""


class Connections:
    """Connections to one server, as many as are asked for at once."""

    def __init__(self, base_url: str, headers: Mapping[str, str], *, timeout: float) -> None:
        parts = urlsplit(base_url)
        self._host, self._secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._path = parts.path
        self._timeout = timeout
        said = {"host": parts.netloc.rpartition("@")[2], "content-type": "application/json", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in said.items()).encode("latin-1")
        self._free: list[_Connection] = []
        self._addresses: list[str] = []
        self._looked_up = 0.0
        self._looking_up = asyncio.Lock()
        self._context: ssl.SSLContext | None = None

    async def post(self, path: str, data: bytes) -> Answer:
        """(status, headers by lower-case name, body). Raises TimeoutError, OSError (the connection could not be made or
        was lost) and BrokenReplyError."""
        target = quote(self._path + path, safe="/:?=&%,@+~!$'()*;")
        head = b"POST %b HTTP/1.1\r\n%bcontent-length: %d\r\n\r\n" % (target.encode("ascii"), self._head, len(data))
        loop = asyncio.get_running_loop()
        started = loop.time()
        connection = self._kept()
        if connection is None:
            connection = await asyncio.wait_for(self._connected(loop), min(_CONNECT_SECONDS, self._timeout))
        timer = loop.call_at(started + self._timeout, connection.fail, TimeoutError())
        try:
            answer = await connection.ask(head + data)
        except BaseException:
            # Whatever comes on it now would be the answer to another question.
            connection.close()
            raise
        finally:
            timer.cancel()
        if connection.is_kept:
            self._free.append(connection)
        else:
            connection.close()
        return answer

    def _kept(self) -> _Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_kept:
                return connection
        return None

    async def _connected(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        problem: OSError = OSError(f"no address is known for {self._host}")
        for address in await self._known_addresses(loop):
            try:
                _, made = await loop.create_connection(
                    _Connection,
                    address,
                    self._port,
                    ssl=self._tls(),
                    server_hostname=self._host if self._secure else None,
                )
            except OSError as error:
                problem = error
            else:
                return made
        raise problem

    async def _known_addresses(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        """Looked up once in a while: hundreds of connections are made to one name."""
        async with self._looking_up:
            now = time.monotonic()
            if not self._addresses or now - self._looked_up > _NAMES_SECONDS:
                found = await loop.getaddrinfo(self._host, self._port, type=_STREAM)
                self._addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
                self._looked_up = now
        return self._addresses

    def _tls(self) -> ssl.SSLContext | None:
        if self._secure and self._context is None:
            import ssl

            self._context = ssl.create_default_context()
        return self._context

    def close(self) -> None:
        free, self._free = self._free, []
        for connection in free:
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._data = bytearray()
        self._begin()
        self.is_kept = True

    def _begin(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._length: int | None = None
        self._chunks: list[bytes] | None = None

    async def ask(self, request: bytes) -> Answer:
        assert self._transport is not None
        if self._transport.is_closing():
            raise ConnectionResetError("the server closed the connection")
        self._begin()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.is_kept = False
        if self._transport is not None:
            self._transport.abort()

    def fail(self, error: Exception) -> None:
        """Whoever waits for an answer gets the error; the connection is of no further use."""
        self.is_kept = False
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)

    # ------------------------------------------------------------ what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_kept = False
        if self._status and self._length is None and self._chunks is None and error is None:
            self._finish(bytes(self._data))  # a reply that ends with its connection
        else:
            where = "in the middle of its reply" if self._status or self._data else "before it replied"
            self.fail(ConnectionResetError(f"the server closed the connection {where}"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._answer is None:
            self.close()  # nothing was asked
            return
        try:
            while self._answer is not None and self._step():
                pass
        except (ValueError, IndexError, BrokenReplyError) as error:
            self.fail(BrokenReplyError(str(error)))

    # ------------------------------------------------------------ reading

    def _step(self) -> bool:
        """Read on; False where more has to come first."""
        if not self._status:
            return self._read_head()
        if self._chunks is not None:
            return self._read_chunk(self._chunks)
        if self._length is None or len(self._data) < self._length:
            return False
        body = bytes(self._data[: self._length])
        del self._data[: self._length]
        self._finish(body)
        return False

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > _MOST_HEAD_BYTES:
                raise BrokenReplyError("the head of the reply does not end")
            return False
        first, *lines = self._data[:end].decode("latin-1").split("\r\n")
        del self._data[: end + 4]
        version, status, *_ = first.split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise BrokenReplyError(f"it begins with {first[:40]!r}")
        if 100 <= int(status) < 200:
            return True  # word that the reply is still to come
        self._status = int(status)
        headers = self._headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        keeps = headers.get("connection", "").lower()
        self.is_kept = "close" not in keeps and (version == "HTTP/1.1" or "keep-alive" in keeps)
        if "chunked" in headers.get("transfer-encoding", "").lower():
            self._chunks = []
        elif "content-length" in headers:
            self._length = int(headers["content-length"])
        elif self._status in (204, 304):
            self._length = 0
        else:
            self.is_kept = False  # it ends with the connection
        return True

    def _read_chunk(self, chunks: list[bytes]) -> bool:
        end = self._data.find(b"\r\n")
        if end < 0:
            return False
        size = int(bytes(self._data[:end]).partition(b";")[0], 16)
        if size == 0:
            # Trailers, which nobody sends, then an empty line.
            last = self._data.find(b"\r\n\r\n", end)
            if last < 0:
                return False
            del self._data[: last + 4]
            self._finish(b"".join(chunks))
            return False
        whole = end + 2 + size + 2
        if len(self._data) < whole:
            return False
        chunks.append(bytes(self._data[end + 2 : whole - 2]))
        del self._data[:whole]
        return True

    def _finish(self, body: bytes) -> None:
        packed = self._headers.get("content-encoding", "identity").lower()
        try:
            body = gzip.decompress(body) if packed == "gzip" else zlib.decompress(body) if packed == "deflate" else body
        except (OSError, EOFError, zlib.error) as error:
            self.fail(BrokenReplyError(f"the reply cannot be unpacked ({packed}): {error}"))
            return
        if self._data:
            self.is_kept = False  # more than was asked for
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result((self._status, self._headers, body))
