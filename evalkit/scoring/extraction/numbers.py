r"""The number that a reply gives, found with the grammar that reads it.

Signs (also U+2212), thousands in every usual form (1,234 · 1.234.567 · 1 234 · 1'234 · 12,34,567 · 1{,}234), decimals,
exponents (1.5e-3, 1.5×10^-3, 2^10), fractions (3/4, 2 2/3, \frac34), percent, currencies, digits of any script. What
looks like a number and may be two things, such as "12,5" or "1.2.3", is unreadable, never a part of it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from evalkit.scoring.extraction import answer_words as words
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
    r"(?P<over>\s?/\s?\d+(?:\.\d+)?(?![\d/]))?"
)
_SIGN = r"(?P<sign>[-+](?=[\d.$€£¥₹₩₽]|(?:US|R)\$)|(?:(?<==)|(?<=[=(] )|\A)[-+] (?=[\d.$€£¥]))?"
_PERCENT_WORDS = r"percent|per cent|Prozent|pour ?cent|por ciento|por cento|per cento|процент\w*"
_PERCENT = rf"(?P<percent>\s?(?:%|(?:{_PERCENT_WORDS})\b))?"
_AMBIGUOUS = r"(?P<ambiguous>[±∓]\s?\d[\d.,]*|\d{1,4}/\d{1,2}/\d{1,4}|\d[\d.,:]*\d)"
_TOKEN = re.compile(
    rf"(?<![A-Za-z0-9_.^\\])(?<!_\{{)(?<!\^[-+])(?<![A-Za-z]-)(?:{_SIGN}(?:{_CURRENCY})?(?P<inner>[-+])?(?:{_NUMBER})(?![\d/]|[.,:]\d|\^|\s?‰){_PERCENT}|{_AMBIGUOUS})",
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


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: with percent sign, `value` is what stands before it ("50 %": 50)."""

    value: float
    percent: bool = False

    @property
    def plain(self) -> float:
        """The value as a number: 0.5 for "50 %"."""
        return self.value / 100 if self.percent else self.value


def number(text: str) -> Reading[Number]:
    """The number that a reply gives: the reply itself, else that of its last box, the last that is stated ("the
    answer is 5", "#### 5"), and the last that stands in it."""
    text = before_it_runs_on(_tidied(text[:_LONGEST])).strip()
    whole = _whole(text)
    if whole is not None:
        return Reading(whole)
    boxes = re.findall(rf"{BOX_OPENS}([^{BOX_OPENS}{BOX_CLOSES}]*){BOX_CLOSES}", text)
    for part in (*boxes[-1:], *_stated(text)[-1:]):
        found = _whole(part) or _in(part)
        if found is not None:
            return Reading(found)
    last = next(iter(reversed(list(_TOKEN.finditer(text)))), None)
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
    """The one number of a short text; of several, what stands behind the last "=", or the first where no sum begins."""
    tokens = list(_TOKEN.finditer(text))
    if len(tokens) == 1:
        return _value(tokens[0], text)
    if not tokens:
        return None
    _, equals, after = text.rpartition("=")
    if equals and len(found := list(_TOKEN.finditer(after))) == 1:
        return _value(found[0], after)
    first = tokens[0]
    starts = not text[: first.start()].strip(" *_`\"'$(")
    return _value(first, text) if starts and not _GOES_ON.match(text, first.end()) else None


def _stated(text: str) -> list[str]:
    """What follows "the answer is", each up to the end of its sentence."""
    found = []
    for cue in _STATED.finditer(text):
        if cue["hashes"] is None and not words.LINKED.search(cue["rest"]):
            continue
        end = _SENTENCE_ENDS.search(text, cue.end())
        found.append(text[cue.end() : end.start() if end else len(text)])
    return found


def _value(token: re.Match[str], text: str) -> Number | None:
    if token["ambiguous"]:
        return None
    negative = "-" in (token["inner"], (token["sign"] or "").strip())
    if token["sign"] and not token["inner"] and _SIGNED_AFTER.search(text[max(0, token.start() - 1) : token.start()]):
        # "2010-2015" and "x-5": no sign but a range or a difference.
        negative = False
    try:
        value = _mixed(token["mixed"]) if token["mixed"] else _computed(token)
    except (OverflowError, ZeroDivisionError):
        return None
    return Number(-value if negative else value, bool(token["percent"])) if math.isfinite(value) else None


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
