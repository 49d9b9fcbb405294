"""WikiText: verified good and featured articles of Wikipedia, by page; the classic perplexity benchmark.

Paper: https://arxiv.org/abs/1609.07843 (Merity et al., 2016). Data: Salesforce/wikitext, CC-BY-SA-3.0. A row is a line:

    {"text": " = Robert Boulter = \\n"}

The model is scored on the page with its tokenisation undone, while words and bytes are counted on the page as it was:
the convention behind published figures for wikitext-2-raw-v1. wikitext-2-v1 replaces rare words by <unk>, which is
easier to predict: its figures do not compare.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task
from evalkit.data import bundled, hub
from evalkit.prompting.methods import perplexity
from evalkit.scoring.metrics import bits_per_byte, byte_perplexity, token_perplexity, word_perplexity
from evalkit.scoring.scorers import rolling as rolling_scorer

from .detokenise import detokenise
from .pages import Pages

META = {
    "name": "wikitext",
    "summary": "perplexity on Wikipedia pages by words, bytes and bits",
    "tags": ["language-modelling", "english"],
    "variants": [
        "config=wikitext-2-raw-v1",
        "config=wikitext-2-v1",
        "config=wikitext-103-raw-v1",
        "config=wikitext-103-v1",
    ],
    "toys": {"toy_wikitext": {"data": "toy"}},
}

Config = Literal["auto", "wikitext-2-raw-v1", "wikitext-2-v1", "wikitext-103-raw-v1", "wikitext-103-v1"]


def task(
    *,
    config: Config = "auto",
    split: Literal["test", "validation"] = "test",
    stride: int | None = None,
    tokens: bool = False,
    data: Literal["hub", "toy"] = "hub",
) -> Task:
    """Perplexity on whole pages. `auto` is wikitext-2-raw-v1, or wikitext-2-v1 where a mirror has only that.

    With `stride`, windows overlap (see the task perplexity) and there is a perplexity by token, too. It is not the one
    of all pages joined to one text, which some model cards quote. `tokens` keeps each token's log-likelihood.
    """
    by_token = () if stride is None else (token_perplexity(),)
    return Task(
        name="wikitext",
        data=(Subset(bundled("perplexity") if data == "toy" else _pages(config, split)),),
        sample=_toy_sample if data == "toy" else _sample,
        prompt=PromptFormat(answer=_text),
        method=perplexity(stride=stride, tokens=tokens),
        scorers=(rolling_scorer(),),
        metrics=(word_perplexity(), byte_perplexity(), bits_per_byte(), *by_token),
        primary_metric="word_perplexity",
    )


def _pages(config: str, split: str) -> Source:
    def lines(name: str) -> Source:
        return hub("Salesforce/wikitext", config=name, split=split)

    if config == "auto":
        return Pages(lines("wikitext-2-raw-v1"), otherwise=lines("wikitext-2-v1"))
    return Pages(lines(config))


def _sample(row: Row) -> Sample:
    page = row.values["page"]
    return Sample(id=row.id, input=detokenise(page), data={"original": page})


def _toy_sample(row: Row) -> Sample:
    # The toy texts are plain: there is no tokenisation to undo.
    return Sample(id=row.id, input=row.values["text"], data={"original": row.values["text"]})


def _text(sample: Sample) -> str:
    return str(sample.input)
