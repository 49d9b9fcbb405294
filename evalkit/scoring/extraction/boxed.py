r"""What a LaTeX text puts into its last \boxed{…}, and Minerva's normal form of such answers."""

from __future__ import annotations

import re

from evalkit.scoring.extraction.reading import Reading, unreadable

_BOX = re.compile(r"\\(?:boxed|fbox)(?=\s*\{|\s)\s*")
_MINERVA = re.compile(r"Final Answer: The final answer is(.*?). I hope it is correct.")

# Lewkowycz et al. 2022 (https://arxiv.org/abs/2206.14858), appendix D: what is replaced, in this order, …
_REPLACED = (
    ("an ", ""),
    ("a ", ""),
    (".$", "$"),
    (r"\$", ""),
    ("\\ ", ""),
    (" ", ""),
    ("mbox", "text"),
    (r",\text{and}", ","),
    (r"\text{and}", ","),
    (r"\text{m}", r"\text{}"),
)
# … and what is deleted: the words where they are words, then each of these wherever it stands.
_WORDS = (
    "square ways integers dollars mph inches ft hours km units",
    "sue points feet minutes digits cents degrees cm gm pounds meters meals edges students childrentickets multiples",
)
_MARKS = (
    r"\text{s}",
    r"\text{.}",
    "\\text{\ns}",
    r"\text{}^2",
    r"\text{}^3",
    "\\text{\n}",
    r"\text{}",
    r"\mathrm{th}",
    r"^\circ",
    r"^{\circ}",
    r"\;",
    r",\!",
    "{,}",
    '"',
    r"\dots",
)
_DELETED = (*_WORDS[0].split(), r"\ldots", *_WORDS[1].split(), *_MARKS)
_COMMAND = re.compile(r"(\\[a-zA-Z]+)")
_UNWRAPPED = (
    (re.compile(r"(.*?)(\$)(.*?)(\$)(.*)"), r"$\3$"),
    (re.compile(r"(\\text\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\textbf\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\overline\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\boxed\{)(.*)(\})"), r"\2"),
    # \frac12 is \frac{1}{2}; \sqrt2 is \sqrt{2}; \sqrt[3]2 is \sqrt[3]{2}.
    (re.compile(r"(frac)([^{])(.)"), r"frac{\2}{\3}"),
    (re.compile(r"(sqrt)(\[[^\]]*\])(\w)"), r"\1\2{\3}"),
    (re.compile(r"(sqrt)(?!\[)([^{])"), r"sqrt{\2}"),
)
EMPTY_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{\s*\}")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+")


def last_boxed(text: str) -> str | None:
    r"""The content of the last \boxed{…} (or \fbox{…}, or "\boxed 5" up to a dollar sign), or None.

    None, too, where the braces of the last box are not closed. A last box that is empty counts, as it does in
    lm-evaluation-harness.
    """
    return _last_box(text).value


def last_box(text: str) -> Reading[str]:
    r"""The content of the last box that is not empty; a last box whose braces are not closed is UNREADABLE.

    An empty one is the form of an answer and none: "I put it within \boxed{}".
    """
    found = _last_box(EMPTY_BOX.sub(" ", text))
    return found if found.value is None or found.value.strip() else Reading(problem="the box is empty")


def _last_box(text: str) -> Reading[str]:
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return Reading(problem="no box in the reply")
    start = boxes[-1].end()
    if text[start : start + 1] != "{":
        bare = text[start:].partition("$")[0].strip()
        return Reading(bare) if bare else Reading(problem="the box is empty")
    depth = 0
    for brace in re.compile(r"(?<!\\)[{}]").finditer(text, start):
        depth += {"{": 1, "}": -1}[brace.group()]
        if depth == 0:
            return Reading(text[start + 1 : brace.start()])
    return unreadable("the last box is not closed")


def minerva_answer(text: str) -> str | None:
    """What is in "Final Answer: The final answer is … . I hope it is correct.", or None."""
    found = _MINERVA.search(text + "I hope it is correct.")
    return found.group(1).strip() if found else None


def minerva_normalise(answer: str) -> str:
    """Minerva's normal form of a final answer: no units, no LaTeX for looks, fractions and roots in braces.

    Source: Lewkowycz et al. 2022, appendix D, with the repairs of lm-evaluation-harness 0.4.13: a unit never takes
    letters out of a LaTeX command, and only commas between groups of thousands go.
    """
    answer = answer.rpartition("=")[2]
    for word in filter(str.isalpha, _DELETED):
        answer = re.sub(rf"(?<!\\)\b{word}\b", "", answer)
    for before, after in _REPLACED:
        answer = answer.replace(before, after)
    for expression in _DELETED:
        answer = _without(expression, answer)
    for pattern, put in _UNWRAPPED:
        answer = pattern.sub(put, answer)
    answer = answer.replace("$", "")
    return answer.replace(",", "") if _GROUPED.fullmatch(answer) else answer


def _without(expression: str, answer: str) -> str:
    if not expression.isalpha():
        return answer.replace(expression, "")
    parts = _COMMAND.split(answer)
    # Every second part is a LaTeX command, such as the one that "ft" would cut out of "\\left".
    parts[::2] = [part.replace(expression, "") for part in parts[::2]]
    return "".join(parts)
