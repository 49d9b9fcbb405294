"""Whose response is this? By id, by prompt or by question: whatever places most of them, and never by a guess.

A key that two samples share places nothing: a response that has only such keys is ambiguous, and refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evalkit.core import Attempt, UsageError
from evalkit.runs.responses.rows import Response
from evalkit.runs.responses.shapes import IDS, QUESTIONS

__all__ = ["Matched", "match"]

_BLANKS = re.compile(r"\s+")
_LAST_NUMBER = re.compile(r"(?:^|.*[^0-9])0*([0-9]+)$", re.DOTALL)
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Matched:
    """The responses of each sample, by its id. `how`: what placed them; `unmatched`: those that no sample has."""

    of: dict[str, list[Response]]
    how: str
    unmatched: list[Response]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to tell samples apart. `keys` are those of a sample and its place, `sought` those of a response."""

    name: str
    keys: Callable[[Attempt, int], Iterable[str]]
    sought: Callable[[Response], Iterable[str]]


def match(attempts: Sequence[Attempt], responses: Sequence[Response]) -> Matched:
    """The sample of every response.

    Each way is tried on all responses, and the one that places most of them is taken, the stricter one of equals.
    Raises UsageError where none places any, and for responses that fit several samples.
    """
    best: tuple[int, _Way, list[list[str]]] | None = None
    for way in _WAYS:
        owners: dict[str, set[str]] = defaultdict(set)
        for place, attempt in enumerate(attempts):
            for key in way.keys(attempt, place):
                owners[key].add(attempt.sample.id)
        found = [_owners(owners, way.sought(response)) for response in responses]
        placed = sum(len(one) == 1 for one in found)
        if placed > (best[0] if best else 0):
            best = placed, way, found
        if placed == len(responses):
            break
    if best is None:
        raise _nothing_fits(attempts, responses)
    _, way, found = best
    several = [(response, ids) for response, ids in zip(responses, found, strict=True) if len(ids) > 1]
    if several:
        response, ids = several[0]
        raise UsageError(
            f"{len(several):,} of {len(responses):,} responses fit several samples, by {way.name}",
            found=f"{response.origin} fits {', '.join(sorted(ids)[:_SHOWN])}",
            fix='--id "{{ column }}" names a column with the samples\' ids',
        )
    of: dict[str, list[Response]] = defaultdict(list)
    unmatched = []
    for response, ids in zip(responses, found, strict=True):
        if ids:
            of[ids[0]].append(response)
        else:
            unmatched.append(response)
    return Matched(dict(of), way.name, unmatched)


def _owners(owners: dict[str, set[str]], keys: Iterable[str]) -> list[str]:
    """The sample that the first key with an owner means; several where that key has several."""
    for key in keys:
        if key in owners:
            return sorted(owners[key])
    return []


def _nothing_fits(attempts: Sequence[Attempt], responses: Sequence[Response]) -> UsageError:
    one = responses[0]
    has = [*(f"id {name!r}" for name in one.ids[:2]), *(f"question {text[:40]!r}" for text in one.questions[:1])]
    sample = attempts[0].sample if attempts else None
    wanted = f"the task's begin with {sample.id!r}" if sample else "the task has no samples"
    return UsageError(
        "no response fits a sample of the task",
        found=f"{one.origin} has {' and '.join(has) or 'neither id nor question'}; {wanted}",
        fix='another task, or --id "{{ column }}" or --prompt "{{ column }}"',
    )


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


def _own_ids(attempt: Attempt, place: int) -> Iterable[str]:
    data = attempt.sample.data or {}
    return (str(data[name]) for name in IDS if isinstance(data.get(name), str | int))


def _number(text: str) -> Iterable[str]:
    """The number at the end of an id: Mbpp/2, task_0002 and 2 are one."""
    found = _LAST_NUMBER.match(text)
    return (found[1],) if found else ()


def _prompts(attempt: Attempt, place: int) -> Iterable[str]:
    prompt = attempt.prompt
    yield _plain(prompt.text)
    said = [message.content for message in prompt.messages if message.role == "user"]
    yield from map(_plain, said[-1:])
    if prompt.question:
        yield _plain(prompt.question)


def _asked(attempt: Attempt, place: int) -> Iterable[str]:
    """The question as the data has it: a column of that name, or the task's own input."""
    sample = attempt.sample
    values = (sample.data.get(name) for name in QUESTIONS) if sample.data else ()
    texts = [value for value in values if isinstance(value, str)]
    if isinstance(sample.input, str):
        texts.append(sample.input)
    else:
        texts += [message.content for message in sample.input if message.role == "user"][-1:]
    return (_plain(text) for text in texts if text.strip())


_WAYS = (
    _Way("id", lambda attempt, place: (attempt.sample.id,), lambda response: response.ids),
    _Way("id of the row", _own_ids, lambda response: response.ids),
    _Way(
        "id, whatever its capitals",
        lambda attempt, place: (attempt.sample.id.casefold(), *(one.casefold() for one in _own_ids(attempt, place))),
        lambda response: (one.casefold() for one in response.ids),
    ),
    _Way("prompt", _prompts, lambda response: map(_plain, response.questions)),
    _Way("question", _asked, lambda response: map(_plain, response.questions)),
    _Way(
        "number at the end of the id",
        lambda attempt, place: _number(attempt.sample.id),
        lambda response: (key for one in response.ids for key in _number(one)),
    ),
    _Way("place in the data", lambda attempt, place: (str(place),), lambda response: response.ids),
    _Way(
        "line",
        lambda attempt, place: (str(place),),
        lambda response: (str(response.place),) if response.by_place else (),
    ),
)
"""From the strictest to the loosest."""
