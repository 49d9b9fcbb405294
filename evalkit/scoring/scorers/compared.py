"""Two ways to score a reply, side by side: the table says of how many samples they disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample


@dataclass(frozen=True, slots=True)
class _Compared(ScoreSample):
    scorer: Scorer
    other: Scorer

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        own = await self.scorer.score(sample, replies)
        theirs = await self.other.score(sample, replies)
        if own[0].value == theirs[0].value:
            return own
        flag = f"scored otherwise by {self.scorer.scores[0]} than by {self.other.scores[0]}"
        return (replace(own[0], flags=(*own[0].flags, flag)), *own[1:])


def compared(scorer: Scorer, other: Scorer) -> Scorer:
    """`scorer`, which flags every sample whose first score is another one by `other`; the table counts the flag.

    For a task that reads an answer in two ways, such as another harness's strict pattern and a reader of evalkit's:
    the task lists both scorers, the second one compared with the first.
    """
    return replace(scorer, score=_Compared(scorer, other))
