"""What can be set on a program that is a model, read from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalkit.models.option_parsing import Count, Seconds, Tokens, read_options
from evalkit.models.replies.options import THOUGHT, THOUGHT_READERS, ThoughtOptions

__all__ = ["CHANGES_ANSWERS", "OWN_ANSWERS", "CommandOptions"]

OWN_ANSWERS = ("chat", "loglikelihood", "perplexity", "version")
CHANGES_ANSWERS = (*OWN_ANSWERS, *THOUGHT)
"""The options that make it another model; the first are a program's alone."""


@dataclass(frozen=True, slots=True)
class CommandOptions(ThoughtOptions):
    """The options of `cmd/…`."""

    chat: bool = False
    """Whether the program also puts plain prompts into a conversation; tasks then ask it as a chat model."""
    loglikelihood: bool = False
    """Whether it answers requests of the kind "loglikelihood"."""
    perplexity: bool = False
    """Whether it answers requests of the kind "perplexity"."""
    in_flight: Count = 1
    """Requests that the program has at once. Above 1, each reply must repeat the request's id, and may come in any
    order."""
    max_length: Tokens | None = None
    """The longest input in tokens, if it has a limit."""
    timeout: Seconds = 600.0
    """Seconds for one reply. After that, evalkit ends the program and starts it again, and the sample fails."""
    version: str = ""
    """What the answers depend on apart from the program's own files. evalkit caches replies only with a version."""

    @staticmethod
    def parse(texts: Mapping[str, str]) -> CommandOptions:
        """Read options from text. Raises UsageError for an unknown key or a value that can't be meant."""
        return CommandOptions(**read_options(texts, CommandOptions, THOUGHT_READERS, of="a program"))
