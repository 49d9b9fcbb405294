"""The options of every model that writes: what is known of its thought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Literal

from evalkit.core.option_values import Range
from evalkit.models.option_parsing import Reader
from evalkit.models.replies.markers import reasoning_tags

__all__ = ["THOUGHT", "THOUGHT_READERS", "ThoughtOptions"]


@dataclass(frozen=True, slots=True)
class ThoughtOptions:
    """How evalkit tells thought from the answer. These options make another model."""

    reasoning: Literal["auto", "off", "opened"] = "auto"
    """auto: by the marks in a local model's template and tokenizer, else by the known ones; off: the whole text is the
    answer; opened: the prompt opens a thought, so a reply begins inside it."""
    reasoning_tags: str = ""
    """The marks that open and close a thought, if evalkit does not know them: <think>…</think>."""
    thinking_tokens: Annotated[int, Range("a number of tokens, 0 or more", "1024", least=0)] | None = None
    """The budget of the thought in tokens, in addition to what a task allows for its answer."""

    def thought_facts(self, *, closed: bool = False) -> dict[str, str]:
        """Those that were said, for the model's identity; `closed`: evalkit itself ends thought at its budget."""
        values = {name: getattr(self, name) for name in THOUGHT}
        said = {name: str(value) for name, value in values.items() if value not in ("", "auto", None)}
        if closed and self.thinking_tokens is not None:
            said["thinking_tokens"] += ", then closed"
        return said


THOUGHT = tuple(one.name for one in fields(ThoughtOptions))
THOUGHT_READERS: Mapping[str, Reader] = {"reasoning_tags": reasoning_tags}
