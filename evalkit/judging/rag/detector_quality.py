"""How well a detector tells hallucinated answers from faithful ones, over answers that carry a label."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.core import Model, Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.metrics import auroc, ece, mean
from evalkit.scoring.metrics.corpus import of_counts

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_NAMES = ("hallucination", "label", "correct", "brier")


@dataclass(frozen=True, slots=True)
class _Detect(ScoreSample):
    scorer: Scorer
    score: str
    threshold: float

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        label = float(bool(sample.data["hallucinated"]))
        given = await self.scorer.score(sample, replies)
        found = next((one for one in given if one.name == self.score), None)
        details = {key: value for one in given for key, value in one.details.items()}
        failed = next((one for one in given if one.validity.is_measurement_failure), None)
        if failed is not None:
            lost = (Score(name, math.nan, reason=failed.reason, validity=failed.validity) for name in _NAMES)
            return tuple(replace(one, details=details) if one.name == _NAMES[0] else one for one in lost)
        probability = 0.0 if found is None else min(1.0, max(0.0, 1.0 - found.value))
        said = probability >= self.threshold
        hit, wrong = float(said and label == 1.0), float(said != (label == 1.0))
        reason = (found.reason if found else "") or ("claims nothing" if found is None else "")
        return (
            Score("hallucination", probability, _word(said), reason, counts=(probability, label), details=details),
            Score("label", label, _word(label == 1.0)),
            Score("correct", 1.0 - wrong, _word(said), counts=(2.0 * hit, 2.0 * hit + wrong)),
            Score("brier", (probability - label) ** 2),
        )


def detection(scorer: Scorer, score: str, *, threshold: float = 0.5, bins: int = 10) -> Scorer:
    """`scorer` as a detector: what is missing of its score `score` (0 to 1, 1 faithful) is the probability that an
    answer is hallucinated.

    `sample.data["hallucinated"]` is the label. Scores: `hallucination` (the probability; an answer that claims
    nothing has 0), `label`, `correct` (whether it lies on the label's side of the threshold) and `brier`, its squared
    error. Metrics: AUROC, F1 of the hallucinated class and accuracy at the threshold, and calibration as ECE (of the
    probability against the label) and Brier score. What the detector could not measure leaves n.
    """
    if not 0.0 < threshold < 1.0:
        raise UsageError("a threshold must be between 0 and 1", found=f"{threshold:g}")

    metrics = (
        auroc(score="hallucination", label="label"),
        of_counts("f1", "correct", 2, _f1),
        mean("correct", name="accuracy"),
        ece(score="hallucination", bins=bins),
        mean("brier", higher_is_better=False),
    )
    settings = {**scorer.settings, "detector": scorer.name, "threshold": f"{threshold:g}", "bins": str(bins)}
    made = Scorer("detection", _Detect(scorer, score, threshold), _NAMES, metrics, settings)
    ready, judged_by = scorer.ready, scorer.judged_by
    if ready is not None:
        made = replace(made, ready=lambda unsafe: detection(ready(unsafe), score, threshold=threshold, bins=bins))
    if judged_by is not None:

        def bound(model: Model) -> Scorer:
            return detection(judged_by(model), score, threshold=threshold, bins=bins)

        made = replace(made, judged_by=bound)
    return made


def _f1(sums: FloatRows) -> FloatRows:
    """2·TP / (2·TP + FP + FN); 0 where nothing is hallucinated and nothing was called so."""
    import numpy as np

    return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1.0), 0.0)


def _word(hallucinated: bool) -> str:
    return "hallucinated" if hallucinated else "faithful"
