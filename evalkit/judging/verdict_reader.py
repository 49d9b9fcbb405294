"""What a judge's reply says: one of the labels that were offered, a number on the scale, or nothing that can be read.

A verdict is read from the structured field or from the last line, which must say it and nothing else. So a verdict
that the judge quotes, denies, weighs or repeats from the text that it judges is never taken for its own. A reply
with no verdict, with two, or with a label that was not offered is unread: never a tie, never a zero.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from evalkit.judging.json_objects import ending_object, other_objects
from evalkit.scoring.extraction.replies import strip_reasoning

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was read; or None, and `problem` says why nothing was."""

    value: T | None = None
    problem: str = ""


# What introduces a verdict, in the languages that judges are commonly asked in.
_WORDS = (
    "verdict|decision|judg(?:e)?ment|answer|winner|choice|result|conclusion|preference|rating|score|grade|label|"
    "the better (?:answer|response)|better (?:answer|response)|"
    "urteil|entscheidung|antwort|gewinner|ergebnis|bewertung|note|punktzahl|"
    "verdict final|jugement|décision|réponse|gagnant|résultat|"
    "veredicto|decisión|respuesta|ganador|resultado|puntuación|veredito|decisão|"
    "verdetto|giudizio|decisione|risposta|vincitore|punteggio|"
    "вердикт|решение|ответ|победитель|оценка|"
    "判定|裁决|裁定|结论|答案|评分|得分|结果|評価|結論|回答|勝者|최종 판정|판정|결론|답변|승자|점수"
)
_ADJECTIVES = (
    "my|the|final|overall|endgültiges|finales|mein|le|la|el|mon|ma|mi|il|mio|final de|окончательный|итоговый|"
    "最终|最后|最終|总体|최종"
)
_HEAD = rf"(?:(?:(?:{_ADJECTIVES})\s*)*(?:{_WORDS})(?:\s+(?:finale?|definitivo))?\s*(?:[:：=]|\bis\b\s*:?|[-–—]\s)\s*)"
_THING = r"(?:(?:assistant|answer|response|model|option|candidate|output|system)\s+)?"
_TAIL = r"(?:\s+(?:wins|is better|is the better (?:answer|response)|is the winner))?"
_QUOTED = re.compile(
    r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|‘[^’\n]*’|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`|「[^」\n]*」"
)
_BLOCKQUOTE = re.compile(r"(?m)^[ \t]*>.*$")
_DECORATION = "*_# \t"
_STRUCK = re.compile(r"~~[^~\n]*~~|<(?:del|s|strike)>[^\n]*?</(?:del|s|strike)>", re.IGNORECASE)
_ANNOUNCED = re.compile(
    rf"(?:(?:so|thus|therefore|hence|now|finally),?\s+)?(?:(?:here|this) is\s+|here's\s+)?(?:{_HEAD})(?:\s*is\s*:?)?"
    r"|(?:so|thus|therefore|hence|finally|overall|in (?:short|sum|conclusion)):",
    re.IGNORECASE,
)
"""What may stand, ending with a colon, above a verdict; any other line that ends so introduces another's."""
_TURNED = re.compile(
    r"\b(?:worse|worst|weaker|weakest|inferior|loser|loses|lost|schlechter|schwächer)\b", re.IGNORECASE
)
_LABEL_FIELDS = ("verdict", "winner", "decision", "answer")
_NUMBER_FIELDS = ("rating", "score", "grade")


def read_label(text: str, labels: Mapping[str, str], *, field: str = "verdict", cut: bool = False) -> Reading[str]:
    """The label that a reply ends with. `labels` maps what may be written to what it stands for (upper and lower
    case are one, but a single letter that stands alone is a capital). `cut` says that the reply ran to its limit.
    """
    prepared = _prepared(text)
    if isinstance(prepared, Reading):
        return prepared
    folded = {_folded(written): meant for written, meant in labels.items()}
    pattern = "|".join(re.escape(written) for written in sorted(labels, key=len, reverse=True))
    found, before = ending_object(prepared)
    if found is not None:
        marked = {folded[_folded(said)] for said in _markers(before, pattern)}
        return _from_object(found, before, (field, *_LABEL_FIELDS), lambda value: _label_of(value, folded), marked)
    if cut:
        return Reading(problem="the reply was cut at its token limit")
    last = _said(_last_line(prepared), pattern, bare=True)
    if last is None:
        return Reading(problem="its last line is no verdict")
    if not _is_own(prepared, pattern):
        return Reading(problem="what stands above its last line says that it is no verdict")
    others = {folded[_folded(said)] for said in _markers(prepared, pattern)}
    if others - {folded[_folded(last)]}:
        return Reading(problem="it holds two verdicts")
    return Reading(folded[_folded(last)])


def read_number(
    text: str, low: int, high: int, *, field: str = "rating", whole: bool = True, cut: bool = False
) -> Reading[float]:
    """The number from `low` to `high` that a reply ends with; a fraction is none where the scale is `whole`.

    "7/10" and "7 out of 10" are read where the scale ends at 10; a number of another scale is not brought to this one.
    """
    prepared = _prepared(text)
    if isinstance(prepared, Reading):
        return Reading(problem=prepared.problem)
    pattern = r"[-+]?\d{1,6}(?:\.\d{1,6})?(?:\s*(?:/|⁄|out of|von|sur|из)\s*\d{1,6})?"
    found, before = ending_object(prepared)
    if found is not None:
        marked = {_number_of(said, low, high, whole) for said in _markers(before, pattern)}
        take = partial(_number_of, low=low, high=high, whole=whole)
        return _from_object(found, before, (field, *_NUMBER_FIELDS), take, marked)
    if cut:
        return Reading(problem="the reply was cut at its token limit")
    last = _said(_last_line(prepared), pattern, bare=True)
    if last is None:
        return Reading(problem="its last line is no rating")
    if not _is_own(prepared, pattern):
        return Reading(problem="what stands above its last line says that it is no rating")
    value = _number_of(last, low, high, whole)
    if value is None:
        return Reading(problem=f"{last!r} is not on the scale from {low} to {high}")
    others = {_number_of(said, low, high, whole) for said in _markers(prepared, pattern)}
    return Reading(problem="it holds two ratings") if others - {value} else Reading(value)


def read_levels(text: str, scales: Mapping[str, Sequence[int]], *, cut: bool = False) -> Reading[dict[str, int]]:
    """One level for every criterion, from the object that ends the reply: under "levels", or at its top.

    Every criterion must be there with a level of its own scale; a level may stand as {"level": 3, …}. A reply without
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
            return Reading(problem=f"the criterion {name!r} is there twice")
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
    lines = [line.strip(_DECORATION + "-•") for line in text.splitlines() if line.strip()][-len(scales) :]
    names = {_criterion(name): name for name in scales}
    given: dict[str, object] = {}
    for line in lines:
        head, colon, level = line.partition(":")
        name = names.get(_criterion(head.strip(_DECORATION)))
        if not colon or name is None or name in given:
            return Reading(problem="it ends neither in an object nor in a level for each criterion")
        given[name] = level.strip(_DECORATION).removesuffix(".")
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
        return Reading(problem="its reasoning was not finished")
    plain = unicodedata.normalize("NFKC", stripped.text.replace("：", ":")).replace("\u200b", "")
    plain = _STRUCK.sub("", plain).strip()
    return plain or Reading(problem="the reply is empty")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def _is_own(text: str, pattern: str) -> bool:
    """Whether what stands above the last line leaves it the judge's own verdict: no line that introduces something
    else, no question about the worse one, and no sentence that a bare label would end."""
    lines = [line.strip().strip(_DECORATION) for line in text.splitlines() if line.strip()]
    above = lines[-2] if len(lines) > 1 else ""
    if not above:
        return True
    if above.endswith(":"):
        return _ANNOUNCED.fullmatch(above) is not None
    if above.endswith("?") and _TURNED.search(above):
        return False
    marked = _said(_last_line(text), pattern, bare=False) is not None
    return marked or not above[-1].isalnum() or _said(above, pattern, bare=True) is not None


def _said(line: str, pattern: str, *, bare: bool) -> str | None:
    """What of `pattern` a line says and says alone: `[[A]]`, `Verdict: A`, or a bare `A` that is no heading."""
    if line.lstrip().startswith(">"):
        return None
    bare = bare and not line.lstrip().startswith("#")
    plain = line.strip(_DECORATION + "-•").replace("**", "").replace("__", "")
    if re.fullmatch(r"`[^`]+`", plain):
        plain = plain.strip("`")
    boxed = rf"\[\[?\s*(?P<boxed>{pattern})\s*\]\]?"
    headed = rf"{_HEAD}(?:\\boxed\{{(?P<latex>{pattern})\}}|`?{_THING}(?P<headed>{pattern})`?{_TAIL})"
    form = rf"(?:{_HEAD}?{boxed}|{headed}" + (rf"|{_THING}(?P<bare>{pattern})" if bare else "") + r")\s*[.!]?"
    found = re.fullmatch(form, plain.strip(), re.IGNORECASE)
    if found is None:
        return None
    said = next(value for value in found.groupdict().values() if value is not None)
    if found.groupdict().get("bare") and len(said) == 1 and said.islower():
        return None
    return str(said)


def _markers(text: str, pattern: str) -> list[str]:
    """Every verdict in a reply that is marked as one: in double brackets anywhere, or on a line that says it alone.
    What is quoted is not the judge's."""
    own = _BLOCKQUOTE.sub("", text)
    said = [line_said for line in own.splitlines() if (line_said := _said(line, pattern, bare=False)) is not None]
    unquoted = _QUOTED.sub("", own)
    return said + [str(match) for match in re.findall(rf"\[\[\s*({pattern})\s*\]\]", unquoted, re.IGNORECASE)]


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
    plain = re.sub(rf"^{_THING}", "", plain, flags=re.IGNORECASE)
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
    return re.sub(r"[\s_\-]+", " ", name.strip(_DECORATION).casefold())
