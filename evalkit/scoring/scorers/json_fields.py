"""JSON against JSON: which fields of an object a reply got right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.json import ABSENT, find_json, without_json
from evalkit.scoring.metrics import mean

_NAMES = ("json_match", "json_fields")


@dataclass(frozen=True, slots=True)
class _JSONMatch(ScoreSample):
    fields: tuple[str, ...]
    extra: bool
    ignore_case: bool

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        wanted = [_leaves(_target(target)) for target in sample.targets]
        if not wanted:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        said = find_json(answer.text)
        if said is ABSENT:
            none = without_json(answer.text)
            reason, validity = answer.reason or none.problem, answer.validity_with(none)
            return tuple(Score(name, 0.0, None, reason, validity) for name in _NAMES)
        proportion, wrong = max(
            (self._compared(_leaves(said), leaves) for leaves in wanted), key=lambda found: found[0]
        )
        reason = "; ".join(filter(None, [answer.reason, f"wrong: {', '.join(wrong[:5])}" if wrong else ""]))
        shown = json.dumps(said, ensure_ascii=False)
        values = (float(not wrong), proportion)
        return tuple(
            Score(name, value, shown, reason, answer.validity) for name, value in zip(_NAMES, values, strict=True)
        )

    def _compared(self, said: Mapping[str, Any], leaves: Mapping[str, Any]) -> tuple[float, list[str]]:
        missing = [name for name in self.fields if name not in leaves]
        if missing:
            raise ValueError(f"the target has no field {missing[0]!r}, only {sorted(leaves)}")
        names = list(self.fields or leaves)
        wrong = [name for name in names if not same_json(said.get(name, ABSENT), leaves[name], self.ignore_case)]
        right = len(names) - len(wrong)
        if not self.extra:
            surplus = [name for name in said if name not in leaves]
            wrong += surplus
            names += surplus
        return right / len(names) if names else 1.0, wrong


def json_match(*, fields: tuple[str, ...] = (), extra: bool = True, ignore_case: bool = False) -> Scorer:
    """Whether every field of a reply's JSON is right, `json_match`, and the proportion of those that are,
    `json_fields`.

    A target is the text of a JSON value; the reply is one, alone, in a ``` fence, or after other words. Fields are
    those of the target's objects, nested ones as `address.city`; lists are compared whole and in order, numbers by
    value, true and 1 are different. `fields` names those that count. `extra=False` makes a field that the target has
    not a mistake. `ignore_case` is of texts.

    A reply that holds no JSON is NO_ANSWER, one whose JSON cannot be parsed UNREADABLE. Scoring raises ValueError
    without targets, for a target that is not JSON, and for one of the `fields` that the target has not.
    """
    chosen = {
        "fields": ",".join(fields),
        "extra": "" if extra else "no",
        "ignore_case": "yes" if ignore_case else "",
    }
    settings = {key: value for key, value in chosen.items() if value}
    return Scorer("json_match", _JSONMatch(fields, extra, ignore_case), _NAMES, tuple(map(mean, _NAMES)), settings)


def same_json(one: Any, other: Any, ignore_case: bool = False) -> bool:
    """Whether two JSON values are equal: numbers by value, but true is not 1; keys in any order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (ignore_case and one.casefold() == other.casefold())
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key], ignore_case) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same_json(a, b, ignore_case) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The fields of an object by their dotted path; anything else is one field. An empty object is a field, too."""
    if not isinstance(value, dict) or not value:
        return {path or "value": value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found.update(_leaves(part, f"{path}.{key}" if path else key))
    return found


def _target(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"the target is not JSON: {error}") from None
