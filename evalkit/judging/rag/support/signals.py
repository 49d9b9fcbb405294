"""What speaks against a sentence, given the contexts: numbers, dates, names, roles, negation, quantity.

Each signal is a separate rule with a strength from 0 to 1 and words that say what was seen; a contradiction sets the
sentence against something that the contexts say, the others only miss it there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evalkit.judging.rag.segments.sentence_ends import word_list
from evalkit.judging.rag.support.meaning import MONTHS, directions, hedged, negated, quantity, unit_at
from evalkit.judging.rag.support.windows import Evidence, Name, Window, names_in, overlap
from evalkit.judging.rag.support.wording import Sentence, Token, stem

_PRONOUNS = frozenset(word_list("he she it they his her its their him them this these"))
_EITHER_WAY = frozenset(map(stem, word_list("met marry married resemble border borders fought played joined")))
_ARTICLES = frozenset(word_list("a an the its his her their this that of"))
_PREPOSITIONS = frozenset(word_list("in at on for to near during into within across around through towards"))
_ROUGHLY = frozenset(word_list("about around roughly nearly almost approximately some circa over"))


@dataclass(frozen=True, slots=True)
class Signal:
    """`contradicts` says that the contexts say otherwise; else they do not say it."""

    kind: str
    strength: float
    words: str
    contradicts: bool = True


Rule = Callable[[Sentence, Window, Evidence], list[Signal]]


def numbers(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """Every number of the sentence is in the evidence, in the same unit or in another one of the same amount."""
    found: list[Signal] = []
    own = sentence.tokens
    for place, token in enumerate(own):
        if token.number is None:
            continue
        unit = unit_at(own, place)
        near = _amounts(window.tokens)
        roughly = place > 0 and own[place - 1].low in _ROUGHLY
        verdict = _compared(token.number, unit, near, roughly)
        if verdict == "same":
            found += _of_another(token, own, place, evidence)
            continue
        if verdict == "unit":
            found.append(Signal("unit", 0.85, f"{token.text}: the contexts give it in another unit"))
            continue
        anywhere = _amounts(_all_tokens(evidence)) + _amounts(evidence.question)
        elsewhere = _compared(token.number, unit, anywhere, roughly)
        if elsewhere != "same":
            found.append(Signal("number", 0.9, f"{token.text} is in no context", bool(near)))
        elif near:
            found.append(Signal("number", 0.35, f"{token.text} is said of something else", False))
    return found


def dates(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """Every month and day of the week of the sentence is in the evidence."""
    own, near = _months(sentence.tokens), _months(window.tokens)
    anywhere = {month for each in evidence.single for month in _months(each.tokens)} | _months(evidence.question)
    return [
        Signal("date", 0.85 if month not in anywhere else 0.4, f"{month.capitalize()} is not what the contexts say")
        if near or month in anywhere
        else Signal("date", 0.8, f"{month.capitalize()} is in no context", False)
        for month in sorted(own - near)
    ]


def names(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """Every name of the sentence is in some context or in the question."""
    asked = {token.low for token in evidence.question}
    found: list[Signal] = []
    for name in names_in(sentence.tokens, evidence.known_names):
        absent = [word for word in name if not _stands(word, evidence) and word not in asked]
        if absent:
            there = bool(names_in(window.tokens, evidence.known_names))
            strength = 0.85 if len(absent) == len(name) or len(name) > 1 else 0.7
            found.append(Signal("name", strength, f"{_shown(name)} is in no context", there))
    return found


def roles(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """A name goes with what the contexts say of it, not with what they say of another name."""
    own = names_in(sentence.tokens, evidence.known_names)
    found = _order(sentence, own, evidence)
    for name, scope in _scopes(sentence, own):
        content = _without(scope, name)
        words = {token.low.removesuffix("'s") for token in scope}
        beside = {word for other in own if set(other) <= words for word in other}
        whole = sum(evidence.weight(token.stem) for token in content)
        mine, theirs, other = 0.0, 0.0, ""
        for each, told in zip(evidence.single, evidence.names, strict=True):
            if not told or not overlap(content, each.tokens):
                continue
            for holder, part in _scopes(each.parts[0], told):
                common = overlap(content, _without(part, holder))
                shared = sum(evidence.weight(token.stem) for token in common)
                if set(holder) & set(name):
                    mine = max(mine, shared)
                elif shared > theirs and not set(holder) & beside and _says_more(common) and not _points_back(part):
                    theirs, other = shared, _shown(holder)
        known = any(_stands(word, evidence) for word in name)
        if known and theirs - mine > 0.3 * whole and theirs > 0.45 * whole:
            strength = min(0.85, 0.4 + (theirs - mine) / whole)
            found.append(Signal("role", strength, f"the contexts say it of {other}, not of {_shown(name)}"))
    return found


def negation(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """The sentence affirms what a clause of the evidence denies, or denies what the evidence nowhere denies."""
    own = [clause for clause in sentence.clauses if negated(clause)]
    close = [(_shared(clause, sentence.tokens), clause) for clause in window.clauses]
    denied = [(proportion, clause) for proportion, clause in close if proportion > 0 and negated(clause)]
    if bool(own) == bool(denied):
        return []
    if own:
        nearest = max(((_shared(clause, window.tokens), clause) for clause in own), key=lambda pair: pair[0])
        if nearest[0] == 0 or _opposite(nearest[1], window.tokens):
            return []
        return [Signal("negation", 0.45 + 0.4 * nearest[0], "it denies what the contexts affirm")]
    proportion, clause = max(denied, key=lambda pair: pair[0])
    if proportion < 0.4 or _opposite(clause, sentence.tokens):
        return []
    return [Signal("negation", 0.45 + 0.4 * proportion, "it affirms what the contexts deny")]


def direction(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """The sentence says that something rose, opened or came first, and the evidence says the opposite."""
    for clause in sentence.clauses:
        told = max(window.clauses, key=lambda other: len(overlap(clause, other)), default=())
        own, there = directions(clause), directions(told)
        if negated(clause) != negated(told):
            continue
        for axis, signs in own.items():
            opposite = there.get(axis)
            near = directions(window.tokens).get(axis, set())
            if opposite and len(signs) == 1 and not signs & opposite and not signs & near:
                return [Signal("direction", 0.8, "it says the opposite of what the contexts say")]
    return []


def quantities(sentence: Sentence, window: Window, evidence: Evidence) -> list[Signal]:
    """The sentence claims no more of a whole than the evidence does, and is no more certain."""
    found: list[Signal] = []
    for clause in sentence.clauses:
        own = quantity(clause)
        told = max(window.clauses, key=lambda other: len(overlap(clause, other)), default=())
        there = quantity(told)
        if own is not None and there is not None and own - there >= 1 and own >= 4:
            found.append(Signal("quantity", 0.6 + 0.05 * (own - there), "it claims more than the contexts do"))
        elif own == 5 and there is None and not any(token.low in ("only", "each") for token in clause):
            found.append(Signal("quantity", 0.25, "the contexts do not say it of all", False))
        if hedged(told) and not hedged(clause) and len(overlap(clause, told)) > 1:
            found.append(Signal("certainty", 0.25, "the contexts are less certain", False))
    return found[:1]


RULES: tuple[Rule, ...] = (numbers, dates, names, roles, negation, direction, quantities)


# ---------------------------------------------------------------- amounts and dates


def covered_amounts(tokens: Sequence[Token], other: Sequence[Token]) -> set[int]:
    """The places of numbers, and of the units behind them, that the other text has as the same amount in any unit."""
    there = _amounts(other)
    found: set[int] = set()
    for place, token in enumerate(tokens):
        if token.number is not None and _compared(token.number, unit_at(tokens, place), there, False) == "same":
            found.add(place)
            found |= {place + 1} if unit_at(tokens, place) and place + 1 < len(tokens) else set()
    return found


def _amounts(tokens: Sequence[Token]) -> list[tuple[float, tuple[str, float] | None]]:
    return [(t.number, unit_at(tokens, place)) for place, t in enumerate(tokens) if t.number is not None]


def _compared(
    value: float,
    unit: tuple[str, float] | None,
    others: Sequence[tuple[float, tuple[str, float] | None]],
    roughly: bool,
) -> str:
    """ "same" amount as one of the others, the same figure in another "unit", or "none"."""
    tolerance = 0.1 if roughly else 1e-9
    verdict = "none"
    for other, other_unit in others:
        if unit and other_unit and unit != other_unit:
            one, two = value * unit[1], other * other_unit[1]
            if unit[0] == other_unit[0] and math.isclose(one, two, rel_tol=0.03):
                return "same"
            verdict = "unit" if math.isclose(value, other, rel_tol=tolerance) else verdict
        elif math.isclose(value, other, rel_tol=tolerance):
            return "same"
    return verdict


def _of_another(token: Token, own: Sequence[Token], place: int, evidence: Evidence) -> list[Signal]:
    """Against a number that the contexts have, but not of what the sentence counts, of which they have another."""
    head = _counted(own, place)
    if head is None:
        return []
    given = {
        other.number
        for window in evidence.single
        for there, other in enumerate(window.tokens)
        if other.number is not None and _heads(_counted(window.tokens, there), head)
    }
    if not given or token.number in given:
        return []
    shown = ", ".join(f"{value:g}" for value in sorted(given)[:3])
    return [Signal("number", 0.6, f"the contexts say {shown} {head}, not {token.text}")]


def _counted(tokens: Sequence[Token], place: int) -> str | None:
    """What a number counts: the first telling word of the two behind it."""
    return next((token.low for token in tokens[place + 1 : place + 3] if token.content), None)


def _heads(one: str | None, two: str) -> bool:
    return one is not None and stem(one) == stem(two)


def _months(tokens: Sequence[Token]) -> set[str]:
    """Months and days of the week; "May" and "March" in lower case or at the beginning are other words."""
    return {token.low for place, token in enumerate(tokens) if token.low in MONTHS and token.text[0].isupper()
            and (place or token.low not in ("may", "march"))}  # fmt: skip


# ---------------------------------------------------------------- names and who did what


def _all_tokens(evidence: Evidence) -> list[Token]:
    return [token for window in evidence.single for token in window.tokens]


def _stands(word: str, evidence: Evidence) -> bool:
    return word in evidence.known_names or stem(word) in evidence.vocabulary


def _shown(name: Name) -> str:
    return " ".join(word.capitalize() for word in name)


def _without(tokens: Sequence[Token], name: Name) -> list[Token]:
    return [token for token in tokens if token.content and token.low.removesuffix("'s") not in name]


def _says_more(tokens: Sequence[Token]) -> bool:
    """Whether not only names are among the words."""
    return any(not token.text[0].isupper() for token in tokens)


def _scopes(sentence: Sentence, named: Sequence[Name]) -> list[tuple[Name, tuple[Token, ...]]]:
    """Each name with the words that are said of it: its clause, or the whole sentence where it is the only name. A name
    behind a preposition of place or time ("in Lomvik") is where something is said to be, not who it is said of."""
    named = [name for name in named if not _setting(sentence.tokens, name)]
    if len(named) == 1:
        return [(named[0], sentence.tokens)]
    found: list[tuple[Name, tuple[Token, ...]]] = []
    for clause in sentence.clauses:
        words = {token.low.removesuffix("'s") for token in clause}
        found += [(name, clause) for name in named if set(name) <= words]
    return found


def _setting(tokens: Sequence[Token], name: Name) -> bool:
    place = _first(tokens, name)
    if not place:
        return False
    before = place - 2 if tokens[place - 1].low in ("the", "a", "an") else place - 1
    return before >= 0 and tokens[before].low in _PREPOSITIONS


def _points_back(tokens: Sequence[Token]) -> bool:
    """Whether a clause begins with a pronoun: it then may speak of anybody."""
    return any(token.low in _PRONOUNS for token in tokens[:3])


def _order(sentence: Sentence, own: Sequence[Name], evidence: Evidence) -> list[Signal]:
    """Two names are on the other sides of a word than in the evidence, both active or both passive."""
    for clause in sentence.clauses:
        pair = _pair(clause, own)
        if pair is None:
            continue
        between = _between(clause, *pair)
        for window in evidence.single:
            there = window.tokens
            places = [_first(there, name) for name in pair]
            if places[0] is None or places[1] is None or places[0] < places[1] or _passive(clause) != _passive(there):
                continue
            shared = overlap(between, _between(there, pair[1], pair[0]))
            if any(token.stem not in _EITHER_WAY for token in shared):
                return [Signal("role", 0.8, f"{_shown(pair[0])} and {_shown(pair[1])} have changed places")]
    return []


def _between(tokens: Sequence[Token], one: Name, two: Name) -> list[Token]:
    """The content words between two names that may be what one does to the other: no nouns with an article."""
    begin, end = _first(tokens, one), _first(tokens, two)
    return [
        token
        for before, token in zip(tokens[begin or 0 : end or 0], tokens[(begin or 0) + 1 : end or 0], strict=False)
        if token.content and not token.text[0].isupper() and before.low not in _ARTICLES
    ]


def _pair(clause: Sequence[Token], own: Sequence[Name]) -> tuple[Name, Name] | None:
    """The two names of a clause by what tells them apart, in their order; None unless there are just two."""
    inside = [name for name in own if _first(clause, name) is not None]
    if len(inside) != 2:
        return None
    common = set(inside[0]) & set(inside[1])
    one, two = (tuple(word for word in name if word not in common) for name in inside)
    return (one, two) if one and two and (_first(clause, one) or 0) < (_first(clause, two) or 0) else None


def _first(clause: Sequence[Token], name: Name) -> int | None:
    words = [token.low.removesuffix("'s") for token in clause]
    places = [words.index(word) for word in name if word in words]
    return min(places) if len(places) == len(name) and name else None


def _passive(clause: Sequence[Token]) -> bool:
    pairs = pairwise(clause)
    return any(token.low == "by" for token in clause) or any(
        one.low in ("is", "are", "was", "were", "be", "been") and two.low.endswith(("ed", "en")) for one, two in pairs
    )


def _shared(of: Sequence[Token], other: Sequence[Token]) -> float:
    """The proportion of the telling words of one that the other has."""
    telling = [token for token in of if token.content or token.number is not None]
    return len(overlap(telling, other)) / len(telling) if telling else 0.0


def _opposite(one: Sequence[Token], two: Sequence[Token]) -> bool:
    """Whether two texts take opposite sides, too ("did not fall" and "rose" agree)."""
    there = directions(two)
    return any(there.get(axis) and not signs & there[axis] for axis, signs in directions(one).items())
