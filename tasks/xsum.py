"""XSum: BBC articles summarised in the one sentence that introduces them.

Paper: https://arxiv.org/abs/1808.08745 (Narayan et al., 2018). Data: EdinburghNLP/xsum, MIT licence of the paper's
code; the articles are the BBC's. One row:

    {"document": "Prison Link Cymru had 1,099 referrals in 2015-16 and said some ex-offenders were …",
     "summary": "There is a \\"chronic\\" need for more housing for prison leavers in Wales, according to a charity.",
     "id": "38264402"}
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Scorer, Subset, Task
from evalkit.data import bundled, hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import bertscore as bert_scorer
from evalkit.scoring.scorers import rouge

META = {
    "name": "xsum",
    "summary": "news articles in one sentence, by ROUGE against the article's own first sentence",
    "tags": ["summarization", "news", "english"],
    "toys": {"toy_xsum": {"data": "toy"}},
}


def task(*, bertscore: str = "", data: Literal["hub", "toy"] = "hub") -> Task:
    """Summaries of one sentence. `bertscore` is the path or hub id of an encoder, and adds BERTScore by it."""
    return Task(
        name="xsum",
        data=(Subset(bundled("summarization")) if data == "toy" else _hub_subset(),),
        sample=_sample,
        prompt=PromptFormat(),
        method=generate(max_tokens=64, stop=("\n\n",)),
        scorers=(_published(), bert_scorer(bertscore)) if bertscore else (_published(),),
        primary_metric="rougeL",
    )


def _hub_subset() -> Subset:
    return Subset(
        rows=hub("EdinburghNLP/xsum", split="test"),
        examples=hub("EdinburghNLP/xsum", split="train"),
    )


def _sample(row: Row) -> Sample:
    prompt = f"Article: {row.values['document']}\n\nSummarize the article in one sentence.\nSummary:"
    return Sample(id=row.id, input=prompt, targets=(row.values["summary"],))


def _published() -> Scorer:
    """ROUGE as published scores have it: letters outside of ASCII are deleted; samples that have some are flagged."""
    return rouge(tokenizer="ascii")
