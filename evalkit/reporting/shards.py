"""Records as compressed blocks of a page, written while they pass, so that memory does not grow with the run.

Two kinds of block: the *index* has a short row for every sample, whatever the run's size; the *details* have
everything else, and a page decodes only those that are looked at. Beyond a budget of bytes the details of further
samples are left out and counted, and the index says so of each.
"""

from __future__ import annotations

import base64
import json
import tempfile
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import orjson
from markupsafe import Markup

from evalkit.core import Record, Reply
from evalkit.reporting.text import finite, visible

BUDGET = 64 << 20
"""Bytes of details that a page carries by default."""
_DETAILS = 256 << 10
_ROWS = 4000
_EXCERPT = 120
_LEVEL = 6


class Shards:
    """Takes records, gives blocks. `budget` is the size in bytes of all details as they stand in the page."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.samples = self.omitted = self.size = 0
        self.tasks: list[str] = []
        self.groups: list[str] = []
        self.scores: list[list[str]] = []
        self._known: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115
        self._rows: list[list[Any]] = []
        self._details: list[bytes] = []
        self._waiting = self._shards = 0

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, run: int, record: Record) -> None:
        """Take one record of the run with that number."""
        task = self._number(0, self.tasks, record.task)
        if task == len(self.scores):
            self.scores.append([])
        names = self.scores[task]
        names += [score.name for score in record.scores if score.name not in names]
        values = [record.value(name) for name in names]
        group = self._number(1, self.groups, record.sample.groups[-1][:200]) if record.sample.groups else -1
        row = [
            run,
            task,
            record.sample.id[:200],
            record.index,
            record.repeat,
            record.validity.value,
            group,
            values,
            excerpt(_answer(record)),
            excerpt(_asked(record)),
        ]
        self.put(row, detail(record))

    def put(self, row: list[Any], details: Any) -> None:
        """Take one sample: its row of the index, to which the places of its details are added, and these."""
        self.samples += 1
        self._rows.append([*row, *self._detail(details)])
        if len(self._rows) >= _ROWS:
            self._flush_rows()

    def _number(self, kind: int, names: list[str], name: str) -> int:
        known = self._known[kind]
        if name not in known:
            known[name] = len(names)
            names.append(name)
        return known[name]

    def _detail(self, details: Any) -> tuple[int, int]:
        if self.size >= self.budget:
            self.omitted += 1
            return -1, 0
        text = packed(details)
        self._details.append(text)
        self._waiting += len(text)
        found = self._shards, len(self._details) - 1
        if self._waiting >= _DETAILS:
            self._flush_details()
        return found

    def _flush_details(self) -> None:
        if self._details:
            self.size += self._write("details", b"[" + b",".join(self._details) + b"]")
            self._details, self._waiting = [], 0
            self._shards += 1

    def _flush_rows(self) -> None:
        if self._rows:
            self._write("index", packed(self._rows))
            self._rows = []

    def _write(self, kind: str, text: bytes) -> int:
        packed = base64.b64encode(zlib.compress(text, _LEVEL)).decode("ascii")
        self._file.write(f"{kind} {packed}\n")
        return len(packed)

    def finish(self) -> None:
        """No record comes any more."""
        self._flush_details()
        self._flush_rows()

    def blocks(self) -> Iterator[Markup]:
        """Every block as a script element of type application/json that holds one string (base64 of zlib of JSON)."""
        self._file.seek(0)
        for line in self._file:
            kind, _, packed = line.rstrip("\n").partition(" ")
            yield Markup(f'<script type="application/json" data-shard="{kind}">"{packed}"</script>\n')


def packed(value: Any) -> bytes:
    """JSON in UTF-8, numbers that are not finite as null. Lone surrogates, which UTF-8 has not, stay escaped."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return json.dumps(finite(value), ensure_ascii=True, default=str).encode("ascii")


def detail(record: Record) -> dict[str, Any]:
    """Everything that a reader of one sample may ask for, as JSON; empty parts are left out."""
    sample, prompt, failure = record.sample, record.prompt, record.failure
    found: dict[str, Any] = {
        "id": sample.id,
        "messages": [[m.role, m.content] for m in prompt.as_messages()] if prompt else [],
        "input": sample.input if prompt is None and isinstance(sample.input, str) else "",
        "replies": [_reply(reply) for reply in record.replies],
        "scores": [[s.name, s.value, s.answer, s.reason, s.validity.value] for s in record.scores],
        "targets": sample.targets,
        "choices": sample.choices,
        "gold": sample.gold,
        "groups": sample.groups,
        "cluster": sample.cluster,
        "data": dict(sample.data),
        "flags": record.flags,
        "failure": [failure.stage, failure.kind, failure.message] if failure else None,
        "seconds": record.seconds,
        "cost": record.cost,
        "digests": [record.sample_digest, record.prompt_digest],
    }
    return {key: value for key, value in found.items() if value or value == 0.0}


def _reply(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = {
        "texts": reply.texts,
        "finish": reply.finish,
        "reasoning": reply.reasoning,
        "calls": [[[call.name, call.arguments] for call in made] for made in reply.calls],
        "loglikelihoods": reply.loglikelihoods,
        "greedy": reply.greedy,
        "tokens": [reply.usage.prompt_tokens, reply.usage.completion_tokens],
        "seconds": reply.seconds,
        "source": reply.source,
        "notes": reply.notes,
        "truncated": reply.truncated_tokens,
    }
    return {key: value for key, value in found.items() if value}


def _answer(record: Record) -> str:
    for score in record.scores:
        if score.answer is not None:
            return score.answer
    texts = [text for reply in record.replies for text in reply.texts]
    return texts[0] if texts else (record.failure.message if record.failure else "")


def _asked(record: Record) -> str:
    prompt = record.prompt
    if prompt is None:
        return record.sample.input if isinstance(record.sample.input, str) else record.sample.input[-1].content
    return prompt.messages[-1].content if prompt.messages else prompt.question


def excerpt(text: str) -> str:
    """One line, its hidden characters visible, cut to what a list shows."""
    flat = " ".join(visible(text[: 4 * _EXCERPT]).split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
