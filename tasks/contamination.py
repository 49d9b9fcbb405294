"""Contamination: signs that texts were in a model's training data, or are in your corpus.

Papers: https://arxiv.org/abs/2310.16789 (Min-K% Prob: Shi et al., 2024) and https://arxiv.org/abs/2005.14165 (n-gram
overlap: Brown et al., 2020, appendix C). Data: files of your own, any benchmark's rows among them; the toy texts,
under the Apache licence 2.0, are stories that `tiny` was trained on and others of the same make. One row:

    {"text": "Amira Dorsey lives in Redcliff. …", "label": 1}

Min-K% needs a model that gives the log-likelihood of every token. Its values compare texts, they convict none:
frequent texts are likely, too. With a column of labels (1 seen, 0 not) `auroc` says how well it tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from evalkit.core import (
    DataOptions,
    Metric,
    PromptFormat,
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
from evalkit.data import bundled
from evalkit.prompting.methods import token_likelihoods
from evalkit.prompting.methods.tokens import nothing
from evalkit.scoring.metrics import auroc, mean
from evalkit.scoring.scorers import min_k, ngram_overlap
from evalkit.scoring.scorers.contamination import column_of, texts_in

META = {
    "name": "contamination",
    "summary": "were texts seen in training: Min-K% probability, and n-gram overlap with corpus=PATH; files=PATH",
    "tags": ["safety", "contamination", "language-modelling"],
    "toys": {"toy_contamination": {"data": "toy", "files": "", "corpus": "", "label": ""}},
}


def task(
    *,
    files: str = "",
    column: str = "text",
    label: str = "",
    corpus: str = "",
    n: int = 13,
    proportion: float = 0.2,
    probe: Literal["all", "min_k", "overlap"] = "all",
    data: Literal["files", "toy"] = "files",
) -> Task:
    """Contamination of the texts in a `column` of `files` (tables or text files).

    `probe` all measures Min-K% (the least likely `proportion` of tokens) and, where there is a `corpus` (tables with
    the same column, or text files), the overlap of word `n`-grams with it; `overlap` asks the model nothing. `label` is
    a column with 1 for what was seen.
    """
    found: Source | None = texts_in(corpus) if corpus else None
    if data == "toy":
        source, found, label = bundled("contamination"), bundled("contamination_corpus"), "label"
    elif files:
        source = texts_in(files)
    else:
        raise UsageError("contamination needs texts", fix="contamination,files=rows.jsonl, or toy_contamination")
    if probe == "overlap" and found is None:
        raise UsageError("an overlap needs a corpus", fix="contamination,…,probe=overlap,corpus=PATH")
    scorers: list[Scorer] = []
    metrics: list[Metric] = []
    if probe != "overlap":
        scorers.append(min_k(proportion=proportion))
        metrics += [mean("min_k", scale="number"), mean("token_loglikelihood", scale="number")]
        metrics += [auroc(score="min_k", name="min_k_auroc")] if label else []
    if probe != "min_k" and found is not None:
        # Opened here, so that a corpus that is not there shows before anything is asked.
        known_as = found.open(DataOptions()).digest[:8]
        scorers.append(ngram_overlap(partial(column_of, found, column), n=n, name=known_as))
        metrics += list(scorers[-1].metrics)
        metrics += [auroc(score="overlap", name="overlap_auroc")] if label else []
    if label:
        scorers.append(_label())
    return Task(
        name="contamination",
        data=(Subset(source),),
        sample=lambda row: _sample(row, column, label),
        prompt=PromptFormat(),
        method=nothing() if probe == "overlap" else token_likelihoods(),
        scorers=tuple(scorers),
        metrics=tuple(metrics),
        primary_metric="overlap" if probe == "overlap" else "min_k",
    )


def _sample(row: Row, column: str, label: str) -> Sample:
    data = {"label": int(row.values[label])} if label else {}
    groups = (("seen" if data["label"] else "not seen"),) if data else ()
    return Sample(row.id, str(row.values[column]), groups=groups, data=data)


@dataclass(frozen=True, slots=True)
class _Label(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return (Score("label", float(sample.data["label"])),)


def _label() -> Scorer:
    """The label as a score, for metrics that need it beside another."""
    return Scorer("label", _Label(), ("label",))
