"""From a row to the texts that a task makes of it: question, choices, target, prefix. lm-eval's rules, one by one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.core import UsageError
from evalkit.plugins.lm_eval.config import Config
from evalkit.plugins.lm_eval.templates import text_of

__all__ = ["Asked", "asked", "choices_of", "field", "prefix_of", "target_of", "text_of_row"]

Doc = Mapping[str, Any]


def text_of_row(form: Any, doc: Doc, *, has_choices: bool) -> str | int:
    """What `doc_to_text` makes of a row: a column, a template or a function. A number is the place of a choice, where
    the choices are contexts."""
    if isinstance(form, int):
        return form
    if callable(form):
        return _number_or_text(form(doc), "doc_to_text")
    if not isinstance(form, str):
        raise UsageError("doc_to_text must be a text or a function", found=type(form).__name__)
    if form in doc:
        return _number_or_text(doc[form], "doc_to_text")
    text = text_of(form, doc)
    return int(ast.literal_eval(text)) if text.isdigit() and has_choices else text


def _number_or_text(value: Any, name: str) -> str | int:
    if isinstance(value, tuple) and len(value) == 1:  # a comma too many at the end of a line: lm-eval ends there
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, int) or hasattr(value, "__index__"):
        return int(value)
    raise UsageError(f"{name} gives no text", found=f"{value!r:.60}")


def target_of(form: Any, doc: Doc, *, has_choices: bool) -> Any:
    """What `doc_to_target` makes of a row: a text, the place of a choice, or a list of either."""
    if isinstance(form, int | list):
        return form
    if callable(form):
        return form(doc)
    if not isinstance(form, str):
        raise UsageError("doc_to_target must be a text or a function", found=type(form).__name__)
    if form in doc:
        return doc[form]
    text = text_of(form, doc)
    if text.isdigit() and has_choices:
        return ast.literal_eval(text)
    if len(text) >= 2 and text[0] == "[" and text[-1] == "]":
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text
    return text


def choices_of(form: Any, doc: Doc) -> list[str]:
    """What `doc_to_choice` makes of a row. Raises UsageError where that is not a list of texts."""
    if isinstance(form, dict):
        found: Any = list(form.values())
    elif isinstance(form, list):
        found = form
    elif callable(form):
        found = form(doc)
    elif isinstance(form, str) and form in doc:
        found = doc[form]
    elif isinstance(form, str):
        found = _literal(text_of(form, doc))
    else:
        raise UsageError("doc_to_choice must be a text, a list or a function", found=type(form).__name__)
    if isinstance(found, str) or not hasattr(found, "__iter__"):
        raise UsageError("the choices are no list", found=f"{found!r:.80}")
    return [str(one) for one in found]


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise UsageError("the choices are no list", found=f"{text[:80]!r} ({error})") from None


def field(form: Any, doc: Doc) -> str:
    """A column or a template; nothing where the task says nothing."""
    if not form:
        return ""
    if callable(form):
        return str(form(doc))
    return str(doc[form]) if form in doc else text_of(str(form), doc)


def prefix_of(form: Any, doc: Doc) -> str:
    """What the answer begins with, ahead of what the model adds."""
    return field(form, doc)


@dataclass(frozen=True, slots=True)
class Asked:
    """A row as it is asked. `text` is the question, or the place of the right choice among contexts."""

    text: str | int
    choices: list[str] | None
    target: Any
    prefix: str

    @property
    def by_contexts(self) -> bool:
        """Whether the choices are contexts of one shared continuation, as in Winogrande."""
        return isinstance(self.text, int) and self.choices is not None


def asked(config: Config, doc: Doc) -> Asked:
    """The row by the task's own rules. Raises UsageError where it does not fit them."""
    has_choices = config.doc_to_choice is not None
    return Asked(
        text_of_row(config.doc_to_text, doc, has_choices=has_choices) if config.doc_to_text is not None else "",
        choices_of(config.doc_to_choice, doc) if has_choices else None,
        target_of(config.doc_to_target, doc, has_choices=has_choices),
        prefix_of(config.gen_prefix, doc),
    )
