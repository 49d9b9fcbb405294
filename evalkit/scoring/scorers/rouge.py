"""ROUGE: how much of a reference's words and word order a text shares."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean

_KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


@dataclass(frozen=True, slots=True)
class _Rouge(ScoreSample):
    stemmer: bool
    # Made by the first sample, since loading the library takes most of a second.
    made: list[Any] = field(default_factory=list, compare=False)

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return tuple(Score(kind, 0.0, None, answer.reason, answer.validity) for kind in _KINDS)
        # In a thread: a long pair takes seconds, and models must be fed meanwhile.
        values = await asyncio.to_thread(self._best, sample.targets, answer.text)
        return tuple(Score(kind, values[kind], None, answer.reason, answer.validity) for kind in _KINDS)

    def _best(self, targets: tuple[str, ...], text: str) -> dict[str, float]:
        if not self.made:
            from rouge_score.rouge_scorer import RougeScorer

            self.made.append(RougeScorer(list(_KINDS), use_stemmer=self.stemmer))
        found = [self.made[0].score(target, text) for target in targets]
        return {kind: float(max(scores[kind].fmeasure for scores in found)) for kind in _KINDS}


def rouge(*, stemmer: bool = True) -> Scorer:
    """ROUGE's ROUGE's F-measures `rouge1`, `rouge2`, `rougeL` and `rougeLsum` (0 to 1), each the best over the targets.

    They are those of the rouge-score library, a port of Perl ROUGE-1.5.5 (Lin 2004). `rougeLsum` takes every
    line as a sentence, so a summary for it has its sentences on lines of their own. `stemmer` is Porter's. Words
    are runs of ASCII letters and digits: a text in another script has none and scores 0.

    Scoring raises ValueError without targets.
    """
    settings = {} if stemmer else {"stemmer": "no"}
    return Scorer("rouge", _Rouge(stemmer), _KINDS, tuple(map(mean, _KINDS)), settings)
