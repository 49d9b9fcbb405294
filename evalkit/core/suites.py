"""A suite: a named list of tasks whose scores are told in one number as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Average = Literal["tasks", "samples"]


@dataclass(frozen=True, slots=True)
class Member:
    """One task of a suite: its spec, how many few-shot examples it is asked with (None: as the task says), the metric
    that counts (its primary metric where empty), its weight and the category it belongs to."""

    task: str
    fewshot: int | None = None
    metric: str = ""
    weight: float = 1.0
    category: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks that are run together. `average` says whether every task counts by its weight alone ("tasks"), or by its
    weight times its number of samples ("samples")."""

    name: str
    members: tuple[Member, ...]
    average: Average = "tasks"
