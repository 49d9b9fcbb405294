"""What a judge's reply says: one of the labels that were offered, a number on the scale, or nothing that can be read.

A verdict is read from the structured field, from the last line where that says it and nothing else, or from a mark
such as [[A]] that is the only one of the reply and follows words that announce it ("my final verdict is that A is
slightly better: [[A]]"). So a verdict that the judge quotes, denies, weighs or repeats from the text that it judges is
never taken for its own. A reply with no verdict, with two, or with a label that was not offered is unread: never a
tie, never a zero.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from evalkit.judging.advice import UNFINISHED
from evalkit.judging.json_objects import ending_object, other_objects
from evalkit.judging.verdict_lines import DECORATION, THING, announced, markers
from evalkit.scoring.extraction.reading import Reading, unreadable
from evalkit.scoring.extraction.replies import strip_reasoning

T = TypeVar("T")

_STRUCK = re.compile(r"~~[^~\n]*~~|<(?:del|s|strike)>[^\n]*?</(?:del|s|strike)>", re.IGNORECASE)
_TAGGED = re.compile(
    r"^[ \t]*<(verdict|winner|decision|judge?ment|rating|score|grade)>\s*([^<>\n]{1,40}?)\s*</\1>[ \t]*$|"
    r"^[ \t]*\$*\\boxed\{(?:\\text\{)?([^{}\n]{1,20})\}{1,2}\$*\.?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A verdict in a tag or a box and nothing else on its line."""
_LABEL_FIELDS = ("verdict", "winner", "decision", "answer")
_NUMBER_FIELDS = ("rating", "score", "grade")


def read_label(text: str, labels: Mapping[str, str], *, field: str = "verdict", cut: bool = False) -> Reading[str]:
    """The label that a reply ends with. `labels` maps what may be written to what it stands for (upper and lower
    case are one, but a single letter that is alone is a capital). `cut` says that the reply ran to its limit.
    """
    prepared = _prepared(text)
    if isinstance(prepared, Reading):
        return prepared
    folded = {_folded(written): meant for written, meant in labels.items()}
    pattern = "|".join(re.escape(written) for written in sorted(labels, key=len, reverse=True))
    found, before = ending_object(prepared)
    if found is not None:
        marked = {folded[_folded(mark)] for mark in markers(before, pattern)}
        return _from_object(found, before, (field, *_LABEL_FIELDS), lambda value: _label_of(value, folded), marked)
    if cut:
        return Reading(problem="the reply was cut at its token limit")
    others = {folded[_folded(mark)] for mark in markers(prepared, pattern)}
    last = announced(prepared, pattern)
    if last.value is None:
        return Reading(problem="it holds two verdicts") if len(others) > 1 else last
    if others - {folded[_folded(last.value)]}:
        return Reading(problem="it holds two verdicts")
    return Reading(folded[_folded(last.value)])


def read_number(
    text: str, low: int, high: int, *, field: str = "rating", whole: bool = True, cut: bool = False
) -> Reading[float]:
    """The number from `low` to `high` that a reply ends with; a fraction is none where the scale is `whole`, unless it
    is in double brackets.

    "7/10" and "7 out of 10" are read where the scale ends at 10; a number of another scale is not brought to this one.
    """
    prepared = _prepared(text)
    if isinstance(prepared, Reading):
        return Reading(problem=prepared.problem)
    pattern = r"[-+]?\d{1,6}(?:\.\d{1,6})?(?:\s*(?:/|⁄|out of|von|sur|из)\s*\d{1,6})?"
    found, before = ending_object(prepared)
    if found is not None:
        marked = {_number_of(mark, low, high, whole) for mark in markers(before, pattern)}
        take = partial(_number_of, low=low, high=high, whole=whole)
        return _from_object(found, before, (field, *_NUMBER_FIELDS), take, marked)
    if cut:
        return Reading(problem="the reply was cut at its token limit")
    last = announced(prepared, pattern)
    if last.value is None:
        return Reading(problem=last.problem.replace("verdict", "rating"))
    # MT-Bench reads [[8.5]] where it asked for a whole number; what is in double brackets was meant.
    meant = re.search(rf"\[\[\s*{re.escape(last.value)}\s*\]\]", prepared) is not None
    others = {_number_of(mark, low, high, whole and not meant) for mark in markers(prepared, pattern)}
    value = _number_of(last.value, low, high, whole and not meant)
    if value is None:
        return unreadable(f"{last.value!r} is not on the scale from {low} to {high}")
    return Reading(problem="it holds two ratings") if others - {value} else Reading(value)


