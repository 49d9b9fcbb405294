"""A cassette: every request of a run with its reply, so that the run can be played again with no network and no key.

A cassette is a file of JSON lines: for every model a header (identity, capabilities), then one line a reply, under the
key of its request. What is replayed is what was recorded, to the byte; a request that is not on the cassette is an
error.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import orjson

from evalkit.core import (
    Capabilities,
    Choose,
    Embed,
    Generate,
    Identity,
    Model,
    ModelError,
    Perplexity,
    Reply,
    Request,
    Tokenize,
    UsageError,
)
from evalkit.models.response_cache import read_reply, request_key, write_reply
from evalkit.models.wrapper import Wrapper

__all__ = ["Cassette", "recorded"]

_FORMAT = 1
_REQUESTS: Mapping[str, type] = {kind.__name__: kind for kind in (Generate, Choose, Perplexity, Embed, Tokenize)}


def recorded(model: Model, path: Path, spec: str) -> Model:
    """`model` with every reply written to the cassette as well. `spec` is the name it is asked for under when replayed.

    A reply is on the cassette before the caller has it. Raises UsageError where the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        out = path.open("ab", buffering=0)
    except OSError as error:
        raise UsageError(f"cannot write the cassette {path}", found=error.strerror or "", fix="--record FILE") from None
    known = set(Cassette(path)._replies) if path.stat().st_size else set[str]()
    return _Recorded(model, out, spec, known)


class Cassette:
    """A cassette that was recorded. Raises UsageError, with file and line, for a file that is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._headers: dict[str, dict[str, Any]] = {}
        self._replies: dict[str, str] = {}
        if not path.is_file():
            raise UsageError(f"cassette {path} does not exist", fix="evalkit run … --record FILE makes one")
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                # A torn last line is what was being written when the recording was killed.
                if line.endswith(b"\n"):
                    self._read(number, line)

    def _read(self, number: int, line: bytes) -> None:
        try:
            content = orjson.loads(line)
            if "spec" in content:
                if content["format"] != _FORMAT:
                    raise ValueError(f"format {content['format']}")
                self._headers[content["spec"]] = content
            else:
                self._replies[content["key"]] = content["reply"]
        except (ValueError, LookupError, TypeError) as error:
            raise UsageError(f"{self._path} is not a cassette", found=str(error), at=f"{self._path}:{number}") from None

    def model(self, spec: str) -> Model:
        """The model that was recorded under that name. Raises UsageError where it was not."""
        header = self._headers.get(spec)
        if header is None:
            raise UsageError(
                f"{spec!r} is not on the cassette {self._path}",
                found=", ".join(self._headers) or "nothing",
                fix="--record",
            )
        return _Replayed(header, self._replies, self._path)


class _Recorded(Wrapper):
    def __init__(self, model: Model, out: IO[bytes], spec: str, known: set[str]) -> None:
        super().__init__(model)
        self._out = out
        self._known = known
        identity, can = model.identity, model.capabilities
        self._write(
            {
                "format": _FORMAT,
                "spec": spec,
                "name": identity.name,
                "facts": identity.facts,
                "requests": sorted(kind.__name__ for kind in can.requests if kind.__name__ in _REQUESTS),
                "chats": can.chats,
                "max_length": can.max_length,
                "features": sorted(can.features),
            }
        )

    async def answer(self, request: Request) -> Reply:
        reply = await self._model.answer(request)
        key = request_key(self._model.identity, request)
        if key not in self._known:
            self._known.add(key)
            self._write({"key": key, "reply": write_reply(reply).decode("latin-1")})
        return reply

    def _write(self, content: Mapping[str, Any]) -> None:
        self._out.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))

    async def close(self) -> None:
        self._out.close()
        await super().close()


class _Replayed:
    def __init__(self, header: Mapping[str, Any], replies: Mapping[str, str], path: Path) -> None:
        self.identity = Identity(header["name"], tuple((key, value) for key, value in header["facts"]))
        self.capabilities = Capabilities(
            requests=frozenset(_REQUESTS[name] for name in header["requests"]),
            chats=header["chats"],
            max_length=header["max_length"],
            features=frozenset(header["features"]),
        )
        self.facts = {"replayed from": path.name}
        self._replies = replies
        self._path = path

    async def answer(self, request: Request) -> Reply:
        # What is played is what was recorded, also by an older evalkit.
        keys = (request_key(self.identity, request), request_key(self.identity, request, first=True))
        kept = next((found for key in keys if (found := self._replies.get(key)) is not None), None)
        reply = read_reply(kept.encode("latin-1")) if kept is not None else None
        if reply is None:
            raise ModelError(f"this request is not on the cassette {self._path}: record it again")
        return reply

    async def close(self) -> None: ...
