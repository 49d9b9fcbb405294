"""Which lettered choice a written reply means, read as a person would: what is stated counts, not what is mentioned.

A reply is read up to where it runs on with another question. Then, in turn:

1. a letter and nothing else;
2. a letter that begins the reply ("B", "B. Lima", "(B) because …"), unless another is stated afterwards;
3. what is stated: "the answer is B", "so (B)", "B is correct", a box, the like in two dozen languages;
4. the one letter that is bold, else in brackets, else called an option.

A letter that is denied ("A is wrong", "not A", "eliminated: A") is no answer, nor is one that is only supposed ("if
the answer were A"). Two different answers are none, unless the first is taken back ("no, wait") or the last is the
conclusion ("therefore", "final answer").
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalkit.scoring.extraction import answer_words as words
from evalkit.scoring.extraction.plain import BOX_OPENS, before_it_runs_on, plain
from evalkit.scoring.extraction.reading import Reading, unreadable

LETTERS = string.ascii_uppercase

_WINDOW = 90
_LONGEST = 50_000
_MOST = 500
_ALONE = re.compile(r"[\W_]*[A-Za-z](?:[\W_]+[A-Za-z])*[\W_]*")
# A letter by itself: in no word, no abbreviation, no possessive ("A's").
_TOKEN = re.compile(
    r"(?<![0-9A-Za-zÀ-ɏ_\\^])(?<![A-Za-z]\.)(?<![A-Za-z][-'’])([A-Za-z])(?![0-9A-Za-zÀ-ɏ_])"
    r"(?!['’](?!d[ıiuü]r)\w)(?!\.[A-Za-z]\b)(?!-[A-Za-z])(?!\s*[=^+<>]\s*[\w(])(?!\[|\(\w\)|\(\w\()"
)
_WRAPS = "([{\"'“”‘’«»*`$_:#<> \t" + BOX_OPENS
_OPENED = re.compile(r"[\s*_#>\"'“`$({\[⟦:<-]*(?:\d{1,2}[.)]\s*)?[*_\"'“`$({\[⟦<]*\Z")
_ENDS = re.compile(r"[\s*_\"'”`$)}\]⟧.!。;,]*(?:\n|\Z)")
_LISTED = re.compile(r"[*_\"'”`$]*[.)\]⟧::,、。—–]|[*_]{1,2}(?:\W|\Z)|\s*[-—–]\s|\s*\(")
_ITEM = re.compile(r"(?m)^[ \t]*(?:[-*•]\s+)?[*_(\[]*([A-Z])[)\].:]")
_LAST = re.compile(
    r"(?:[,:;.—–]|\b(?:but|mais|sino|sondern|ma|mas)\b)\s*(?:(?:la|le|el|die|der)\s+)?"
    r"[(\[\"'*]*[A-Z][)\]\"'*]*[.!]?\s*\Z"
)
_BUT = re.compile(r",\s*(?:but|however|yet|aber|mais|pero|mas|ma|но)\b", re.IGNORECASE)
_NEXT_CLAUSE = re.compile(
    r",\s*(?:so|thus|hence|therefore|the (?:correct |right |best )?(?:answer|option|choice))\b", re.IGNORECASE
)
_FUNCTION = re.compile(r"[A-Za-z]\(\Z")
_SENTENCE = re.compile(r"[.!?。!?;;]\s|\n")


@dataclass(frozen=True, slots=True)
class _Mention:
    """A letter in a reply, with what stands around it."""

    letter: str
    start: int
    end: int
    stated: int
    """2 where "the answer is" states it or a box holds it, 1 where other words do ("so B", "B is correct"), else 0."""
    strong: bool
    leads: bool
    kind: str
    """"box", "bold", "bracket", "named", or "" for a bare letter."""


def letter(text: str, count: int) -> Reading[int]:
    """The number of the choice, of `count` lettered ones, that a reply names by its letter.

    UNREADABLE is an answer that is stated and was not offered ("The answer is F" where there are four).
    """
    offered = LETTERS[:count]
    text = plain(_ends_of(text)).strip()
    if _ALONE.fullmatch(text) and len({char for char in text if char.isalpha()}) == 1:
        said = next(char for char in text if char.isalpha()).upper()
        return Reading(offered.index(said)) if said in offered else unreadable(f"{said} was not offered")
    beginning = before_it_runs_on(text)
    for part in dict.fromkeys((beginning, text)):
        found = _read(part, offered)
        if found.value is not None or found.problem != _NOTHING:
            return found
    return Reading(problem=_NOTHING)


def _ends_of(text: str) -> str:
    """A reply's beginning and end: what is longer than any argument holds its answer in one of them."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 5]}\n…\n{text[-_LONGEST * 4 // 5 :]}"


_NOTHING = "names no letter"
_TWO = "names two letters"


