"""Questions and answers as one text, joined as lm-eval joins them, for the row that is asked and for examples."""

from __future__ import annotations

from typing import Any

from evalkit.core import Sample, UsageError
from evalkit.plugins.lm_eval.config import Config
from evalkit.plugins.lm_eval.documents import Doc, choices_of, prefix_of, target_of, text_of_row

__all__ = ["ExampleRow", "answer_of", "example_text", "example_turn"]


class ExampleRow(dict[str, Any]):
    """The row of a worked example, which may begin its answer differently from what is asked."""


def example_turn(config: Config, doc: Doc) -> tuple[str, str]:
    """(question, answer) of a worked example; the answer is empty where the task shows none."""
    form = config.fewshot
    has_choices = config.doc_to_choice is not None
    question = text_of_row(form.doc_to_text, doc, has_choices=has_choices)
    choices = choices_of(form.doc_to_choice, doc) if form.doc_to_choice is not None else None
    target = target_of(form.doc_to_target, doc, has_choices=has_choices)
    if isinstance(question, int):
        if choices is None:
            raise UsageError("the example's question is the number of a choice, but the task has no choices")
        question, choices = choices[question], None
    return question, "" if target is None or target == "" else answer_of(target, choices)


def example_text(config: Config, sample: Sample) -> str:
    """A worked example as one text, with what ends it."""
    form, question, answer = config.fewshot, str(sample.input), sample.targets[0]
    prefix = prefix_of(form.gen_prefix, sample.data)
    before = form.target_delimiter if not prefix or needs_delimiter(question, prefix) else ""
    if not answer:
        return question + (before if prefix else "") + prefix
    return question + before + joined(prefix, answer, " ") + form.fewshot_delimiter


def answer_of(target: Any, choices: list[str] | None) -> str:
    """The text of a target: the choice at its place, the first of several, or itself."""
    if choices and isinstance(target, int) and not isinstance(target, bool):
        if not 0 <= target < len(choices):
            raise UsageError("the target is no place of a choice", found=f"{target} of {len(choices)} choices")
        return choices[target]
    if isinstance(target, list):
        if not target:
            raise UsageError("the target is an empty list")
        return answer_of(target[0], choices)
    if not isinstance(target, str):
        raise UsageError("the target is not text", found=f"{target!r:.80}")
    return target


def needs_delimiter(before: str, after: str) -> bool:
    """Whether two texts have no white space where they meet."""
    return before != "" and not (before[-1].isspace() or after[:1].isspace())


def joined(before: str, after: str, delimiter: str) -> str:
    """Two texts with the delimiter between them where neither brings white space."""
    if not before or not after:
        return before or after
    return before + delimiter + after if needs_delimiter(before, after) else before + after
