"""English text as tokens and clauses, as far as the lexical detector needs it: rules, no model.

Everything here is deterministic and reads English. Of another language only numbers, names and equal words are seen,
of a script without spaces equal pairs of letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalkit.judging.rag.segments.sentence_ends import word_list

_SIGNS = r"\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0e31\u0e34-\u0e4e"
"""Vowel signs and accents of Arabic, Hindi and Thai: parts of words, though no letters."""
_WORD = rf"(?:[^\W\d_][{_SIGNS}]*)+"
_TOKEN = re.compile(
    rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|{_WORD}(?:['’]{_WORD})*(?:-{_WORD})*|[%°€$£]|[,;:()—–，、；：،؛]"
)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Letters of scripts that write no spaces between words: every two that stand side by side make a token."""


STOP = frozenset(
    word_list(
        "a an the this that these those there here it its he his him she her they their them we our us you your "
        "i my me "
        "is are was were be been being am has have had having do does did doing will would shall should can "
        "could may might "
        "must of in on at by for from to into onto with within over under out off up down about as than then so "
        "too also and "
        "or but if while when where who whom whose which what how why because since although though however therefore "
        "not no nor never none neither n't don't doesn't didn't isn't aren't wasn't weren't hasn't haven't "
        "hadn't can't "
        "cannot won't wouldn't couldn't shouldn't mustn't own such only just very more most some any each every "
        "all both "
        "few several many much other another same between after before during through against until per one's "
        "according said says say yes indeed certainly"
    )
)
LIGHT = frozenset(
    word_list(
        "called named known used located situated considered including involved related various certain different "
        "addition additionally overall example instance way thing things kind type fact"
    )
)
"""Words that say little by themselves."""
_BREAKS = frozenset(
    {",", ";", ":", "(", ")", "—", "–", "，", "、", "；", "：", "،", "؛",
     "and", "but", "because", "since", "although", "though", "while", "whereas",
     "which", "who", "so"}
)  # fmt: skip
_ONES = {
    word: number
    for number, word in enumerate(
        word_list(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(word_list("twenty thirty forty fifty sixty seventy eighty ninety"), 2)
}
_SCALES = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_IRREGULAR = {
    "rose": "rise", "risen": "rise", "fell": "fall", "fallen": "fall", "grew": "grow", "grown": "grow",
    "shrank": "shrink",
    "shrunk": "shrink", "began": "begin", "begun": "begin", "built": "build", "bought": "buy", "sold": "sell",
    "won": "win",
    "lost": "lose", "led": "lead", "left": "leave", "came": "come", "went": "go", "gone": "go", "took": "take",
    "taken": "take", "gave": "give", "given": "give", "made": "make", "wrote": "write", "written": "write",
    "saw": "see",
    "seen": "see", "found": "find", "held": "hold", "kept": "keep", "paid": "pay", "drew": "draw", "drawn": "draw",
    "broke": "break", "broken": "break", "spent": "spend", "taught": "teach", "thought": "think", "brought": "bring",
    "men": "man", "women": "woman", "children": "child", "people": "person", "lit": "light", "sank": "sink",
    "sunk": "sink", "became": "become", "struck": "strike", "ground": "grind", "dug": "dig", "sang": "sing",
    "died": "die", "lay": "lie", "met": "meet", "ran": "run", "sent": "send", "stood": "stand", "told": "tell",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark. `stem` is what words are matched by; `number` its value where it is one."""

    text: str
    low: str
    stem: str
    number: float | None = None

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def content(self) -> bool:
        """Whether it says something by itself: no function word, no mark, no number."""
        return self.number is None and self.low not in STOP and self.text[0].isalpha() and len(self.low) > 1


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its tokens, and the same tokens cut into clauses."""

    text: str
    tokens: tuple[Token, ...]
    clauses: tuple[tuple[Token, ...], ...] = field(repr=False)

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems of its content words."""
        return tuple(token.stem for token in self.tokens if token.content)


def read_sentence(text: str) -> Sentence:
    """The sentence with its tokens and clauses."""
    found = tokens(text)
    return Sentence(text, found, clauses(found))


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text; numbers in words ("two hundred and five") become one token with a value."""
    words = _TOKEN.findall(text)
    found: list[Token] = []
    place = 0
    while place < len(words):
        value, used = _number(words, place)
        if value is not None:
            found.append(Token(" ".join(words[place : place + used]), words[place].lower(), f"#{value:g}", value))
            place += used
        else:
            found += _of_word(words[place])
            place += 1
    return tuple(found)


def _of_word(word: str) -> list[Token]:
    if len(word) > 2 and _UNSPACED.search(word):
        pairs = [word[start : start + 2] for start in range(len(word) - 1)]
        return [Token(pair, pair, pair) for pair in pairs]
    low = word.lower().replace("’", "'")
    return [Token(word, low, stem(low))]


def clauses(of: Sequence[Token]) -> tuple[tuple[Token, ...], ...]:
    """The tokens cut at commas, conjunctions and relative pronouns; a piece without a content word joins the one
    before it, so that "Lima, Peru" and "red, green" stay what they are."""
    parts: list[list[Token]] = [[]]
    for token in of:
        if token.low in _BREAKS:
            parts.append([])
        if token.text[0].isalnum() or token.text in "%°€$£":
            parts[-1].append(token)
    merged: list[list[Token]] = []
    for part in parts:
        if merged and sum(token.content for token in part) < 2:
            merged[-1].extend(part)
        elif part:
            merged.append(part)
    if len(merged) > 1 and sum(token.content for token in merged[0]) < 2:
        merged[1] = merged[0] + merged[1]
        del merged[0]
    return tuple(tuple(part) for part in merged)


def stem(low: str) -> str:
    """A word without the endings of English inflection: enough to find "repairs" in "repaired"."""
    word = low.removesuffix("'s").removesuffix("'")
    word = _IRREGULAR.get(word, word)
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ied", "y")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + instead
    for ending in ("ing", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            if ending in ("ing", "ed") and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word.removesuffix("e") if len(word) > 3 else word


def alike(one: str, two: str) -> bool:
    """Whether two stems are of one word family: equal, or the same but for a short ending ("found", "founder")."""
    return one == two or one in beginnings(two) or two in beginnings(one)


def beginnings(stem: str) -> tuple[str, ...]:
    """What is left of a stem without an ending of up to three letters, at least four letters of it."""
    return tuple(stem[:length] for length in range(max(4, len(stem) - 3), len(stem)))


def _number(words: Sequence[str], place: int) -> tuple[float | None, int]:
    """The value of the number that begins there, and how many words it takes; (None, 0) where none does."""
    first = words[place]
    if first[0].isdigit():
        value = float(first.replace(",", ""))
        follows = words[place + 1].lower() if place + 1 < len(words) else ""
        return (value * _SCALES[follows], 2) if follows in _SCALES else (value, 1)
    total, part, used, seen = 0.0, 0.0, 0, False
    while place + used < len(words):
        low = words[place + used].lower()
        pieces = low.split("-")
        if all(piece in _ONES or piece in _TENS for piece in pieces):
            part += sum(_ONES.get(piece, _TENS.get(piece, 0)) for piece in pieces)
        elif low in _SCALES and seen:
            part *= _SCALES[low]
            if _SCALES[low] >= 1000:
                total, part = total + part, 0.0
        elif not (low == "and" and seen and used and words[place + used - 1].lower() in _SCALES):
            break
        seen = True
        used += 1
    if seen and words[place + used - 1].lower() == "and":
        used -= 1
    # "one" is a pronoun more often than a number.
    if not seen or (used == 1 and first.lower() == "one"):
        return None, 0
    return total + part, used
