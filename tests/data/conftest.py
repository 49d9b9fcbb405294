"""What the data tests share: a cache of their own, the real mirror where there is one, and a hub on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("EVALKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def real_mirror() -> Path:
    """The folder of real benchmark rows, laid out as a mirror."""
    folder = Path(os.environ.get("EVALKIT_TEST_DATA", REPOSITORY.parent / "shared" / "data" / "hub"))
    if not folder.is_dir():
        pytest.skip(f"no real benchmark rows: {folder} is missing (EVALKIT_TEST_DATA names another folder)")
    return folder


@dataclass
class Repository:
    """A data set on the hub: what each commit holds, and what the branches and tags stand for."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    lost: set[str] = field(default_factory=set)
    """Files that are listed and cannot be fetched."""
    keeps: str = "everything"
    """"commits": it names its commits and gives no files; "nothing": it only says that it is in trouble."""

    def commit(self, files: dict[str, bytes], *names: str) -> str:
        sha = hashlib.sha1(json.dumps([len(self.commits), sorted(files), *names]).encode()).hexdigest()
        self.commits[sha] = files
        self.names |= dict.fromkeys(names or ("main",), sha)
        return sha


@dataclass
class LoopbackHub:
    """The few endpoints of the hub that `datasets` and `huggingface_hub` ask when they load a data set."""

    endpoint: str
    repositories: dict[str, Repository]
    asked: list[str]


@pytest.fixture(scope="module")
def loopback_hub() -> Iterator[LoopbackHub]:
    hub = LoopbackHub("", {}, [])

    class Handler(_Handler):
        loopback = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def make_repository() -> type[Repository]:
    return Repository


class _Handler(BaseHTTPRequestHandler):
    loopback: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        self.loopback.asked.append(f"{self.command} {self.path}")

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(body)

    def _answer(self, body: bytes = b"") -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        is_api = path.startswith("/api/")
        parts = path.removeprefix("/api").removeprefix("/datasets/").split("/")
        repository = self.loopback.repositories.get("/".join(parts[:2]))
        verb, revision, rest = (parts[2:3] or [""])[0], (parts[3:4] or ["main"])[0], "/".join(parts[4:])
        if repository is None:
            return self._refuse(404 if is_api else 401, "RepoNotFound")
        if repository.keeps == "nothing":
            return self._refuse(500, "Trouble")
        if repository.keeps == "commits" and verb in {"resolve", "tree"}:
            # Any refusal that the clients do not try again for half a minute.
            return self._refuse(400, "Trouble")
        if repository.gated and not is_api:
            return self._refuse(403, "GatedRepo")
        sha = repository.names.get(revision, revision)
        if sha not in repository.commits:
            return self._refuse(404, "RevisionNotFound")
        files = repository.commits[sha]
        if verb == "resolve":
            return self._file({name: files[name] for name in files.keys() - repository.lost}, rest, sha)
        if verb == "tree":
            return self._json([_entry(name, data) for name, data in files.items() if name.startswith(rest)], sha)
        if verb == "paths-info":
            asked = json.loads(body)["paths"] if body[:1] == b"{" else urllib.parse.parse_qs(body.decode())["paths"]
            return self._json([_entry(name, files[name]) for name in asked if name in files], sha)
        siblings = [{"rfilename": name} for name in files]
        return self._json({"id": "/".join(parts[:2]), "sha": sha, "siblings": siblings, "tags": []}, sha)

    def _file(self, files: dict[str, bytes], name: str, sha: str) -> None:
        if name not in files:
            return self._refuse(404, "EntryNotFound", sha)
        return self._send(200, files[name], {"ETag": f'"{_oid(files[name])}"', "X-Repo-Commit": sha})

    def _json(self, value: object, sha: str) -> None:
        headers = {"Content-Type": "application/json", "X-Repo-Commit": sha}
        self._send(200, json.dumps(value).encode(), headers)

    def _refuse(self, status: int, code: str, sha: str = "") -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, "X-Repo-Commit": sha})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        start, end = 0, len(data)
        if (wanted := self.headers.get("Range")) and status == 200:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or end - 1) + 1, end)
            status = 206
            headers = headers | {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[start:end])


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _entry(name: str, data: bytes) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
