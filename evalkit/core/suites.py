"""A suite: a named list of tasks whose scores are told in one number as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Average = Literal["tasks", "samples", "none"]


@dataclass(frozen=True, slots=True)
class Member:
    """One task of a suite, or another suite.

    task: the spec of the task or suite; for a suite written in place (`suite`), its name.
    fewshot: how many examples it is asked with (None: as the task says); for a suite, its tasks that don't say.
    metrics: those that count; their plain mean where there are several, its primary metric where there is none.
    floor: the score of guessing, in [0, 1). It counts as 0, and so does any score below; 1 stays 1.
    """

    task: str
    fewshot: int | None = None
    metrics: tuple[str, ...] = ()
    weight: float = 1.0
    category: str = ""
    floor: float = 0.0
    suite: Suite | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks that run together.

    average: whether a member counts by its weight alone ("tasks"), or by its weight times its samples ("samples");
        "none" gives the tasks no common number.
    metrics: the metrics that get a mean. The first counts for every member that names no metric; each further one must
        be a metric of every member. Empty: one mean, of what each member names.
    """

    name: str
    members: tuple[Member, ...]
    average: Average = "tasks"
    metrics: tuple[str, ...] = ()

    def specs(self) -> Iterator[str]:
        """The specs that it loads: tasks, and suites that are named and not written in place."""
        for member in self.members:
            if member.suite is not None:
                yield from member.suite.specs()
            else:
                yield member.task
