"""Paraphrase: a sentence said in other words, by closeness to a human's paraphrase and distance from the sentence.

Paper: https://arxiv.org/abs/1904.01130 (PAWS, Zhang et al., 2019), whose pairs that mean the same are taken; measure:
iBLEU, https://aclanthology.org/P12-2008 (Sun & Zhou, 2012). Data: google-research-datasets/paws, free for any purpose;
or your own `files`. One row, of the hub and of a file:

    {"id": 2, "sentence1": "The NBA season of 1975 -- 76 was the 30th season of the National Basketball Association .",
     "sentence2": "The 1975 -- 76 season of the National Basketball Association was the 30th season of the NBA .",
     "label": 1}
    {"text": "Where can I learn to swim?", "paraphrases": ["Where are swimming lessons given?"]}
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from evalkit.core import (
    Metric,
    PromptFormat,
    Record,
    Reply,
    Row,
    Sample,
    Score,
    Scorer,
    ScoreSample,
    Source,
    Subset,
    Task,
    UsageError,
)
from evalkit.data import files as table
from evalkit.data import hub, where
from evalkit.prompting.methods import generate
from evalkit.scoring.metrics.corpus import bleu_values, counted, of_counts
from evalkit.scoring.scorers import bleu, chrf, meteor

if TYPE_CHECKING:
    from evalkit.core import FloatRows

META = {
    "name": "paraphrase",
    "summary": "a sentence in other words, by iBLEU: near a human's paraphrase, far from the sentence itself",
    "tags": ["generation", "english"],
}

WIDTH = 10
"""Counts of BLEU a segment."""


def task(*, files: str = "", data: Literal["hub", "files"] = "hub", alpha: float = 0.8) -> Task:
    """Paraphrases of PAWS' sentences, or of the column `text` of `files` (with `paraphrases`, a text or a list).

    `alpha` weighs closeness against distance in iBLEU: alpha · BLEU - (1 - alpha) · self-BLEU.
    """
    if not 0.0 <= alpha <= 1.0:
        raise UsageError("alpha is a proportion between 0 and 1", found=f"alpha={alpha:g}")
    own = bool(files) or data == "files"
    closeness, others = (bleu(), copied()), (chrf(), meteor())
    return Task(
        name="paraphrase",
        data=(Subset(_own(files) if own else _paws("test"), None if own else _paws("validation")),),
        sample=_own_sample if own else _paws_sample,
        prompt=PromptFormat(),
        method=generate(max_tokens=128, stop=("\n",)),
        scorers=(*closeness, *others),
        metrics=(*_metrics(closeness), ibleu(alpha), *_metrics(others)),
        primary_metric="bleu",
    )


def _metrics(scorers: tuple[Scorer, ...]) -> tuple[Metric, ...]:
    return tuple(metric for scorer in scorers for metric in scorer.metrics)


@dataclass(frozen=True, slots=True)
class _Copied(ScoreSample):
    inner: Scorer

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        [found] = await self.inner.score(replace(sample, targets=(sample.data["text"],)), replies)
        return (replace(found, name="self_bleu"),)


def copied() -> Scorer:
    """`self_bleu`: BLEU of the reply against the sentence that it should say in other words; less is better."""
    inner = bleu()

    return Scorer("self_bleu", _Copied(inner), ("self_bleu",), (self_bleu(),), inner.settings)


def self_bleu() -> Metric:
    """BLEU of the corpus of replies against the sentences that were to be said in other words."""
    return replace(of_counts("self_bleu", "self_bleu", WIDTH, bleu_values, higher_is_better=False), scale="proportion")


def ibleu(alpha: float) -> Metric:
    """alpha · BLEU - (1 - alpha) · self-BLEU, from the counts of both."""

    def observe(record: Record) -> tuple[float, ...] | None:
        near, far = counted(record, "bleu", WIDTH), counted(record, "self_bleu", WIDTH)
        return None if near is None or far is None else (*near, *far)

    def formula(sums: FloatRows) -> FloatRows:
        return alpha * bleu_values(sums[:, :WIDTH]) - (1 - alpha) * bleu_values(sums[:, WIDTH:])

    return replace(of_counts("ibleu", "bleu", 2 * WIDTH, formula), observe=observe, scale="number")


def _own_sample(row: Row) -> Sample:
    wanted = row.values["paraphrases"]
    return _sample(row, row.values["text"], tuple(wanted) if isinstance(wanted, list) else (wanted,))


def _paws_sample(row: Row) -> Sample:
    return _sample(row, row.values["sentence1"], (row.values["sentence2"],))


def _sample(row: Row, text: str, targets: tuple[str, ...]) -> Sample:
    prompt = f"Say the sentence in other words, with the same meaning.\nSentence: {text}\nParaphrase:"
    return Sample(row.id, prompt, targets=targets, data={"text": text})


def _own(files: str) -> Source:
    if not files:
        raise UsageError("paraphrase needs rows", fix="paraphrase,files=rows.jsonl (columns text and paraphrases)")
    return table(files)


def _paws(split: str) -> Source:
    return where(hub("google-research-datasets/paws", config="labeled_final", split=split), "label", "1")
