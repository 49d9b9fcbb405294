"""CNN/DailyMail: news articles summarised by their own highlights, three or four sentences on lines of their own.

Paper: https://arxiv.org/abs/1704.04368 (See et al., 2017; the non-anonymised version 3.0.0). Data:
abisee/cnn_dailymail, Apache-2.0. One row:

    {"article": "(CNN)The Palestinian Authority officially became the 123rd member of …",
     "highlights": "Membership gives the ICC jurisdiction over alleged crimes …\\nIsrael and the United States …",
     "id": "f001ec5c4704938247d27a44948eebb37ae98d01"}
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Scorer, Subset, Task
from evalkit.data import bundled, hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import bertscore as bert_scorer
from evalkit.scoring.scorers import rouge

META = {
    "name": "cnn_dailymail",
    "summary": "news articles in a few sentences, by ROUGE against their highlights",
    "tags": ["summarization", "news", "english"],
    "toys": {"toy_cnn_dailymail": {"data": "toy"}},
}


def task(*, bertscore: str = "", data: Literal["hub", "toy"] = "hub") -> Task:
    """Summaries of a few sentences. `bertscore` is the path or hub id of an encoder, and adds BERTScore by it."""
    return Task(
        name="cnn_dailymail",
        data=(Subset(bundled("summarization")) if data == "toy" else _hub_subset(),),
        sample=_toy_sample if data == "toy" else _sample,
        prompt=PromptFormat(answer=_answer),
        method=generate(max_tokens=128, stop=("\n\n",)),
        scorers=(_published(), bert_scorer(bertscore)) if bertscore else (_published(),),
        primary_metric="rougeL",
    )


def _hub_subset() -> Subset:
    source = "abisee/cnn_dailymail"
    return Subset(
        rows=hub(source, config="3.0.0", split="test"),
        examples=hub(source, config="3.0.0", split="train"),
    )


def _sample(row: Row) -> Sample:
    return _summary_of(row, row.values["article"])


def _toy_sample(row: Row) -> Sample:
    return _summary_of(row, row.values["document"])


def _summary_of(row: Row, article: str) -> Sample:
    prompt = f"Article: {article}\n\nSummarize the article in a few sentences.\nSummary:"
    return Sample(id=row.id, input=prompt, targets=(row.values["highlights"],))


def _answer(sample: Sample) -> str:
    # A few-shot example shows the highlights as running text, the form that the prompt asks for.
    return sample.targets[0].replace("\n", " ")


def _published() -> Scorer:
    """ROUGE as published scores have it: letters outside of ASCII are deleted; samples that have some are flagged."""
    return rouge(tokenizer="ascii")
