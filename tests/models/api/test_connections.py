"""The pool of connections against servers that write their replies byte by byte, in every form HTTP/1.1 has."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from evalkit.models.api.connections import BrokenReplyError, Connections

BODY = b'{"text": "' + b"x" * 5000 + b'"}'
PACKED = gzip.compress(BODY)
HEAD = b"HTTP/1.1 200 OK\r\nX-RateLimit-Remaining: 7\r\n"
Reply = Sequence[bytes]
"""What a server writes, piece by piece; it then closes the connection where the last piece is empty."""


def chunked(data: bytes, size: int) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x;name=value\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def length(data: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(data) + data


class Server:
    """Gives one reply after another, and counts connections and requests."""

    def __init__(self, replies: Sequence[Reply], tls: ssl.SSLContext | None = None) -> None:
        self.replies, self.tls = list(replies), tls
        self.connections = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(size))
                for piece in self.replies.pop(0):
                    if not piece:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError, IndexError):
            return
        finally:
            writer.close()

    def run(self, work: Callable[[Connections], Awaitable[None]], *, timeout: float = 5.0) -> None:
        async def all_of_it() -> None:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls)
            port = server.sockets[0].getsockname()[1]
            base = f"https://localhost:{port}/v1" if self.tls else f"http://127.0.0.1:{port}/v1"
            pool = Connections(base, {"authorization": "Bearer k"}, timeout=timeout)
            try:
                await work(pool)
            finally:
                pool.close()
                server.close()

        asyncio.run(all_of_it())


def bytewise(data: bytes) -> Reply:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(
    "reply",
    [
        [length(BODY)],
        bytewise(length(BODY[:50])),
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, 700)],
        bytewise(HEAD + b"transfer-encoding: Chunked\r\n\r\n" + chunked(BODY[:50], 7)),
        [HEAD + b"Connection: close\r\n\r\n", BODY, b""],
        [b"HTTP/1.0 200 OK\r\nx-ratelimit-remaining: 7\r\n\r\n", BODY, b""],
        [b"HTTP/1.1 100 Continue\r\n\r\n", length(BODY)],
        [
            HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(BODY)),
            gzip.compress(BODY),
        ],
    ],
    ids=["length", "length, bytewise", "chunks", "chunks, bytewise", "until closed", "HTTP/1.0", "100 first", "gzip"],
)
def test_a_reply_is_read_in_every_form(reply: Reply) -> None:
    async def work(pool: Connections) -> None:
        status, headers, body = await pool.post("/chat/completions", b"{}")
        assert (status, headers["x-ratelimit-remaining"]) == (200, "7")
        assert body in (BODY, BODY[:50])

    server = Server([reply])
    server.run(work)
    (request,) = server.requests
    assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"authorization: Bearer k\r\n" in request
    assert request.endswith(b"content-length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], BrokenReplyError),
        ([b"HTTP/1.1 many\r\n\r\n"], BrokenReplyError),
        ([HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"], BrokenReplyError),
        ([HEAD + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"], BrokenReplyError),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000], BrokenReplyError),
        ([HEAD + b"content-length: 100\r\n\r\nabc", b""], ConnectionResetError),
        ([HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nab", b""], ConnectionResetError),
        ([b""], ConnectionResetError),
        ([HEAD + b"content-length: 100\r\n\r\nabc"], TimeoutError),
    ],
    ids=["no HTTP", "no status", "no size", "no gzip", "endless head", "cut", "cut chunk", "nothing", "stalled"],
)
def test_what_is_no_reply_is_an_error_and_the_next_request_goes_well(reply: Reply, error: type[Exception]) -> None:
    async def work(pool: Connections) -> None:
        with pytest.raises(error):
            await pool.post("/x", b"{}")
        assert (await pool.post("/x", b"{}"))[2] == b"fine"

    Server([reply, [length(b"fine")]]).run(work, timeout=0.5)


def test_connections_are_kept_and_only_as_many_are_made_as_are_busy_at_once() -> None:
    async def work(pool: Connections) -> None:
        for _ in range(5):
            await asyncio.gather(*(pool.post("/x", b"{}") for _ in range(4)))

    server = Server([[length(b"ok")]] * 20)
    server.run(work)
    assert (server.connections, len(server.requests)) == (4, 20)


def test_an_answer_never_reaches_another_question() -> None:
    """A request that is given up takes its connection with it: the late answer is nobody's."""

    async def work(pool: Connections) -> None:
        given_up = asyncio.ensure_future(pool.post("/x", b"{}"))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert (await pool.post("/x", b"{}"))[2] == b"second"

    server = Server([[HEAD, b"content-length: 5\r\n\r\nfi"], [length(b"second")]])
    server.run(work)
    assert server.connections == 2


def test_a_connection_that_the_server_closed_while_idle_is_not_used() -> None:
    async def work(pool: Connections) -> None:
        await pool.post("/x", b"{}")
        await asyncio.sleep(0.1)
        assert (await pool.post("/x", b"{}"))[2] == b"again"

    Server([[length(b"once"), b""], [length(b"again")]]).run(work)


def test_what_comes_unasked_ends_the_connection() -> None:
    async def work(pool: Connections) -> None:
        assert (await pool.post("/x", b"{}"))[2] == b"one"
        assert (await pool.post("/x", b"{}"))[2] == b"two"

    server = Server([[length(b"one") + length(b"smuggled")], [length(b"two")]])
    server.run(work)
    assert server.connections == 2


def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("a certificate is made with openssl: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extra = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([program, *asked, *extra], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def refused(pool: Connections) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            await pool.post("/x", b"{}")

    async def trusted(pool: Connections) -> None:
        assert (await pool.post("/x", b"{}"))[2] == b"secret"

    Server([], context).run(refused)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    Server([[length(b"secret")]], context).run(trusted)