def read_levels(text: str, scales: Mapping[str, Sequence[int]], *, cut: bool = False) -> Reading[dict[str, int]]:
    """One level for every criterion, from the object that ends the reply: under "levels", or at its top.

    Every criterion must be there with a separate level scale; a level may stand as {"level": 3, …}. A reply without
    an object is read where its last lines are `criterion: level`, one a criterion and nothing else.
    """
    prepared = _prepared(text)
    if isinstance(prepared, Reading):
        return Reading(problem=prepared.problem)
    found, before = ending_object(prepared)
    if found is None:
        return Reading(problem="the reply was cut at its token limit") if cut else _listed_levels(prepared, scales)
    if other_objects(before):
        return Reading(problem="it holds two answers")
    given = found.get("levels", found)
    if not isinstance(given, Mapping):
        return Reading(problem="its levels are no object")
    folded: dict[str, Any] = {}
    for name, value in given.items():
        if _criterion(name) in folded:
            return Reading(problem=f"the criterion {name!r} occurs twice")
        folded[_criterion(name)] = value
    return _all_levels({name: folded.get(_criterion(name)) for name in scales}, scales)


def _all_levels(given: Mapping[str, object], scales: Mapping[str, Sequence[int]]) -> Reading[dict[str, int]]:
    levels: dict[str, int] = {}
    for name, value in given.items():
        inner = value.get("level", value.get("score")) if isinstance(value, Mapping) else value
        number = _number_of(inner, min(scales[name]), max(scales[name]), whole=True)
        if number is None or int(number) not in scales[name]:
            why = "has no level" if inner is None else f"has the level {inner!r:.40}, which is not on its scale"
            return Reading(problem=f"the criterion {name!r} {why}")
        levels[name] = int(number)
    return Reading(levels)


def _listed_levels(text: str, scales: Mapping[str, Sequence[int]]) -> Reading[dict[str, int]]:
    lines = [line.strip(DECORATION + "-•") for line in text.splitlines() if line.strip()][-len(scales) :]
    names = {_criterion(name): name for name in scales}
    given: dict[str, object] = {}
    for line in lines:
        head, colon, level = line.partition(":")
        name = names.get(_criterion(head.strip(DECORATION)))
        if not colon or name is None or name in given:
            return Reading(problem="it ends neither in an object nor in a level for each criterion")
        given[name] = level.strip(DECORATION).removesuffix(".")
    mentioned = [
        (names[_criterion(head)], int(level))
        for head, level in re.findall(r"(?m)^[\s*_\-•]*([^:\n]{1,60}?)[*_ ]*:[*_ ]*(\d{1,4})[*_ ]*\.?$", text)
        if _criterion(head) in names
    ]
    read = _all_levels({name: given.get(name) for name in scales}, scales)
    if read.value is not None and any(read.value[name] != level for name, level in mentioned):
        return Reading(problem="a criterion has two levels")
    return read


# ---------------------------------------------------------------- parts


def _prepared(text: str) -> str | Reading[str]:
    """The text after its reasoning, compatible characters made one; what cannot be read says why."""
    stripped = strip_reasoning(text)
    if stripped.unterminated:
        return Reading(problem=UNFINISHED)
    plain = unicodedata.normalize("NFKC", stripped.text.replace("：", ":")).replace("\u200b", "")
    plain = _TAGGED.sub(lambda own: f"{own[1] or 'verdict'}: {own[2] or own[3]}", _STRUCK.sub("", plain)).strip()
    return plain or Reading(problem="the reply is empty")


def _from_object(
    found: Mapping[str, Any], before: str, fields: tuple[str, ...], take: Callable[[object], T | None], marked: set[Any]
) -> Reading[T]:
    if other_objects(before):
        return Reading(problem="it holds two answers")
    folded = {str(key).strip().lower(): value for key, value in found.items()}
    if len(folded) != len(found):
        return Reading(problem="its object holds a field twice")
    given = {name: folded[name] for name in dict.fromkeys(fields) if name in folded}
    values = [take(value) for value in given.values()]
    inner = {name: value for part in found.values() if isinstance(part, Mapping) for name, value in part.items()}
    if any(str(name).strip().lower() in fields for name in inner):
        return Reading(problem="its object holds another one with a verdict")
    if not values:
        return Reading(problem=f"its object has no field {fields[0]!r}")
    if any(value is None for value in values):
        shown = next(value for value, read in zip(given.values(), values, strict=True) if read is None)
        return Reading(problem=f"{shown!r:.60} was not offered")
    return Reading(problem="its object says two things") if len({*values, *marked}) > 1 else Reading(values[0])


def _label_of(value: object, folded: Mapping[str, str]) -> str | None:
    if not isinstance(value, str):
        return None
    plain = value.strip().removeprefix("[[").removesuffix("]]").strip().rstrip(".")
    plain = re.sub(rf"^{THING}", "", plain, flags=re.IGNORECASE)
    return folded.get(_folded(plain)) or folded.get(_folded(value.strip()))


def _number_of(value: object, low: int, high: int, whole: bool) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        form = r"([-+]?\d{1,6}(?:\.\d{1,6})?)(?:\s*(?:/|⁄|out of|von|sur|из)\s*(\d{1,6}))?"
        found = re.fullmatch(form, value.strip().removeprefix("[[").removesuffix("]]").strip(), re.IGNORECASE)
        if found is None or (found.group(2) is not None and int(found.group(2)) != high):
            return None
        value = float(found.group(1))
    if not isinstance(value, int | float) or not low <= value <= high or (whole and value != int(value)):
        return None
    return float(value)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _criterion(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip(DECORATION).casefold())
