"""Perplexity of any texts: how well a model predicts them, by words, bytes and bits.

Definition: the rolling log-likelihood of https://arxiv.org/abs/2101.00027 (The Pile, section 3.1), where every token
is predicted once. With `stride` it is that of transformers' guide to perplexity, which many model cards quote: all but
the first tokens of a text have the rest of the model's window before them. The two are not to be compared.

One row, of text files as of tables:

    {"name": "chapter-01.txt", "text": "Call me Ishmael. Some years ago …"}
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled, files, texts
from evalkit.prompting.methods import perplexity
from evalkit.scoring.metrics import bits_per_byte, byte_perplexity, token_perplexity, word_perplexity
from evalkit.scoring.scorers import rolling as rolling_scorer

META = {
    "name": "perplexity",
    "summary": "how well a model predicts your own texts: files=GLOB of text files, or of tables with a text column",
    "tags": ["language-modelling"],
    "toys": {"toy_perplexity": {"data": "toy", "files": ""}},
}

TABLES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")


def task(
    *,
    files: str = "",
    column: str = "text",
    stride: int | None = None,
    tokens: bool = False,
    begin_token: Literal["counted", "left_out"] = "counted",
    data: Literal["files", "toy"] = "files",
) -> Task:
    """Perplexity of `files`: text files, or tables (JSONL, JSON, CSV, Parquet) with a `column` of texts.

    `stride` is a number of tokens, less than what the model reads. `tokens` keeps each token's log-likelihood.
    `begin_token=left_out` leaves out p(BOS | BOS), which lm-evaluation-harness counts where a tokenizer puts a begin
    token before the text (docs/explanation/parity.md).
    """
    by_token = () if stride is None else (token_perplexity(),)
    return Task(
        name="perplexity",
        data=(Subset(_source(files, data)),),
        sample=lambda row: _sample(row, column),
        prompt=PromptFormat(answer=_text),
        method=perplexity(stride=stride, tokens=tokens or begin_token == "left_out"),
        scorers=(rolling_scorer(begin_token=begin_token),),
        metrics=(*by_token, word_perplexity(), byte_perplexity(), bits_per_byte()),
        primary_metric="token_perplexity" if by_token else "word_perplexity",
    )


def _source(pattern: str, data: str) -> Source:
    if data == "toy":
        return bundled("perplexity")
    if not pattern:
        raise UsageError(
            "perplexity needs texts",
            fix="perplexity,files=pages/*.txt or files=rows.jsonl (column text); or toy_perplexity",
        )
    is_table = pattern.removesuffix(".gz").endswith(TABLES)
    return files(pattern) if is_table else texts(pattern)


def _sample(row: Row, column: str) -> Sample:
    return Sample(id=row.id, input=row.values[column])


def _text(sample: Sample) -> str:
    return str(sample.input)
