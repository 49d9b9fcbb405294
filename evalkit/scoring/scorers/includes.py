"""Whether a reply holds what it should."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _Includes(ScoreSample):
    need: Literal["any", "all"]
    ignore_case: bool
    whole_words: bool
    refuse: bool
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        targets = [target.strip() for target in sample.targets]
        if not targets or not all(targets):
            raise ValueError("the sample has no targets, or an empty one")
        answer = final_answer(replies)
        if not answer.text:
            return (Score("includes", 0.0, None, answer.reason, answer.validity),)
        found = [target for target in targets if self._holds(answer.text, target)]
        there = bool(found) if self.need == "any" else len(found) == len(targets)
        reason = "; ".join(filter(None, [answer.reason, f"holds {found}" if found else "holds none"]))
        return (Score("includes", float(there != self.refuse), answer.text, reason, answer.validity),)

    def _holds(self, text: str, target: str) -> bool:
        pattern = re.escape(target)
        if self.whole_words:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        return re.search(pattern, text, re.IGNORECASE if self.ignore_case else 0) is not None


def includes(
    *, need: Literal["any", "all"] = "any", ignore_case: bool = True, whole_words: bool = False, refuse: bool = False
) -> Scorer:
    """Whether the reply contains any (or all) of the targets; the score is `includes`, 0 or 1.

    `whole_words` finds "art" in "the art." and not in "party". `refuse` reverses the score: right is a reply that
    contains none of them (or not all). White space at the ends of a target does not count. An empty reply scores 0.

    Scoring raises ValueError without targets, and for a target that is empty, which everything contains.
    """
    chosen = {
        "need": need if need != "any" else "",
        "ignore_case": "" if ignore_case else "no",
        "whole_words": "yes" if whole_words else "",
        "refuse": "yes" if refuse else "",
    }
    settings = {key: value for key, value in chosen.items() if value}
    return Scorer(
        "includes", _Includes(need, ignore_case, whole_words, refuse), ("includes",), (mean("includes"),), settings
    )
