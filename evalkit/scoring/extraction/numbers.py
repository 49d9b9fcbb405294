r"""The number that a reply gives, found with the grammar that reads it.

Signs (also U+2212), thousands in every usual form (1,234 · 1.234.567 · 1 234 · 1'234 · 12,34,567 · 1{,}234), decimals,
exponents (1.5e-3, 1.5×10^-3, 2^10), fractions (3/4, 2 2/3, \frac34), percent, currencies, words of scale (3 million,
5万), digits of any script. What looks like a number and may be two things, such as "12,5" or "1.2.3", is unreadable,
never a part of it; so is a number that is a part of something else (see `number_context`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from evalkit.scoring.extraction import answer_words as words
from evalkit.scoring.extraction.number_context import are_several, is_part
from evalkit.scoring.extraction.number_scales import SCALE, factor
from evalkit.scoring.extraction.plain import BOX_CLOSES, BOX_OPENS, before_it_runs_on, plain
from evalkit.scoring.extraction.reading import Reading, unreadable

__all__ = ["Number", "as_number", "number"]

_LONGEST = 200_000
_CURRENCY = (
    r"(?:(?:US|CA|AU|HK|NZ|R|A|C|S)?[$€£¥₹₩₽฿₫₺]|(?<![A-Za-z])(?:USD|EUR|GBP|CHF|INR|JPY|CNY|RMB|Rs\.?|kr\.?))\s?"
)
_BODY = (
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|"
    r"\d{1,3}(?:\.\d{3})+,\d+|(?<!\d )\d{1,3}(?:[ '’_\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:\.\d+)?|(?<![\w.])\.\d+"
)
_NUMBER = (
    r"(?P<mixed>\d+ \d+\s?/\s?\d+(?![\d/]))|"
    rf"(?P<body>{_BODY})(?P<exponent>\s?[eE][-+]?\d{{1,3}}(?!\w)|"
    rf"\s?[×x*·]\s?10\^[-+]?\d{{1,3}})?(?P<power>\^[-+]?\d{{1,4}})?"
    rf"(?P<over>\s?/\s?\d+(?:\.\d+)?(?![\d/]))?(?P<scale>{SCALE})?"
)
_SIGN = r"(?P<sign>[-+](?=[\d.$€£¥₹₩₽]|(?:US|R)\$)|(?:(?<==)|(?<=[=(] )|\A)[-+] (?=[\d.$€£¥]))?"
_PERCENT_WORDS = r"percent|per cent|Prozent|pour ?cent|por ciento|por cento|per cento|процент\w*"
_PERCENT = rf"(?P<percent>\s?(?:%|(?:{_PERCENT_WORDS})\b))?"
_AMBIGUOUS = r"(?P<ambiguous>0x[\da-f]+\b|[±∓]\s?\d[\d.,]*|\d{1,4}/\d{1,2}/\d{1,4}|\d[\d.,:]*\d)"
_TOKEN = re.compile(
    rf"(?<![A-Za-z0-9_.^\\千万萬億亿만억])(?<!_\{{)(?<!\^[-+])(?<![A-Za-z]-)(?:{_SIGN}(?:{_CURRENCY})?(?P<inner>[-+])?(?:{_NUMBER})(?![\d/]|x[\da-f]{{2}}|\s?[千万萬億亿만억]|[.,:]\d|\^|\s?‰){_PERCENT}|{_AMBIGUOUS})",
    re.IGNORECASE,
)
_SIGNED_AFTER = re.compile(r"[\w)\]%]\Z")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}|\\[dt]?frac\s*(\d)\s*(\d)")
_STATED = re.compile(
    rf"(?:{words.NOUN})(?P<rest>(?:{words.BETWEEN}|{words.LINK})*+)|(?P<hashes>####\s*)", re.IGNORECASE
)
_SENTENCE_ENDS = re.compile(r"[.!?。！？;](?=\s|\Z)|\n\s*\S|[。！？]")
_GOES_ON = re.compile(
    r"\s*(?:[-+*/×÷·=^<>]|(?:times|plus|minus|divided|multiplied|to|and|or|x|mal|und|oder|bis|fois|et|ou|por|y|o|a|"
    r"e)\b)",
    re.IGNORECASE,
)


_ABOUT = re.compile(
    r"[\s*_`\"'$(:]*(?:\b(?:approximately|approx\.?|about|around|roughly|nearly|almost|exactly|precisely|equal to|just|"
    r"only|ca\.?|circa|etwa|ungefähr|rund|environ|aproximadamente|circa|примерно)(?!\w)[\s*_`\"'$(]*|[≈~约約])*",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"[\s*_`\"']*(?:not|never|nicht|pas|no|non|não|не|不是)(?![\w,.:])(?P<denied>.*?)"
    r"(?:\b(?:but|sondern|mais|sino|mas|ma|а)\b(?P<but>.*)|而是(?P<er>.*)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_IT = re.compile(r"(?:n['’]t|\bnot|\bnever)\s+(?:be\s+|exactly\s+)?[*_$]*\Z", re.IGNORECASE)
_NEGATED = re.compile(r"(?:[:=]|\b(?:is|ist|est|es)\b)[\s*_]*-\s\Z", re.IGNORECASE)
"""An announcement whose last sign is not a dash: "is: - 5"."""
_TAKEN_BACK = re.compile(
    r"\b(?:wait|hmm+|oops|correction|scratch that|on second thought|i (?:made an?|mis\w+)|"
    r"let me (?:re-?do|correct|fix)|my mistake|moment|warte|attendez|espera|подожд\w+)\b|等等|不对|待って|잠깐",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"(?:\b(?:is|be|it's|that's|gives|makes|get|equals|ist|est|es)|[=:是])[\s*_$`]*\Z", re.IGNORECASE)
_PLACES = re.compile(
    r"\b(?:to|with)\s+\d+\s+(?:decimals?(?: places?)?|significant (?:figures?|digits?)|sig\.? ?figs?|d\.?p\b|s\.?f\b)",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"(?:\bnegative|(?:\A|(?<=[=:(,*$])|(?<=[=:(,] )|(?<=\b(?:is|es|to|of|at) )|(?<=\b(?:ist|est|was) ))"
    r"(?:minus|moins|menos|meno))\s+(?=[\d.$€£¥])",
    re.IGNORECASE,
)
_FACTORIAL = re.compile(rf"!\s*{BOX_CLOSES}")
_CUT_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{[^{}]*[\d.,]\Z")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: with percent sign, `value` is what comes before it ("50 %": 50).

    `scale` is what a word of scale stands for, and is part of `value` ("3 million": 3,000,000 and 1,000,000).
    """

    value: float
    percent: bool = False
    scale: float = 1.0

    @property
    def plain(self) -> float:
        """The value as a number: 0.5 for "50 %"."""
        return self.value / 100 if self.percent else self.value


