"""How alike two texts are by the edits between them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _EditSimilarity(ScoreSample):
    unit: Literal["character", "word"]
    ignore_case: bool
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return (Score("edit_similarity", 0.0, None, answer.reason, answer.validity),)
        value = await asyncio.to_thread(self._best, answer.text, sample.targets)
        return (Score("edit_similarity", value, None, answer.reason, answer.validity),)

    def _best(self, text: str, targets: tuple[str, ...]) -> float:
        said = self._parts(text)
        return max(_similarity(said, self._parts(target)) for target in targets)

    def _parts(self, text: str) -> Sequence[str]:
        text = text.strip().lower() if self.ignore_case else text.strip()
        return text.split() if self.unit == "word" else text


def edit_similarity(*, unit: Literal["character", "word"] = "character", ignore_case: bool = False) -> Scorer:
    """How near a reply is to a target by its edits: 1 - edits / length of the longer text, the best over targets.

    Edits are insertions, deletions and substitutions of characters or words (Levenshtein 1966). White space at both
    ends does not count. Scoring raises ValueError without targets.
    """
    chosen = {"unit": unit if unit != "character" else "", "ignore_case": "yes" if ignore_case else ""}
    settings = {key: value for key, value in chosen.items() if value}
    return Scorer(
        "edit_similarity",
        _EditSimilarity(unit, ignore_case),
        ("edit_similarity",),
        (mean("edit_similarity"),),
        settings,
    )


def _similarity(one: Sequence[str], other: Sequence[str]) -> float:
    longest = max(len(one), len(other))
    return 1.0 - edit_distance(one, other) / longest if longest else 1.0


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The least number of insertions, deletions and substitutions that make `one` into `other`.

    A column of the table is held in the bits of two whole numbers (Myers 1999, in the form of Hyyrö 2003), so that a
    step down the other text takes a few operations on numbers of as many bits as `one` is long.
    """
    if not one:
        return len(other)
    last = 1 << (len(one) - 1)
    everything = (1 << len(one)) - 1
    places: dict[Hashable, int] = {}
    for place, item in enumerate(one):
        places[item] = places.get(item, 0) | 1 << place
    up, down, distance = everything, 0, len(one)
    for item in other:
        same = places.get(item, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        rising, falling = down | ~(diagonal | up) & everything, up & diagonal
        distance += bool(rising & last) - bool(falling & last)
        rising, falling = rising << 1 & everything | 1, falling << 1 & everything
        up, down = falling | ~(diagonal | rising) & everything, rising & diagonal
    return distance
