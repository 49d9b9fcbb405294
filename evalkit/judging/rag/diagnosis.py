"""Why a sample failed: the evidence was not retrieved, it was lost in the middle, or the answer left it.

The rule reads where the evidence stood and whether the answer keeps to the contexts; it cannot know what the model
attended to. `position_curve` shows over many samples how much the place of the evidence matters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import Estimate, Record

Cause = Literal["", "retrieval", "ordering", "generation"]
CAUSES: tuple[Cause, ...] = ("retrieval", "ordering", "generation")
_EDGE = 0.25
"""The proportion of contexts at either end that counts as an edge, at least one: models read those best (Liu et al.
2023, https://arxiv.org/abs/2307.03172)."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`cause` is "" where the sample did not fail. `positions` are the ranks (from 1) of the contexts with evidence."""

    cause: Cause
    positions: tuple[int, ...]
    of: int

    def json(self) -> dict[str, Any]:
        """{"diagnosis": {"cause", "gold_positions", "of"}} for `Score.details`."""
        return {"diagnosis": {"cause": self.cause, "gold_positions": list(self.positions), "of": self.of}}


def diagnose(positions: Sequence[int], of: int, *, failed: bool, faithful: bool | None) -> Diagnosis:
    """What a failure is put down to.

    No context holds the evidence: retrieval. One does, and the answer says what the contexts do not: generation. The
    answer keeps to the contexts (or says nothing: None) and the evidence was in the middle alone: ordering; it stood
    near an end and was left there: generation.
    """
    found = tuple(sorted(positions))
    if not failed:
        return Diagnosis("", found, of)
    if not found:
        return Diagnosis("retrieval", found, of)
    if faithful is False or any(place_of(position, of) != "middle" for position in found):
        return Diagnosis("generation", found, of)
    return Diagnosis("ordering", found, of)


def place_of(position: int, of: int) -> Literal["first", "middle", "last"]:
    """Where a rank lies among `of` contexts: in the first quarter, the last quarter, or between."""
    edge = max(1, int(of * _EDGE))
    return "first" if position <= edge else "last" if position > of - edge else "middle"


def position_curve(records: Iterable[Record], score: str) -> Mapping[int, Estimate]:
    """The mean of a score (0 to 1) by the rank of the first context with evidence, 0 where none was retrieved, with
    its interval: the curve that sags where evidence is lost in the middle.

    Positions come from `Score.details` ("diagnosis"); records without one take no part.
    """
    from evalkit.stats import mean_interval

    values: dict[int, list[float]] = defaultdict(list)
    for record in records:
        value = record.value(score)
        told = next((each.details["diagnosis"] for each in record.scores if "diagnosis" in each.details), None)
        if value is not None and told is not None:
            values[min(told["gold_positions"], default=0)].append(value)
    return {position: mean_interval(values[position]) for position in sorted(values)}
