"""A reply read and compared by two functions of a task, as an official script does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _EqualBy(ScoreSample):
    name: str
    equal: Callable[[str, str], bool]
    read: Callable[[str], str]
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies, strip="none")
        if not answer.text:
            return (Score(self.name, 0.0, None, answer.reason, answer.validity),)
        said = self.read(answer.text)
        right = any(self.equal(said, target) for target in sample.targets)
        return (Score(self.name, float(right), said, answer.reason, answer.validity),)


def equal_by(
    name: str,
    equal: Callable[[str, str], bool],
    read: Callable[[str], str],
    *,
    settings: Mapping[str, str] | None = None,
    version: int = 1,
) -> Scorer:
    """Whether `equal(read(reply), target)` holds for one of the targets; the score is called `name`, 0 or 1.

    For a publisher whose script takes something of every reply and compares it in its own way. An empty reply has no
    answer. Scoring raises ValueError without targets.
    """
    return Scorer(name, _EqualBy(name, equal, read), (name,), (mean(name),), dict(settings or {}), version)