def _read(text: str, offered: str) -> Reading[int]:
    every = _groups(text)
    groups = [group for group in every if not _denied(text, group)]
    mentions = [mention for group in groups for mention in group]
    lead = next((m for m in mentions if m.leads), None)
    stated = [group for group in groups if any(m.stated for m in group)]
    if lead is not None and lead.letter in offered:
        return _led(text, lead, groups, stated, offered)
    if stated:
        return _resolved(text, stated, offered)
    # Where others were denied, the one that is left over may stand anywhere; so may one that ends the reply.
    last = _LAST.search(text) if len({m.letter for m in mentions}) == 1 else None
    for kind in ("box", "bold", "bracket", "named", *([""] if last or len(groups) < len(every) else [])):
        letters = {m.letter for m in mentions if m.kind == kind and m.letter in offered}
        if letters:
            return Reading(offered.index(letters.pop())) if len(letters) == 1 else Reading(problem=_TWO)
    return Reading(problem=_NOTHING)


def _led(
    text: str, lead: _Mention, groups: Sequence[Sequence[_Mention]], stated: Sequence[Sequence[_Mention]], offered: str
) -> Reading[int]:
    """A reply that begins with a letter."""
    own = next(group for group in groups if lead in group)
    later = [group for group in stated if lead not in group and group[0].letter in offered]
    if len({m.letter for m in own}) > 1:
        return _resolved(text, later, offered) if later else Reading(problem=_TWO)
    others = [group for group in later if {m.letter for m in group} != {lead.letter}]
    listed = [item for item in _ITEM.findall(text) if item in offered]
    goes_through_all = (
        len(set(listed)) > 1 and listed[0] == lead.letter == offered[0] and not _ENDS.match(text, lead.end)
    )
    if not others:
        return Reading(problem=_TWO) if goes_through_all and not later else Reading(offered.index(lead.letter))
    if _ENDS.match(text, lead.end) and len({*_ITEM.findall(text[lead.end : others[0][0].start])} & {*offered}) > 1:
        # Another question with options of its own is between the letter and the answer to that.
        return Reading(offered.index(lead.letter))
    answers = text[lead.end : lead.end + 1] == ":" and lead.letter == "A"
    counts = text[lead.start].islower()
    if goes_through_all or answers or counts or words.CORRECTS.search(text[lead.end : others[0][0].start]):
        return _resolved(text, later, offered)
    return Reading(problem=_TWO)


def _resolved(text: str, stated: Sequence[Sequence[_Mention]], offered: str) -> Reading[int]:
    """One answer of all that are stated: where some are called the answer, other words count only to take one back."""
    possible = [group for group in stated if any(m.letter in offered for m in group)]
    called = [group for group in possible if any(m.stated == 2 for m in group)]
    if called and not words.CORRECTS.search(text[called[-1][-1].end : possible[-1][0].start]):
        possible = called
    if not possible:
        return unreadable(f"{stated[-1][0].letter} was not offered")
    last = possible[-1]
    letters = {m.letter for m in last}
    if len(letters) > 1:
        return Reading(problem=_TWO)
    differing = [group for group in possible if {m.letter for m in group} != letters]
    if differing:
        between = text[differing[-1][-1].end : last[0].start]
        concluded = last[0].strong and not any(m.strong for group in differing for m in group)
        if not concluded and not words.CORRECTS.search(between):
            return Reading(problem=_TWO)
    return Reading(offered.index(letters.pop()))


def _groups(text: str) -> list[list[_Mention]]:
    """The letters of a reply; those that "and", a comma or the like joins are one group."""
    groups: list[list[_Mention]] = []
    for mention in _mentions(text):
        previous = groups[-1][-1] if groups else None
        joined = previous is not None and words.JOINS.fullmatch(text[previous.end : mention.start])
        if joined and not words.SINGULAR.match(text, mention.end):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return groups


