"""A hub on this machine: what huggingface_hub, transformers and datasets ask when they fetch a model or a data set."""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_LARGE = (".safetensors", ".parquet")
"""Files that the hub keeps elsewhere: asked for, it names a place on another host."""


@dataclass
class Repository:
    """A model or data set: what each commit holds, and what the branches and tags stand for."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    token: str = ""
    """The only token that may see it, where it is private."""
    lost: set[str] = field(default_factory=set)
    """Files that are listed and cannot be fetched."""
    keeps: str = "everything"
    """"commits": it names its commits and gives no files; "nothing": it only says that it is in trouble."""
    breaks: dict[str, list[int]] = field(default_factory=dict)
    """By file: after how many bytes the next answers with its content break off, one after another."""

    def commit(self, files: dict[str, bytes], *names: str) -> str:
        sha = hashlib.sha1(json.dumps([len(self.commits), sorted(files), *names]).encode()).hexdigest()
        self.commits[sha] = files
        self.names |= dict.fromkeys(names or ("main",), sha)
        return sha


@dataclass
class Refusal:
    """The answer to the next `times` requests whose path holds `part`."""

    part: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    body: bytes = b"{}"


@dataclass
class LoopbackHub:
    """Its repositories by id, what it was asked, and which token (and Range) came with each request."""

    endpoint: str = ""
    models: dict[str, Repository] = field(default_factory=dict)
    datasets: dict[str, Repository] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    """Old ids of repositories, and the ids that they have now."""
    tokens: set[str] = field(default_factory=set)
    """Tokens that the hub knows; any other is refused."""
    refusals: list[Refusal] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)

    @property
    def elsewhere(self) -> str:
        """The other host that large files lie on."""
        return self.endpoint.replace("127.0.0.1", "localhost")


@contextmanager
def serving() -> Iterator[LoopbackHub]:
    """An empty hub that answers until the block ends."""
    hub = LoopbackHub()

    class Handler(_Handler):
        loopback = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    loopback: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 (the base class's name)

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    @property
    def _token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def _answer(self, body: bytes = b"") -> None:
        hub = self.loopback
        hub.asked.append(f"{self.command} {self.path}")
        hub.sent.append({"path": self.path, "token": self._token, **dict(self.headers.items())})
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        for refusal in hub.refusals:
            if refusal.times and refusal.part in path:
                refusal.times -= 1
                return self._send(refusal.status, refusal.body, refusal.headers)
        if path.startswith("/elsewhere/"):
            return self._large(path.removeprefix("/elsewhere/"))
        if self._token and self._token not in hub.tokens:
            return self._refuse(401, "", message="Invalid credentials in Authorization header")
        is_api = path.startswith("/api/")
        plain = path.removeprefix("/api").lstrip("/")
        is_dataset = plain.startswith("datasets/")
        parts = plain.removeprefix("datasets/").removeprefix("models/").split("/")
        repo_id = "/".join(parts[:2])
        if repo_id in hub.moved:
            there = self.path.replace(repo_id, hub.moved[repo_id], 1)
            return self._send(307, b"", {"Location": there})
        repository = (hub.datasets if is_dataset else hub.models).get(repo_id)
        if repository is None or (repository.token and repository.token != self._token):
            # Without a token the hub does not say whether there is something that may not be seen.
            return self._refuse(404 if self._token else 401, "RepoNotFound")
        return self._of(repository, repo_id, parts[2:], body, is_api=is_api)

    def _of(self, repository: Repository, repo_id: str, parts: list[str], body: bytes, *, is_api: bool) -> None:
        verb, revision, rest = (parts[:1] or [""])[0], (parts[1:2] or ["main"])[0], "/".join(parts[2:])
        if repository.keeps == "nothing":
            return self._refuse(500, "Trouble")
        if repository.keeps == "commits" and verb in {"resolve", "tree"}:
            # Any refusal that the clients do not try again for half a minute.
            return self._refuse(400, "Trouble")
        if repository.gated and (not is_api or verb == "auth-check"):
            return self._refuse(403 if self._token else 401, "GatedRepo")
        if verb == "auth-check":
            return self._json({}, "")
        if verb == "refs":
            listed = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha}
                for name, sha in repository.names.items()
            ]
            return self._json({"branches": listed, "tags": [], "converts": []}, "")
        sha = repository.names.get(revision, revision)
        if sha not in repository.commits:
            return self._refuse(404, "RevisionNotFound")
        files = repository.commits[sha]
        if verb == "resolve":
            return self._resolve(repository, {n: d for n, d in files.items() if n not in repository.lost}, rest, sha)
        if verb == "tree":
            return self._json([_entry(name, data) for name, data in files.items() if name.startswith(rest)], sha)
        if verb == "paths-info":
            asked = json.loads(body)["paths"] if body[:1] == b"{" else urllib.parse.parse_qs(body.decode())["paths"]
            return self._json([_entry(name, files[name]) for name in asked if name in files], sha)
        siblings = [{"rfilename": name} for name in files]
        return self._json({"id": repo_id, "sha": sha, "siblings": siblings, "tags": []}, sha)

    def _resolve(self, repository: Repository, files: dict[str, bytes], name: str, sha: str) -> None:
        if name not in files:
            return self._refuse(404, "EntryNotFound", sha)
        data = files[name]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{_oid(data)}"'}
        if name.endswith(_LARGE):
            headers |= {
                "X-Linked-Etag": f'"{_sha256(data)}"',
                "X-Linked-Size": str(len(data)),
                "Location": f"{self.loopback.elsewhere}/elsewhere/{_sha256(data)}",
            }
            return self._send(302, b"", headers)
        return self._send(200, data, headers, self._break(repository, name))

    def _large(self, digest: str) -> None:
        for repository in (*self.loopback.models.values(), *self.loopback.datasets.values()):
            for files in repository.commits.values():
                for name, data in files.items():
                    if name.endswith(_LARGE) and _sha256(data) == digest:
                        return self._send(200, data, {"ETag": f'"{digest}"'}, self._break(repository, name))
        return self._refuse(404, "EntryNotFound")

    def _break(self, repository: Repository, name: str) -> int | None:
        left = repository.breaks.get(name, [])
        return left.pop(0) if left and self.command == "GET" else None

    def _json(self, value: object, sha: str) -> None:
        headers = {"Content-Type": "application/json", "X-Repo-Commit": sha}
        self._send(200, json.dumps(value).encode(), headers)

    def _refuse(self, status: int, code: str, sha: str = "", message: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message or code, "X-Repo-Commit": sha}
        self._send(status, b"{}", {name: value for name, value in headers.items() if value})

    def _send(self, status: int, data: bytes, headers: dict[str, str], breaks: int | None = None) -> None:
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
        if self.command == "HEAD":
            return
        if breaks is None:
            self.wfile.write(data[start:end])
            return
        self.wfile.write(data[start : start + breaks])
        self.wfile.flush()
        self.close_connection = True


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _entry(name: str, data: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
    if name.endswith(_LARGE):
        entry["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 134}
    return entry
