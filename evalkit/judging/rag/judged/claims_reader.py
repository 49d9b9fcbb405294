"""What a judge's reply says about claims: lists as JSON, complete or not read at all.

A list that is too short, that repeats or skips an item, or that names a source nobody offered is unread: the reply is
asked for once more, and then the sample is unjudged. Prose around no object is unread, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.judging.advice import UNFINISHED
from evalkit.judging.json_objects import ending_object, other_objects
from evalkit.scoring.extraction.reading import Reading
from evalkit.scoring.extraction.replies import strip_reasoning

MOST_CLAIMS = 200
_SAME = {
    "supported": "supported", "entailed": "supported", "yes": "supported", "contradicted": "contradicted",
    "refuted": "contradicted", "unsupported": "unsupported", "not supported": "unsupported", "neutral": "unsupported",
    "not mentioned": "unsupported", "no": "unsupported",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that can be checked by itself. `sentence` is the number of its sentence, counting from 0."""

    text: str
    sentence: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about one item: "supported", "contradicted" or "unsupported", by which of the sources."""

    verdict: str
    sources: tuple[int, ...] = ()
    reason: str = ""

    @property
    def supported(self) -> bool:
        return self.verdict == "supported"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a text. `nothing` says that the judge found that it claims nothing."""

    found: tuple[Claim, ...]
    nothing: bool = False


def read_object(text: str, cut: bool) -> Reading[Mapping[str, Any]]:
    """The JSON object that a reply ends with, its field names in lower case; the only one there is."""
    stripped = strip_reasoning(text)
    if stripped.unterminated:
        return Reading(problem=UNFINISHED)
    found, before = ending_object(stripped.text)
    if found is None:
        return Reading(problem="the reply was cut at its token limit" if cut else "it does not end in a JSON object")
    if other_objects(before):
        return Reading(problem="it holds two answers")
    return Reading({str(key).strip().lower(): value for key, value in found.items()})


def read_claims(text: str, cut: bool, count: int) -> Reading[Claims]:
    """The claims of a text of `count` sentences, from {"claims": [{"sentence": 1, "claim": "…"}], "nothing": false}.

    An empty list is read only where `nothing` is true: then the text claims nothing.
    """
    read = read_object(text, cut)
    if read.value is None:
        return Reading(problem=read.problem)
    given = read.value.get("claims")
    nothing = read.value.get("nothing") is True
    if not isinstance(given, list):
        return Reading(problem="its object has no list `claims`")
    if not given and not nothing:
        return Reading(problem="it lists no claims and does not say that there are none")
    if given and nothing:
        return Reading(problem="it lists claims and says that there are none")
    if len(given) > MOST_CLAIMS:
        return Reading(problem=f"it lists {len(given)} claims, more than {MOST_CLAIMS}")
    claims: list[Claim] = []
    for number, item in enumerate(given, 1):
        said = (
            item
            if isinstance(item, str)
            else item.get("claim", item.get("text"))
            if isinstance(item, Mapping)
            else None
        )
        if not isinstance(said, str) or not said.strip():
            return Reading(problem=f"claim {number} is empty")
        place = item.get("sentence", 1) if isinstance(item, Mapping) else 1
        if isinstance(place, bool) or not isinstance(place, int) or not 1 <= place <= max(1, count):
            return Reading(problem=f"claim {number} is of sentence {place!r}, and there are {count}")
        claims.append(Claim(" ".join(said.split()), place - 1))
    return Reading(Claims(tuple(claims), nothing))