def _mentions(text: str) -> Iterator[_Mention]:
    tokens = list(_TOKEN.finditer(text))
    # A reply that repeats itself without end names its letter at one of its ends.
    for token in tokens if len(tokens) <= _MOST else [*tokens[: _MOST // 5], *tokens[-_MOST * 4 // 5 :]]:
        start, end = token.span(1)
        before, after = text[max(0, start - _WINDOW) : start], text[end : end + _WINDOW]
        kind = _kind(before, after)
        is_word = re.match(r"\s+[^\W\d_]", after) is not None and not words.GOES_ON.match(after)
        if is_word and token[1] not in "BCDFGHJKLMNPQRSTVWXZ" and kind in ("", "named"):
            # "A dog", "I think", and the articles and conjunctions of other languages.
            continue
        states, strong = _stated(text, start, before, kind)
        affirmed = words.AFFIRMED.match(after) is not None
        leads = _OPENED.fullmatch(text, 0, start) is not None and _leads(after, kind)
        if token[1] in "ivx" and kind != "box":
            # Roman numbers count statements.
            continue
        named = words.NAMES.search(before.rstrip(_WRAPS)) is not None
        if token[1].islower() and not _may_be_small(after, kind, states > 0 or named, leads):
            continue
        stated = max(states, int(affirmed), 2 * (kind == "box"))
        yield _Mention(token[1].upper(), start, end, stated, strong, leads, kind)


def _may_be_small(after: str, kind: str, states: bool, leads: bool) -> bool:
    """Whether a small letter is one of a choice: it ends where its line does, or is in brackets."""
    if kind in ("box", "bracket"):
        return kind == "box" or states or leads
    return bool(states and _ENDS.match(after)) or bool(leads and _LISTED.match(after))


def _leads(after: str, kind: str) -> bool:
    if _ENDS.match(after) or kind in ("box", "bold"):
        return True
    if kind == "bracket":
        after = after.lstrip("*_ )]}")
        return words.SINGULAR.match(after) is None
    return (_LISTED.match(after) is not None and words.JOINS.match(after) is None) or (
        words.GOES_ON.match(after) is not None and words.SINGULAR.match(after) is None
    )


def _stated(text: str, start: int, before: str, kind: str) -> tuple[int, bool]:
    """How the letter at `start` is stated (see `_Mention`), and whether so strongly that it ends the argument."""
    opened = before.rstrip(_WRAPS) if kind else before
    found = next((m for m in (words.STATES.search(before), words.STATES.search(opened)) if m), None)
    linked = found is not None and words.LINKED.search(found["rest"] + text[start - len(before) + len(opened) : start])
    chosen = words.CHOOSES.search(before) or words.CHOOSES.search(opened)
    if not linked and not chosen and kind != "box":
        return 0, False
    item = _ITEM.match(text, text.rfind("\n", 0, start) + 1)
    if kind != "box" and item is not None and item.start(1) == start and _is_listed(text, start):
        return 0, False
    sentence = _sentence_before(text, start)
    if words.ONLY_SUPPOSED.search(sentence) or _asks(text, start):
        return 0, False
    final = bool(found and found["final"])
    return 2 if linked else 1, final or kind == "box" or words.CONCLUDES.search(sentence) is not None


def _is_listed(text: str, start: int) -> bool:
    """Whether the next letter begins one of the next lines: what stands here is one of a list of options."""
    following = chr(ord(text[start].upper()) + 1)
    return any(item == following for item in _ITEM.findall(text[start : start + 600])) or any(
        ord(item) == ord(text[start].upper()) - 1 for item in _ITEM.findall(text[max(0, start - 600) : start])
    )


def _sentence_before(text: str, start: int) -> str:
    window = text[max(0, start - 300) : start]
    ends = list(_SENTENCE.finditer(window))
    return _BUT.split(window[ends[-1].end() :] if ends else window)[-1]


def _asks(text: str, start: int) -> bool:
    """Whether the sentence that holds this place is a question."""
    end = re.compile(r"[.!?。!?\n]").search(text, start)
    return end is not None and end.group() in "??"


def _kind(before: str, after: str) -> str:
    if before.endswith(BOX_OPENS) or re.search(BOX_OPENS + r"[\s$({*\"']*\Z", before):
        return "box"
    called = _FUNCTION.search(before) is not None and not words.NAMES.search(before)
    # P(A) and f(B) call a function.
    if not called and re.search(r"[(\[{]\s*\Z", before) and re.match(r"\s*[)\]}]", after):
        return "bracket"
    if re.search(r"(?:\*\*|__)[\s(\[\"']*\Z", before) and re.match(r"[^*_\n]{0,120}?(?:\*\*|__)", after):
        return "bold"
    return "named" if words.NAMES.search(before) else ""


def _denied(text: str, group: Sequence[_Mention]) -> bool:
    before = text[max(0, group[0].start - _WINDOW) : group[0].start]
    after = text[group[-1].end : group[-1].end + _WINDOW]
    ends = list(_SENTENCE.finditer(before))
    if ends:
        before = before[ends[-1].end() :]
    before = _NEXT_CLAUSE.split(before)[-1]
    if words.DENIED_BEFORE.search(before):
        return re.search(r"(?i)\bnot (?:only|just)\b|\bno (?:doubt|wait)\b|\bno[,.:!]", before) is None
    wrong = words.DENIED_AFTER.match(after)
    if wrong is None or (any(mention.stated == 2 for mention in group) and not words.SINGULAR.match(after)):
        # "The answer is (A) False" says what is under A.
        return False
    return re.search(r"(?i)not (?:only|just|wrong|incorrect|false)", after[: wrong.end() + 12]) is None
