"""How an answer to each of the 27 tasks is read out of a reply."""

from __future__ import annotations

import re

from evalkit.core import Sample
from evalkit.scoring.extraction import last_word_number, matched, option_letter

# The last of these in the reply is the answer; in the first two, whichever group holds it says what it means.
_MEANINGS = {
    "sports_understanding": (r"\b(no|not plausible)\b", r"\b(yes|plausible)\b"),
    "web_of_lies": (
        r"\b(no|does not tell the truth|is not telling the truth)\b",
        r"\b(yes|tells the truth|is telling the truth)\b",
    ),
}
_LAST = {
    "boolean_expressions": r"\b(True|False)\b",
    "causal_judgement": r"\b(Yes|No|yes|no)\b",
    "dyck_languages": r"""(?<= )([" \[\(<{}>\)\]]+)|([" \[\(<{}>\)\]]+)""",
    "formal_fallacies": r"\b(valid|invalid)\b",
    "navigate": r"\b(Yes|No|yes|no)\b",
}
_COUNTS = ("multistep_arithmetic_two", "object_counting")
_DIGITS = re.compile(r"([-0-9]+)")
_OPTION = re.compile(r"\([A-Z]\)([^\n^(]*)")
_AN_OPTION = re.compile(r"\([A-Z]\)")
_STRICT = re.compile(
    r"((?<=The answer is )(.*)(?=.)|(?<=the answer is )(.*)(?=.)|(?<=The answer: )(.*)(?=.)"
    r"|(?<=The final answer: )(.*)(?=.))"
)
_STRICT_AFTER_EXAMPLES = re.compile(r"(?<=the answer is )(.*)(?=.)")


def strict(sample: Sample, text: str) -> str | None:
    """What stands after "the answer is ", up to the full stop."""
    return matched(_STRICT, text)


def strict_after_examples(sample: Sample, text: str) -> str | None:
    """The same in the one form that the few-shot examples show."""
    return matched(_STRICT_AFTER_EXAMPLES, text)


def as_the_paper(sample: Sample, text: str) -> str | None:
    """What stands after the last "answer is ", without a full stop at its end; of options the first that stands in it.

    The paper's few-shot examples end in "So the answer is X.", and X is what an exact match compares (Suzgun et al.
    2022, arXiv 2210.09261, section 3).
    """
    _, found, said = text.rpartition("answer is ")
    if not found:
        return None
    said = said.strip()
    if sample.targets[0].startswith("(") and (option := _AN_OPTION.search(said)):
        return option.group()
    return said.removesuffix(".") or None


def flexible(sample: Sample, text: str) -> str | None:
    """The last thing in the reply that could be an answer to a question of the sample's task."""
    name = sample.data["task"]
    if name in _MEANINGS:
        no, yes = _MEANINGS[name]
        found = list(re.finditer(f"{no}|{yes}", text.lower()))
        return None if not found else "no" if found[-1][1] else "yes"
    if name in _LAST:
        return matched(re.compile(_LAST[name]), text, "last")
    if name in _COUNTS:
        return matched(_DIGITS, text, "last") or last_word_number(text)
    if name == "word_sorting":
        return _sorted_words(sample, text)
    if not sample.targets[0].startswith("("):
        return strict(sample, text)
    return option_letter(text, _OPTION.findall(sample.data["input"]))


def _sorted_words(sample: Sample, text: str) -> str | None:
    """The words of the list in the order in which each stands last in the reply."""
    words = sample.data["input"].split("List:")[1].split()
    found = re.findall("|".join(rf"\b{re.escape(word)}\b" for word in words), text)
    return " ".join(reversed(dict.fromkeys(reversed(found)))) or None
