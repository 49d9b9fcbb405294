"""STS: how well the similarity of two sentences' vectors follows people's judgement.

Paper: https://arxiv.org/abs/1708.00055 (SemEval-2017 task 1, the STS benchmark). Data: mteb/stsbenchmark-sts, whose
licence MTEB gives as not specified, or files of your own; the toy rows are ours, under the Apache licence 2.0. One
row:

    {"sentence1": "A girl is styling her hair.", "sentence2": "A girl is brushing her hair.", "score": 2.5}

The similarity is the cosine; Spearman's rank correlation with the scores is the figure that is usually reported
(Reimers et al., 2016, https://aclanthology.org/C16-1009).
"""

from __future__ import annotations

import math
from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task
from evalkit.data import bundled, hub
from evalkit.data import files as read_files
from evalkit.prompting.methods import embed
from evalkit.scoring.scorers import cosine_similarity

META = {
    "name": "sts",
    "summary": "similarity of two sentences by an embedding model, correlated with people's; files=PATH for your own",
    "tags": ["embeddings", "similarity"],
    "toys": {"toy_sts": {"data": "toy", "files": ""}},
}

LARGEST = 5.0


def task(*, files: str = "", split: str = "test", data: Literal["hub", "toy"] = "hub") -> Task:
    """The STS benchmark, or `files` with columns sentence1, sentence2 and score."""
    return Task(
        name="sts",
        data=(Subset(_source(files, split, data)),),
        sample=_sample,
        prompt=PromptFormat(),
        method=embed(gold=_gold),
        scorers=(cosine_similarity(),),
        primary_metric="spearman",
    )


def _source(files: str, split: str, data: str) -> Source:
    if data == "toy":
        return bundled("sts")
    return read_files(files) if files else hub("mteb/stsbenchmark-sts", config="default", split=split)


def _sample(row: Row) -> Sample:
    texts = (str(row.values["sentence1"]), str(row.values["sentence2"]))
    score = float(row.values["score"])
    return Sample(row.id, "\n".join(texts), targets=(repr(score),), data={"texts": texts})


def _gold(sample: Sample) -> list[list[float]]:
    """Two vectors whose cosine is the score, as a proportion of the largest one."""
    angle = math.acos(max(-1.0, min(1.0, float(sample.targets[0]) / LARGEST)))
    return [[1.0, 0.0], [math.cos(angle), math.sin(angle)]]
