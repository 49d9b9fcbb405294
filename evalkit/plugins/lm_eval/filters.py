"""lm-eval's filters: what of a reply a metric is given. Each takes the answers of a sample's requests and its row."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import UsageError
from evalkit.core.spec import unknown

__all__ = ["Chain", "chains_of"]

Answers = Sequence[Any]
"""For each request of a sample its answers, or whatever a filter before made of them."""
Step = Callable[[list[Any], list[dict[str, Any]]], Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """The filters of one name, applied one after another."""

    name: str
    steps: tuple[Step, ...]

    def apply(self, answers: Answers, doc: dict[str, Any]) -> list[Any]:
        """What metrics are given, one for each request."""
        found: Any = list(answers)
        for step in self.steps:
            found = list(step(list(found), [doc] * len(answers)))
        return list(found)


def chains_of(filter_list: Sequence[dict[str, Any]] | None, at: str) -> tuple[Chain, ...]:
    """The filters that a task names; the first answer alone where it names none. Raises UsageError."""
    if filter_list is None:
        return (Chain("none", (_first,)),)
    return tuple(
        Chain(str(one["name"]), tuple(_step(dict(step), at) for step in one.get("filter") or ())) for one in filter_list
    )


def _step(said: dict[str, Any], at: str) -> Step:
    function = said.pop("function")
    if isinstance(function, type) or callable(function):
        return _of_object(function(**said) if isinstance(function, type) else function)
    if function in _MADE:
        try:
            made: Step = _MADE[function](**said)
        except (TypeError, re.error) as error:
            raise UsageError(f"the filter {function!r} cannot be made", found=str(error), at=at) from None
        return made
    registered = _registered(str(function))
    if registered is not None:
        return _of_object(registered(**said))
    raise unknown("filter", str(function), _MADE)


def _of_object(made: Any) -> Step:
    apply: Step = made.apply if hasattr(made, "apply") else made
    return apply


def _registered(name: str) -> Any:
    """A filter that the Python of a task has registered with lm-eval, which it imported."""
    registry = sys.modules.get("lm_eval.api.registry")
    try:
        return registry.get_filter(name) if registry else None
    except (KeyError, AttributeError):
        return None


def _first(answers: list[Any], docs: list[dict[str, Any]]) -> list[Any]:
    return [one[0] for one in answers]


def _each(change: Callable[[Any], Any]) -> Step:
    return lambda answers, docs: [[change(text) for text in texts] for texts in answers]


def _take_first() -> Step:
    return _first


def _take_first_k(*, k: int) -> Step:
    def take(answers: list[Any], docs: list[dict[str, Any]]) -> list[Any]:
        if answers and len(answers[0]) < k:
            raise ValueError(f"take_first_k needs {k} answers and there are {len(answers[0])}: repeats is too small")
        return [one[:k] for one in answers]

    return take


def _majority() -> Step:
    return lambda answers, docs: [[Counter(one).most_common(1)[0][0]] for one in answers]


def _mapped(*, mapping_dict: dict[Any, Any] | None = None, default_value: Any = None) -> Step:
    table = mapping_dict or {}
    return _each(lambda text: table.get(text, default_value))


def _custom(*, filter_fn: Callable[..., Any], **rest: Any) -> Step:
    return filter_fn


def _regex(*, regex_pattern: str = r"#### (\-?[0-9\.\,]+)", group_select: int = 0, fallback: Any = "[invalid]") -> Step:
    pattern = re.compile(regex_pattern)

    def read(text: Any) -> Any:
        found = _found(pattern, text, group_select)
        return fallback if found is None else found

    return _each(read)


def _found(pattern: re.Pattern[str], text: Any, place: int) -> str | None:
    """The match at that place, its first group that is not empty where it has several; None where there is none."""
    matches = pattern.findall(text if isinstance(text, str) else "")
    if not matches:
        return None
    match = matches[place]
    if isinstance(match, tuple):
        filled = [group for group in match if group]
        return filled[0].strip() if filled else None
    return str(match).strip()


def _parts_of_speech(*, regex_pattern: str = "", group_select: int = 0, fallback: Any = None) -> Step:
    absent = ["invalid"] if fallback is None else fallback
    pairs = re.compile(r"\('([^']*)', '([^']*)'\)")
    return _each(lambda text: [tag for _, tag in (pairs.findall(text) if isinstance(text, str) else text)] or absent)


def _choice_regex(
    *,
    regex_pattern: str = r"#### (\-?[0-9\.\,]+)",
    group_select: int = 0,
    fallback: str = "[invalid]",
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    regexes_to_ignore: Sequence[str] | None = None,
) -> Step:
    """`(A)` of a reply by the pattern; else by the text of a choice in it; else by a letter after a colon."""
    pattern = re.compile(regex_pattern)

    def plain(text: str) -> str:
        for one in regexes_to_ignore or ():
            text = re.sub(one, "", text)
        text = text.lower() if ignore_case else text
        if ignore_punctuation:
            text = "".join(char for char in text if not unicodedata.category(char).startswith("P"))
        return text

    def read(text: str, choices: Sequence[str]) -> str:
        letters = [chr(ord("A") + place) for place in range(len(choices))]
        by_text = {plain(choice.strip()): f"({letter})" for choice, letter in zip(choices, letters, strict=True)}
        found = _found(pattern, text, group_select)
        if not found:
            any_choice = "|".join(sorted(map(re.escape, map(plain, map(str.strip, choices))), key=len, reverse=True))
            found = _converted(_found(re.compile(any_choice), plain(text), group_select), by_text)
        if not found:
            after_colon = re.compile(rf":[\s]*({'|'.join(letters)})")
            found = _converted(_found(after_colon, text, group_select), {one: f"({one})" for one in letters})
        return found or fallback

    return lambda answers, docs: [
        [read(text, doc["choices"]) for text in texts] for texts, doc in zip(answers, docs, strict=True)
    ]


def _converted(found: str | None, table: dict[str, str]) -> str | None:
    return table.get(found, found) if found else None


_ENTITIES = {
    "person": "PER",
    "location": "LOC",
    "organization": "ORG",
    "counties": "LOC",
    "places": "LOC",
    "people": "PER",
    "persons": "PER",
    "company": "ORG",
    "country": "LOC",
    "continent": "LOC",
    "time": "DATE",
    "date": "DATE",
    "per": "PER",
    "loc": "LOC",
    "org": "ORG",
}


def _spans() -> Step:
    """Named entities as `per: name $ loc: place`, whatever the reply calls the kinds."""

    def read(text: str) -> str:
        text = text.lower()
        for kind, short in _ENTITIES.items():
            text = re.sub(rf"\b{kind}\s*:", f"{short}:", text)
        text = "$".join(text.split("$$")).rstrip("$").replace("\n", "$").strip()
        found = []
        for kind, values in re.findall(r"\b(PER|LOC|ORG|DATE):\s*([^$]+)", text):
            names = [name.strip() for name in values.split(",")]
            found += [f"{kind.lower()}: {name}" for name in names if name != "none"]
        return " $ ".join(found)

    return _each(read)


_MADE: dict[str, Callable[..., Step]] = {
    "take_first": _take_first,
    "take_first_k": _take_first_k,
    "majority_vote": _majority,
    "map": _mapped,
    "custom": _custom,
    "regex": _regex,
    "regex_pos": _parts_of_speech,
    "multi_choice_regex": _choice_regex,
    "format_span": _spans,
    "remove_whitespace": lambda: _each(lambda text: text.strip()),
    "lowercase": lambda: _each(lambda text: text.lower()),
    "uppercase": lambda: _each(lambda text: text.upper()),
}
