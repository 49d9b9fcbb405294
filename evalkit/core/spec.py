"""Names with options as a person types them (`mmlu,subject=anatomy`), and help with typing errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from evalkit.core import UsageError

__all__ = ["IN_FILE", "Spec", "nearest", "parse", "unknown"]

# A comma ends a value only where an option follows it, so that names and values may hold commas of their own.
_OPTION = re.compile(r",(?=\s*[A-Za-z_][A-Za-z0-9_.\-]*\s*=)")

IN_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_]\w*)")
"""A name in a file of the user's, `./my.py:polite`. A Windows drive has one letter before its colon, and no .py."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A name with its options, all text: what `parse` makes of one argument."""

    name: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


def parse(text: str) -> Spec:
    """Split `name,key=value,key=value`.

    Only a comma in front of `key=` splits, outside of brackets and quotes, so values may hold `=`, commas and
    slashes: `hf/x,stop=a,b,max_length=8` has the options stop="a,b" and max_length="8", and
    `x,map={a=1,b=2}` has one option. Blanks around names and values are dropped.

    Raises UsageError for an empty name and for an option that is given twice.
    """
    name, *pieces = _split(text)
    name = name.strip()
    if not name or _OPTION.match("," + name):
        raise UsageError("a name is missing", found=repr(text), fix="name,key=value,key=value")
    options: dict[str, str] = {}
    for piece in pieces:
        key, _, value = (part.strip() for part in piece.partition("="))
        if key in options:
            raise UsageError(f"the option {key!r} is given twice", found=repr(text), fix=f"keep one {key}=… only")
        options[key] = value
    return Spec(name, options)


def _split(text: str) -> list[str]:
    """Cut at the commas that start an option and are in no bracket and no quotes."""
    pieces, start = [], 0
    for match in _OPTION.finditer(text):
        if _closed(text[start : match.start()]):
            pieces.append(text[start : match.start()])
            start = match.end()
    pieces.append(text[start:])
    return pieces


def _closed(text: str) -> bool:
    """Whether every bracket opened in `text` is closed in it, quotes taken into account.

    A quote counts where a value or an item begins with it; an apostrophe inside a word does not.
    """
    depth, quote, before = 0, "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and before in ("=", ",", "[", "{", "(", ":"):
            quote = char
        elif char in "[{(":
            depth += 1
        elif char in "]})":
            depth -= 1
        before = char
    return depth <= 0 and not quote


_SHORT = 4
_ALIKE = 0.7
"""The proportion of their characters that two names share in order (difflib): at 0.6, `acuracy` is like `auroc`."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was most likely meant to be, or None where nothing is close."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=_ALIKE)
    # Of a short name, one wrong letter is more than the proportion allows: nf5 for nf4.
    close = close or [name for name in by_lower if 3 <= len(name) <= _SHORT and _one_letter_apart(name, word.lower())]
    return by_lower[close[0]] if close else None


def _one_letter_apart(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def unknown(kind: str, name: str, candidates: Iterable[str], *, found: str = "", every: bool = False) -> UsageError:
    """The error to raise where no `kind` (such as "task" or "model provider") is called `name`. With `every` it lists
    all candidates, also where one is close."""
    names = sorted(set(candidates))
    close = nearest(name, names)
    if close is not None:
        fix = f"did you mean {close!r}?" + (f" All of them: {', '.join(names)}" if every else "")
    elif not names:
        fix = f"there is no {kind} to choose from"
    else:
        most = len(names) if every else 12
        fix = f"one of {', '.join(names[:most])}" + (f" and {len(names) - most} more" if len(names) > most else "")
    return UsageError(f"no {kind} named {name!r}", found=found, fix=fix)
