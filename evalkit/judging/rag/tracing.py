"""Which reference passages are in which contexts, by their text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalkit.judging.rag.records import Context, Reference

ENOUGH = 0.5
"""The proportion of a passage's characters that a context must have to hold it."""


def held_passages(contexts: Sequence[Context], references: Sequence[Reference]) -> tuple[Context, ...]:
    """The contexts, each with the passages that it holds, for contexts that come without their place in a document.

    White space and case do not count. A context holds a passage that is in it whole, and a passage of which it is
    itself at least half.
    """
    passages = [(reference, flat(reference.text)) for reference in references if reference.text]
    return tuple(
        replace(context, holds=_united(context, [ref.id for ref, passage in passages if _holds(context, ref, passage)]))
        for context in contexts
    )


def flat(text: str) -> str:
    """The text without case, and with one blank for any white space."""
    return " ".join(text.casefold().split())


def _united(context: Context, found: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*context.holds, *found]))


def _holds(context: Context, reference: Reference, passage: str) -> bool:
    if not passage or (reference.document and context.document and reference.document != context.document):
        return False
    text = flat(context.text)
    return passage in text or (text in passage and len(text) >= ENOUGH * len(passage))
