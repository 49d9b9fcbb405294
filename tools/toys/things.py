"""What a kind of thing is: how it is named, and what can be told and asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Draw = Callable[[Random], str]


@dataclass(frozen=True)
class Attribute:
    """Something that can be told, asked and summarized about a thing.

    `clauses` continue a sentence that begins with the name. `strip` is a beginning of the value, such as an article,
    without which an answer is right as well.
    """

    name: str
    draw: Draw
    sentences: tuple[str, ...]
    questions: tuple[str, ...]
    clauses: tuple[str, ...]
    strip: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of thing: `names` makes (full name, short name) on one side of the split between corpus and samples."""

    name: str
    names: Callable[[Random, bool], tuple[str, str]]
    attributes: tuple[Attribute, ...]