def number(text: str) -> Reading[Number]:
    """The number that a reply gives: the reply itself, else that of its last box, the last that is stated ("the
    answer is 5", "#### 5") and not taken back, one that is its first paragraph, and the last that is in it."""
    text = before_it_runs_on(_tidied(text[:_LONGEST])).strip()
    whole = _whole(text)
    if whole is not None and not _FACTORIAL.search(text):
        return Reading(whole)
    if are_several(text):
        return _agreed(text)
    if _CUT_BOX.search(text):
        return unreadable("the last box is not closed")
    boxes = re.findall(rf"{BOX_OPENS}([^{BOX_OPENS}{BOX_CLOSES}]*){BOX_CLOSES}", text)
    boxes = [box for box in boxes if box.strip()]
    if boxes:
        found = None if are_several(boxes[-1]) or _FACTORIAL.search(text) else _whole(boxes[-1]) or _in(boxes[-1])
        return unreadable(f"the box holds {boxes[-1].strip()!r:.40}") if found is None else Reading(found)
    stated = _stated(text)
    return _given(text, *stated) if stated else _unannounced(text)


def _given(text: str, start: int, end: int) -> Reading[Number]:
    """The number that is stated between two places, or what corrects it afterwards."""
    part = text[start:end]
    denied = _DENIED.match(part)
    if denied:
        part = denied["but"] or denied["er"] or ""
        if not _TOKEN.search(part):
            return _unannounced(text[end:]) if _TOKEN.search(text, end) else Reading(problem="the number is denied")
    if are_several(part):
        return _agreed(part)
    found = _whole(part) or _in(part)
    if found is None:
        return _unannounced(text)
    taken_back = _TAKEN_BACK.search(text, end)
    last = next(iter(reversed(list(_TOKEN.finditer(text, taken_back.end())))), None) if taken_back else None
    if last is None or (value := _value(last, text)) == found:
        return Reading(found)
    if value is None or not _INSTEAD.search(text[max(0, last.start() - 12) : last.start()]):
        return unreadable("the number is taken back")
    return Reading(value)


def _agreed(text: str) -> Reading[Number]:
    """The value that several numbers all have ("1/2 or 0.5"); UNREADABLE where they differ."""
    values = [_whole(token.group()) for token in _TOKEN.finditer(text)]
    first = values[0] if values else None
    if first is None or any(value is None or not math.isclose(value.plain, first.plain) for value in values):
        return unreadable("several numbers")
    return Reading(first)


def _unannounced(text: str) -> Reading[Number]:
    """The number that is a reply's first paragraph, else the last in it."""
    first, _, rest = text.partition("\n")
    leading = _whole(first) if not rest.partition("\n")[0].strip() else None
    if leading is not None and not re.fullmatch(r"\s*\d+[.):]\s*", first):
        return Reading(leading)
    tokens = [
        token for token in _TOKEN.finditer(text) if not _NOT_IT.search(text[max(0, token.start() - 20) : token.start()])
    ]
    last = tokens[-1] if tokens else None
    if last is None:
        return Reading(problem="no number in the reply")
    value = _value(last, text)
    return unreadable(f"{last.group().strip()!r:.40} may be more than one number") if value is None else Reading(value)