def read_verdicts(text: str, cut: bool, items: int, sources: int) -> Reading[tuple[Decided, ...]]:
    """One verdict for each of the items, in their order, from {"verdicts": [{"claim": 1, "verdict": "supported",
    "sources": [2]}]}. Sources are numbers from 1; they come back from 0. What is supported names a source."""
    read = read_object(text, cut)
    if read.value is None:
        return Reading(problem=read.problem)
    given = read.value.get("verdicts")
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        return Reading(problem="its object has no list `verdicts` of objects")
    if len(given) != items:
        return Reading(problem=f"it has {len(given)} verdicts for {items} claims")
    decided: dict[int, Decided] = {}
    for item in given:
        number = item.get("claim")
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= items or number in decided:
            return Reading(problem=f"its verdicts do not number the claims from 1 to {items}, each once")
        verdict = _SAME.get(str(item.get("verdict", "")).strip().casefold().replace("_", " "))
        if verdict is None:
            return Reading(problem=f"the verdict {item.get('verdict')!r:.40} of claim {number} was not offered")
        named = _sources(item.get("sources", ()), sources)
        if named is None:
            return Reading(problem=f"claim {number} names a source that is none of the {sources}")
        if verdict == "supported" and not named:
            if sources != 1:
                return Reading(problem=f"claim {number} is supported by no source")
            named = (0,)
        decided[number] = Decided(verdict, () if verdict == "unsupported" else named, str(item.get("reason") or ""))
    return Reading(tuple(decided[number] for number in range(1, items + 1)))


def read_useful(text: str, cut: bool, count: int) -> Reading[tuple[bool, ...]]:
    """Whether each context is useful, in their order, from {"contexts": [{"context": 1, "useful": true}]}."""
    read = read_object(text, cut)
    if read.value is None:
        return Reading(problem=read.problem)
    given = read.value.get("contexts")
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        return Reading(problem="its object has no list `contexts` of objects")
    if len(given) != count:
        return Reading(problem=f"it has {len(given)} verdicts for {count} contexts")
    found = {item.get("context"): item.get("useful") for item in given if not isinstance(item.get("context"), bool)}
    if set(found) != set(range(1, count + 1)):
        return Reading(problem=f"its verdicts do not number the contexts from 1 to {count}, each once")
    if not all(isinstance(value, bool) for value in found.values()):
        return Reading(problem="a field `useful` is neither true nor false")
    return Reading(tuple(bool(found[number]) for number in range(1, count + 1)))


def read_flags(text: str, cut: bool, names: Sequence[str]) -> Reading[Mapping[str, bool]]:
    """A true or false for every name, from the object that ends the reply."""
    read = read_object(text, cut)
    if read.value is None:
        return Reading(problem=read.problem)
    flags = {name: read.value.get(name) for name in names}
    lacking = [name for name, value in flags.items() if not isinstance(value, bool)]
    if lacking:
        return Reading(problem=f"its field {lacking[0]!r} is neither true nor false")
    return Reading({name: bool(value) for name, value in flags.items()})


def read_questions(text: str, cut: bool, count: int) -> Reading[tuple[tuple[str, ...], bool]]:
    """(questions, whether the answer is evasive): as many questions as were asked for, none of them empty."""
    read = read_object(text, cut)
    if read.value is None:
        return Reading(problem=read.problem)
    given, evasive = read.value.get("questions"), read.value.get("evasive")
    if not isinstance(evasive, bool):
        return Reading(problem="its field 'evasive' is neither true nor false")
    if not isinstance(given, list) or not all(isinstance(text, str) and text.strip() for text in given):
        return Reading(problem="its object has no list `questions` of texts")
    if len(given) != count:
        return Reading(problem=f"it has {len(given)} questions, and {count} were asked for")
    return Reading((tuple(" ".join(text.split()) for text in given), evasive))


def _sources(given: object, count: int) -> tuple[int, ...] | None:
    """Places from 0 of the sources that are named by number, or as "S2"; None where one is not there."""
    listed = given if isinstance(given, list | tuple) else [given]
    found: dict[int, None] = {}
    for item in listed:
        text = str(item).strip().lstrip("Ss")
        if isinstance(item, bool) or not text.isdigit() or not 1 <= int(text) <= count:
            return None
        found[int(text) - 1] = None
    return tuple(found)
