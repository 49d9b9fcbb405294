r"""Readers by name, and a chain of them: the first that reads an answer, or finds one that it cannot read, decides.

A reader takes a sample and a reply's text to a reading. `ours` read as a person would; those of other projects are kept
under the words that they look for, so that figures can be compared with theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Sample, UsageError
from evalkit.core.spec import unknown
from evalkit.scoring.extraction.boxed import last_box
from evalkit.scoring.extraction.choices import choice
from evalkit.scoring.extraction.json_fields import json_field
from evalkit.scoring.extraction.labels import label
from evalkit.scoring.extraction.letters import LETTERS, letter
from evalkit.scoring.extraction.lm_eval_numbers import FLEXIBLE_NUMBER
from evalkit.scoring.extraction.numbers import as_number, number
from evalkit.scoring.extraction.patterns import Pick, matched
from evalkit.scoring.extraction.reading import Reading
from evalkit.scoring.extraction.stated import stated_text

__all__ = ["READERS", "Kind", "Reader", "first_of"]

Kind = Literal["letter", "number", "any"]
_LETTER_ALONE = re.compile(r"\(?([A-Za-z])\)?\.?")
_COUNT = 10
"""How many letters are offered where the sample does not say."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read an answer: what it is called, what it reads, and of which kind that is."""

    name: str
    read: Callable[[Sample, str], Reading[str]]
    kind: Kind = "any"


def first_of(*names: str) -> tuple[Reader, ...]:
    """The readers of these names, in order; `json FIELD` names the field of a JSON object.

    Raises UsageError for a name that no reader has, and where none is given.
    """
    if not names:
        raise UsageError("a chain of readers needs one at least", fix=f"first_of: [{next(iter(READERS))}]")
    return tuple(_named(name) for name in names)


def read_by(chain: Sequence[Reader], sample: Sample, text: str) -> tuple[Reading[str], Reader]:
    """What the first reader reads that finds an answer, with that reader; the last one's problem where none does."""
    found: Reading[str] = Reading(problem="no answer in the reply")
    reader = chain[0]
    for reader in chain:
        found = reader.read(sample, text)
        if found.value is not None or found.unreadable:
            break
    return found, reader


def equal(kind: Kind, said: str, target: str) -> bool:
    """Whether an answer is the target: letters without brackets and case, numbers by value, texts as they are.

    An answer of any kind is read as the target is: as a letter, a number or a text.
    """
    if said.strip() == target.strip():
        return True
    wanted = _LETTER_ALONE.fullmatch(target.strip())
    if kind != "number" and wanted is not None:
        meant = letter(said, len(LETTERS)).value
        return meant is not None and LETTERS[meant] == wanted[1].upper()
    value = as_number(target)
    read = number(said).value if kind != "letter" and value is not None else None
    return read is not None and read.plain == value


def _named(name: str) -> Reader:
    if name.startswith("json ") and name[5:].strip():
        field = name[5:].strip()
        return Reader(name, lambda sample, text: json_field(text, field).map(_text_of))
    if name not in READERS:
        raise unknown("reader", name, [*READERS, "json FIELD"])
    return READERS[name]


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _letter(sample: Sample, text: str) -> Reading[str]:
    return letter(text, len(sample.choices) or _COUNT).map(LETTERS.__getitem__)


def _choice(sample: Sample, text: str) -> Reading[str]:
    options = [str(option) for option in sample.data.get("options") or sample.choices]
    return choice(text, options, lettered=True).map(LETTERS.__getitem__)


def _label(sample: Sample, text: str) -> Reading[str]:
    return label(text, sample.choices).map(lambda number: sample.choices[number])


def _number(sample: Sample, text: str) -> Reading[str]:
    return number(text).map(lambda found: f"{found.value:.15g}" + "%" * found.percent)


def _pattern(name: str, pattern: str, kind: Kind, pick: Pick = "first") -> Reader:
    compiled = re.compile(pattern)

    def read(sample: Sample, text: str) -> Reading[str]:
        found = matched(compiled, text, pick)
        return Reading(problem=f"no {name!r} in the reply") if found is None else Reading(found)

    return Reader(name, read, kind)


_ANSWER_COLON = re.compile(r"(?=[aA]nswer:\s*([A-J]))")


def _answer_colon(text: str) -> Reading[str]:
    r"""What `.*[aA]nswer:\s*([A-J])` finds, in time linear in the text: the last on the first line that has one."""
    found = list(_ANSWER_COLON.finditer(text))
    if not found:
        return Reading(problem="no 'Answer: X' in the reply")
    line_ends = text.find("\n", found[0].start())
    line = [each for each in found if line_ends < 0 or each.start() < line_ends]
    return Reading(line[-1][1])


_OURS = (
    Reader("letter", _letter, "letter"),
    Reader("choice", _choice, "letter"),
    Reader("label", _label),
    Reader("number", _number, "number"),
    Reader("boxed", lambda sample, text: last_box(text)),
    Reader("answer is TEXT", lambda sample, text: stated_text(text)),
)
_OTHERS = (
    # MMLU-Pro's three steps: evaluate_from_api.py and evaluate_from_local.py of its repository.
    _pattern("answer is (X)", r"answer is \(?([A-J])\)?", "letter"),
    Reader("Answer: X", lambda sample, text: _answer_colon(text), "letter"),
    _pattern("last letter", r"\b[A-J]\b", "letter", "last"),
    # lm-evaluation-harness: GPQA's and GSM8K's "flexible-extract", GSM8K's "strict-match".
    _pattern("last (X)", r"\([A-Z]\)", "letter", "last"),
    _pattern("last number", FLEXIBLE_NUMBER, "number", "last"),
    _pattern("#### number", r"#### (\-?[0-9\.\,]+)", "number"),
)
READERS = {reader.name: reader for reader in (*_OURS, *_OTHERS)}
"""Every reader by its name; `json FIELD` is another."""
