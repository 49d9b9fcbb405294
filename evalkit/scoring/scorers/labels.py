"""Classes: which one a reply names, with what accuracy, F1 and Matthews' correlation are on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, Validity
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.labels import label
from evalkit.scoring.metrics import macro_f1, mcc, mean


@dataclass(frozen=True, slots=True)
class _Classification(ScoreSample):
    labels: tuple[str, ...]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        classes = self.labels or sample.choices
        right = _right(sample, classes)
        reason, validity = "", Validity.OK
        said: int | None
        if replies and replies[-1].loglikelihoods:
            said = _likeliest(replies[-1].loglikelihoods, len(classes))
        else:
            answer = final_answer(replies)
            read = label(answer.text, classes)
            said, reason, validity = read.value, answer.reason or read.problem, answer.validity_with(read)
        if said is None:
            return (Score("correct", 0.0, None, reason, validity, (-1.0, float(right[0]))),)
        gold = said if said in right else right[0]
        counts = (float(said), float(gold))
        return (Score("correct", float(said == gold), classes[said], reason, validity, counts),)


def classification(*, labels: tuple[str, ...] = ()) -> Scorer:
    """Whether the class is the right one, `correct`; of the task accuracy, `macro_f1` and `mcc`, by name `micro_f1`.

    Classes are the `labels`, or else the sample's choices, in their order, which must be that of every sample. From a
    `choose()` the likeliest choice is predicted, the first of equals; in a written reply it is the label that the
    reply is, states or names alone (`scoring.extraction.labels`). A reply that names none is NO_ANSWER: it is predicted
    as no class.

    The right class is the sample's gold index, or else the label that its target is. Of several right ones the one
    that was predicted counts. Scoring raises ValueError where the right class is none of the labels, and for
    log-likelihoods that don't fit the choices.
    """
    metrics = (mean("correct", name="accuracy"), macro_f1(), mcc())
    settings = {"labels": ",".join(labels)} if labels else {}
    return Scorer("classification", _Classification(labels), ("correct",), metrics, settings, version=2)


def _right(sample: Sample, classes: tuple[str, ...]) -> list[int]:
    if not classes:
        raise ValueError("there are no classes: name `labels`, or give the sample choices")
    if sample.gold and classes == sample.choices:
        right = list(sample.gold)
    else:
        right = [classes.index(target.strip()) for target in sample.targets if target.strip() in classes]
    if not right or not all(0 <= number < len(classes) for number in right):
        raise ValueError(f"the right class {sample.gold or sample.targets} is none of {list(classes)}")
    return right


def _likeliest(values: tuple[float, ...], count: int) -> int:
    if len(values) != count:
        raise ValueError(f"{len(values)} log-likelihoods for {count} classes")
    if any(math.isnan(value) or value == math.inf for value in values) or max(values) == -math.inf:
        raise ValueError(f"log-likelihoods are not numbers: {values}")
    return max(range(count), key=values.__getitem__)
