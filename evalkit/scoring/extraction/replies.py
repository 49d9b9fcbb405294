"""What a generated reply says: its final text without reasoning, and whether there is an answer at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import Reply, Validity
from evalkit.models.replies.markers import ANY, Markers, Tags
from evalkit.models.replies.split import split
from evalkit.scoring.extraction.reading import Reading

UNREADABLE = "unreadable-answer"
"""The note of a reply that a method has read and that holds an answer nobody can read."""


@dataclass(frozen=True, slots=True)
class Stripped:
    """A text without its reasoning; `unterminated` says that a reasoning block was opened and never closed."""

    text: str
    unterminated: bool = False


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """The text to score with the validity it is scored under; `text` is empty where there is nothing to score."""

    text: str
    validity: Validity = Validity.OK
    reason: str = ""

    def validity_with(self, reading: Reading[Any]) -> Validity:
        """The validity of a score for an answer that was read in this text; the text's own comes first."""
        return reading.validity if self.validity is Validity.OK else self.validity


def first_line(text: str) -> str:
    """The first line that holds more than white space, without white space at its ends; "" where there is none."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def strip_reasoning(text: str, opening: str = "", closing: str = "") -> Stripped:
    """Take thought out of a text by the known marks (see `evalkit.models.replies.split`), or by those that are given.

    The text before an unfinished thought is kept, and `unterminated` is set.
    """
    parts = split(text, Markers((Tags(opening, closing),), own=True) if opening else ANY)
    kept = "".join(text[start:stop] for start, stop in parts.answer)
    return Stripped(kept, unterminated=not parts.finished)


def without_thought(reply: Reply) -> tuple[Stripped, ...]:
    """Every text of a reply without its thought.

    If the backend split that off, by what it knows of the model, whatever looks like thought in a text belongs to the
    answer. A backend says in the note "cut-in-reasoning" that an empty text is an unfinished thought.
    """
    if not reply.thought_apart:
        return tuple(strip_reasoning(text) for text in reply.texts)
    is_cut = "cut-in-reasoning" in reply.notes
    return tuple(Stripped(text, unterminated=is_cut and not text.strip()) for text in reply.texts)


def final_answer(replies: Sequence[Reply], strip: Literal["both", "left", "none"] = "both") -> FinalAnswer:
    """The first text of the last reply, without reasoning and without white space at its ends (or as `strip` says).

    Where several texts were sampled the first stands for them; scorers of many texts read them themselves.

    - Unfinished reasoning is CUT_THOUGHT with an empty text: there is no answer yet, only thought. A backend that keeps
      thought apart says so in the note "cut-in-reasoning".
    - What a provider's filter withheld (the note "refused") is REFUSED with what came of the text.
    - An empty text is NO_ANSWER; where the note "unreadable-answer" says that there was something, it is UNREADABLE.
    - A text that ran to its token limit is LENGTH with the text kept: a base model seldom stops by itself, and
      its answer is at the front. It is scored as it is and shows among the outcomes, so nobody takes a low
      score for a wrong model where the limit was too small.

    Raises ValueError where there is no text, because the task's method asked for something else.
    """
    if not replies or not replies[-1].texts:
        raise ValueError("this scorer reads generated text and the reply holds none; use generate() as the method")
    reply = replies[-1]
    stripped = without_thought(reply)[0]
    text = stripped.text
    if strip != "none":
        text = text.strip() if strip == "both" else text.lstrip()
    finish = reply.finish[0] if reply.finish else "stop"
    if stripped.unterminated:
        return FinalAnswer("", Validity.CUT_THOUGHT, f"reasoning was not finished (finish: {finish})")
    if not text.strip() and "cut-in-reasoning" in reply.notes:
        return FinalAnswer("", Validity.CUT_THOUGHT, f"reasoning was not finished (finish: {finish})")
    if "refused" in reply.notes:
        return FinalAnswer(text, Validity.REFUSED, "withheld by the provider")
    if not text.strip() and UNREADABLE in reply.notes:
        return FinalAnswer("", Validity.UNREADABLE, "the answer cannot be read")
    if not text.strip():
        return FinalAnswer("", Validity.NO_ANSWER, "empty reply")
    if finish == "length":
        return FinalAnswer(text, Validity.LENGTH, "ran to its token limit")
    return FinalAnswer(text)
