"""Tokenizer efficiency: how many tokens a model's tokenizer needs, by language and kind of text.

Papers: https://arxiv.org/abs/2012.15613 (fertility: Rust et al., 2021) and https://arxiv.org/abs/2305.15425 (premiums
between languages: Petrov et al., 2023). Data: files of your own; the toy sentences are ours, the same eight in
seven languages and some code and numbers, under the Apache licence 2.0. One row:

    {"text": "The train leaves at seven in the morning.", "language": "en", "domain": "everyday"}

Any local model answers (`hf/…`, `st/…`), without loading its weights, and so does a tokenizer alone (`tokenizer/…`).
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.prompting.methods import tokenize
from evalkit.scoring.scorers import token_counts

META = {
    "name": "tokenizer_efficiency",
    "summary": "tokens per word, characters and bytes per token, by language and domain; files=PATH for your own texts",
    "tags": ["tokenizers", "multilingual"],
    "toys": {"toy_tokenizer_efficiency": {"data": "toy", "files": ""}},
}

GROUPS = ("language", "domain")


def task(*, files: str = "", column: str = "text", data: Literal["files", "toy"] = "files") -> Task:
    """Token counts of `files` with a `column` of texts and, where they are there, columns language and domain."""

    def sample(row: Row) -> Sample:
        groups = tuple(str(row.values[name]) for name in GROUPS if row.values.get(name))
        return Sample(row.id, str(row.values[column]), groups=groups)

    return Task(
        name="tokenizer_efficiency",
        data=(Subset(_source(files, data)),),
        sample=sample,
        prompt=PromptFormat(),
        method=tokenize(),
        scorers=(token_counts(),),
        primary_metric="bytes_per_token",
    )


def _source(files: str, data: str) -> Source:
    if data == "toy":
        return bundled("tokenizers")
    if not files:
        raise UsageError(
            "tokenizer_efficiency needs texts",
            fix="tokenizer_efficiency,files=rows.jsonl (column text), or toy_tokenizer_efficiency",
        )
    return read_files(files)
