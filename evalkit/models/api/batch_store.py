"""Which batches were sent, and which were about to be: on disk, so that the next process does not pay again."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evalkit.core.claims import rewrite

__all__ = ["BatchStore", "Intent"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch that is about to be made: the ids of its requests and when (Unix seconds). `mark` is what the provider's
    list of batches shows of it, "" where nothing does."""

    path: str
    requests: tuple[str, ...]
    mark: str = ""
    made: float = field(default_factory=time.time)


@dataclass(slots=True)
class _Kept:
    jobs: dict[str, list[str]] = field(default_factory=dict)
    intents: list[Intent] = field(default_factory=list)


class BatchStore:
    """The batches of one model. Several processes may share the file: each change is read, made and written alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = _read(path)

    @property
    def jobs(self) -> dict[str, list[str]]:
        """Batches that were sent, each with the ids of its requests, until their replies were used."""
        return self._kept.jobs

    @property
    def intents(self) -> list[Intent]:
        """Batches of which nobody wrote down that they were sent."""
        return self._kept.intents

    def intend(self, intent: Intent) -> None:
        self._change(lambda kept: kept.intents.append(intent))

    def sent(self, intent: Intent, job: str) -> None:
        def change(kept: _Kept) -> None:
            kept.jobs[job] = list(intent.requests)
            kept.intents = [other for other in kept.intents if other != intent]

        self._change(change)

    def drop(self, intent: Intent) -> None:
        def change(kept: _Kept) -> None:
            kept.intents = [other for other in kept.intents if other != intent]

        self._change(change)

    def forget(self, job: str) -> None:
        self._change(lambda kept: kept.jobs.pop(job, None))

    def _change(self, change: Callable[[_Kept], object]) -> None:
        with _locked(self._path):
            kept = _read(self._path)
            change(kept)
            rewrite(self._path, json.dumps(asdict(kept)).encode("utf-8"))
        change(self._kept)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> _Kept:
    try:
        found = json.loads(path.read_text("utf-8"))
        intents = [Intent(**{**one, "requests": tuple(one["requests"])}) for one in found["intents"]]
        return _Kept({job: list(requests) for job, requests in found["jobs"].items()}, intents)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return _Kept()
