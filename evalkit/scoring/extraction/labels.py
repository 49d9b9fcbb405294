"""Which of several labels a written reply means: the label that it is, that it states, or the only one it names.

Labels are compared as they are first, and in a looser form only where all of them stay different in it: "-1" is never
"1", "C" never "C++", and "5" never "5 %".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from evalkit.scoring.extraction import answer_words as words
from evalkit.scoring.extraction.label_context import CHOOSES, TAKES_BACK, is_none
from evalkit.scoring.extraction.plain import BOX_CLOSES, BOX_OPENS, plain
from evalkit.scoring.extraction.reading import Reading

_LONGEST = 200_000
_NOUN = (
    r"\b(?:label|class|category|sentiment|classification|prediction|verdict|relation(?:ship)?|intent|emotion|topic|"
    r"kategorie|"
    r"klasse|étiquette|etiqueta|categoría|classe|categoria|метка|класс|категория)(?!\w)|标签|類別|类别|ラベル|레이블"
)
_STATED = re.compile(
    rf"(?:{_NOUN}|{words.NOUN})[\s*_\"'“`]*(?:{words.LINK})[\s*_\"'“‘`({{\[:{BOX_OPENS}]*\Z", re.IGNORECASE
)
_AROUND = " \t\r\n\"'“”‘’«»`*_.!?,;:。！？，；：、"
# No signs: "-1" is another thing than "1", "5%" than "5".
_ENDS = _AROUND + "()[]{}«»"
_BEFORE = 60
_STOPS = re.compile(r"[\s\"'”’»*_`]*(?:[.,;:!()—–。，；：]|- |\Z)")

Form = Callable[[str], str]


def label(text: str, labels: Sequence[str]) -> Reading[int]:
    """The number of the label that a reply means.

    In turn: a reply that is a label; one whose first or only boxed line is; the label that is stated ("Label: spam");
    the only one that the reply names in whole words, of labels that hold each other the longer. One that is denied
    ("not spam") does not count, and two are none.
    """
    text = text[:_LONGEST].strip()
    for form in _forms(labels):
        by_form = {form(one): number for number, one in reversed(list(enumerate(labels)))}
        for part in (text, plain(text), *_parts(plain(text))):
            if (number := by_form.get(form(part))) is not None:
                return Reading(number)
    if not text:
        return Reading(problem="an empty reply")
    return _named(plain(text), labels)


def _forms(labels: Sequence[str]) -> list[Form]:
    """From the strictest to the loosest, those in which labels that differ still differ and none is empty."""
    every: tuple[Form, ...] = (str.strip, _spaced, _unquoted, _folded, _bare)
    different = len({one.strip() for one in labels})
    return [form for form in every if len({form(one) for one in labels}) == different and all(map(form, labels))]


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).replace("−", "-").split())


def _unquoted(text: str) -> str:
    return _spaced(text).strip(_AROUND)


def _folded(text: str) -> str:
    return _unquoted(text).casefold()


def _bare(text: str) -> str:
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", _spaced(text).casefold()).strip(_ENDS)


def _parts(text: str) -> list[str]:
    """What of a reply may be a label by itself: its box, its first line, and the first line after "Label:"."""
    boxes = re.findall(rf"{BOX_OPENS}([^{BOX_OPENS}{BOX_CLOSES}]*){BOX_CLOSES}", text)
    first = text.splitlines()[0] if text else ""
    return [*boxes[-1:], first]


def _named(text: str, labels: Sequence[str]) -> Reading[int]:
    if len({one.casefold() for one in labels}) < len(set(labels)):
        return Reading(problem="is not a label as it is written")
    folded = " ".join(text.replace("−", "-").casefold().split())
    found: dict[int, list[int]] = {}
    left = folded
    for number in sorted(range(len(labels)), key=lambda number: -len(labels[number])):
        said = _spaced(plain(labels[number])).casefold()
        if not re.search(r"\w", said):
            # "<" or "+" in a sentence may be anything.
            continue
        spans = [match.span() for match in re.finditer(_whole(said, labels), left)]
        left = re.sub(_whole(said, labels), lambda match: "\0" * len(match.group()), left)
        own = [start for start, end in spans if not is_none(folded, start, end)]
        if own:
            found[number] = own
    stated, chosen = _behind(_STATED, folded, found), _behind(CHOOSES, folded, found)
    tiers = (
        _corrected(folded, stated) or set(stated),
        _corrected(folded, found),
        _leading(folded, found, labels),
        set() if any(_joined(folded, chosen, found, labels)) else set(chosen),
        set(found),
    )
    for numbers in tiers:
        if numbers:
            return Reading(numbers.pop()) if len(numbers) == 1 else Reading(problem="names two labels")
    return Reading(problem="names no label")


def _behind(announced: re.Pattern[str], text: str, found: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """The labels, with their places, that follow words that announce them."""
    kept = {n: [p for p in places if announced.search(text[max(0, p - _BEFORE) : p])] for n, places in found.items()}
    return {number: places for number, places in kept.items() if places}


def _corrected(text: str, found: Mapping[int, Sequence[int]]) -> set[int]:
    """Of two labels the second, where words take the first back between them: "positive… actually, negative"."""
    if len(found) != 2:
        return set()
    first, second = sorted(found, key=lambda number: found[number][0])
    return {second} if TAKES_BACK.search(text[found[first][-1] : found[second][0]]) else set()


def _joined(
    text: str, chosen: Mapping[int, Sequence[int]], found: Mapping[int, Sequence[int]], labels: Sequence[str]
) -> Iterator[bool]:
    """Whether each chosen label is joined to another one that follows: "I'd say anger or fear"."""
    for number, places in chosen.items():
        length = len(_spaced(plain(labels[number])))
        others = [place for other in found if other != number for place in found[other]]
        yield any(words.JOINS.fullmatch(text[place + length : other]) for place in places for other in others)


def _leading(text: str, found: Mapping[int, Sequence[int]], labels: Sequence[str]) -> set[int]:
    """The label that begins the reply, with a stop or a comma after it and no other one joined to it."""
    start = len(text) - len(text.lstrip(_AROUND))
    for number, places in found.items():
        if start not in places:
            continue
        rest = text[start + len(_spaced(plain(labels[number]))) :]
        others = [place for other in found if other != number for place in found[other]]
        joined = any(words.JOINS.fullmatch(text[len(text) - len(rest) : place]) for place in others)
        return {number} if _STOPS.match(rest) and not joined else set()
    return set()


def _whole(said: str, labels: Sequence[str]) -> str:
    """A label in whole words, with no sign at its ends that would make it another of the labels."""
    signs = {one.strip()[:1] for one in labels} | {one.strip()[-1:] for one in labels}
    kept = "".join(re.escape(sign) for sign in signs if sign and not sign.isalnum() and not sign.isspace())
    before = rf"(?<![\w{kept}])" if _is_latin(said[0]) or kept else ""
    after = rf"(?![\w{kept}])" if _is_latin(said[-1]) or kept else ""
    # "1" is no part of "1.5".
    before += r"(?<!\d[.,])(?<![-+])" if said[0].isdigit() else ""
    after += r"(?![.,]\d)" if said[-1].isdigit() else ""
    return before + re.escape(said) + after


def _is_latin(char: str) -> bool:
    """Whether words of its script are set apart by blanks; in Chinese, Japanese and Thai none are."""
    return not re.match(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]", char)