def as_number(text: str) -> float | None:
    """The value of a text that is a number and nothing else, or None.

    A currency sign and a full stop after it are allowed, so are thousands separators; "50%" is 0.5.
    """
    found = _whole(_tidied(text[:_LONGEST]).strip())
    return None if found is None else found.plain


def _whole(text: str) -> Number | None:
    text = text.strip(" \t\r\n*_`\"'“”!?;,=:$()[]{}" + BOX_OPENS + BOX_CLOSES).rstrip(".…")
    token = _TOKEN.match(text)
    if token is None:
        return None
    rest = text[token.end() :].strip(" *_`)]}" + BOX_CLOSES)
    return _value(token, text) if rest in ("", *"$€£¥₹₩₽") else None


def _in(text: str) -> Number | None:
    """The one number of a short text; of several, what follows the last "=", or the first where no sum begins."""
    tokens = list(_TOKEN.finditer(text))
    if len(tokens) == 1:
        return _value(tokens[0], text)
    if not tokens:
        return None
    _, equals, after = text.rpartition("=")
    if equals and len(found := list(_TOKEN.finditer(after))) == 1:
        return _value(found[0], after)
    first = tokens[0]
    starts = _ABOUT.fullmatch(text, 0, first.start()) is not None
    return _value(first, text) if starts and not _GOES_ON.match(text, first.end()) else None


def _stated(text: str) -> tuple[int, int] | None:
    """The place of what follows the last "the answer is", up to the end of its sentence."""
    cues = [cue for cue in _STATED.finditer(text) if cue["hashes"] is not None or words.LINKED.search(cue["rest"])]
    if not cues:
        return None
    last = cues[-1]
    end = _SENTENCE_ENDS.search(text, last.end())
    start = last.end() - 2 if _NEGATED.search(last["rest"] or "") else last.end()
    return start, end.start() if end else len(text)


def _value(token: re.Match[str], text: str) -> Number | None:
    if token["ambiguous"] or is_part(text, token.start(), token.end()):
        return None
    negative = "-" in (token["inner"], (token["sign"] or "").strip())
    if token["sign"] and not token["inner"] and _SIGNED_AFTER.search(text[max(0, token.start() - 1) : token.start()]):
        # "2010-2015" and "x-5": no sign but a range or a difference.
        return None
    try:
        value = _mixed(token["mixed"]) if token["mixed"] else _computed(token)
    except (OverflowError, ZeroDivisionError):
        return None
    scale = factor(token["scale"])
    value *= scale
    return Number(-value if negative else value, bool(token["percent"]), scale) if math.isfinite(value) else None


def _computed(token: re.Match[str]) -> float:
    value = float(_without_separators(token["body"]))
    if token["exponent"]:
        digits = re.sub(r"\s?[×x*·]\s?10\^|\s?e", "", token["exponent"], flags=re.IGNORECASE)
        value = float(f"{value!r}e{int(digits)}") if "e" not in f"{value!r}" else value * 10.0 ** int(digits)
    if token["power"]:
        value = value ** int(token["power"][1:])
    return value / float(token["over"].strip().lstrip("/ ")) if token["over"] else value


def _mixed(text: str) -> float:
    whole, _, rest = text.partition(" ")
    above, _, below = rest.partition("/")
    if float(above) >= float(below):
        raise OverflowError("no mixed number")
    return float(whole) + float(above) / float(below)


def _without_separators(body: str) -> str:
    body = re.sub(r"[ '’_\u202f]", "", body)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+", body):
        return body.replace(".", "").replace(",", ".")
    if re.fullmatch(r"\d+,\d{1,2}|\d{4,},\d+", body):
        return body.replace(",", ".")
    return body.replace(",", "")


def _tidied(text: str) -> str:
    text = re.sub(r"(?<=\d)(?:\{,\}|,\\!|\\,|\\;|\\ |[\u00a0\u2009\u202f\u2007])(?=\d{3})", "\u202f", text)
    # "2½" would be 21⁄2 in compatible characters.
    text = re.sub(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215e])", " ", text)
    kept = text.replace("\u202f", "\ue000")
    text = plain(kept.replace("٫", ".").replace("٬", ",").replace("٪", "%")).replace("\ue000", "\u202f")
    text = "".join(_ascii_digit(char) for char in text) if not text.isascii() else text
    text = re.sub(r"[−‒–﹣](?=\s?[\d.$€£¥])", "-", text)
    text = (
        text.replace("\\times", "×").replace("\\cdot", "·").replace("\\pm", "±").replace("\\$", "$").replace("\\%", "%")
    )
    text = re.sub(r"\^\{?\\circ\}?", "°", text)
    text = _PLACES.sub(" ", _NEGATIVE.sub("-", text))
    text = _FRACTION.sub(lambda found: f" {found[1] or found[3]}/{found[2] or found[4]}", text)
    text = text.replace("⁄", "/")
    return (
        re.sub(r"\^\{([-+−]?\d+)\}", lambda found: "^" + found[1].replace("−", "-"), text)
        .replace("\\(", " ")
        .replace("\\)", " ")
    )


def _ascii_digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)
