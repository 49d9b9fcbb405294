"""RULER: thirteen tasks that are made as long as one likes, by the tokens of the model.

Paper: https://arxiv.org/abs/2404.06654 (Hsieh et al., 2024). The words are those of https://github.com/NVIDIA/RULER
(commit c3f5e3b4f87f97e048793bb510a3a6b19a46bf3a, Apache-2.0 licence), and so are the draws: with the same tokenizer,
words, essays and splitter of sentences the prompts are its scripts' byte for byte. One row:

    {"question": "A special magic number is hidden within the following text. …", "prefix": " The special magic …",
     "answers": ["6835193"], "tokens": 4080, "kind": "niah_single_1", "length": 4096}

What it is made of is not ours to ship: the words are those of the package wonderwords (MIT licence), `essays` are Paul
Graham's as RULER's script downloads them, and the questions are SQuAD 2.0's (CC-BY-SA-4.0) and HotpotQA's
(CC-BY-SA-4.0) from the hub. Scores are RULER's: the proportion of the answers that the reply holds, whatever their
case, and for questions on documents whether it holds one of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, Literal

from evalkit.core import (
    AskModel,
    Attempt,
    BadRow,
    DataOptions,
    Method,
    Model,
    OpenedSource,
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
from evalkit.core.spec import unknown
from evalkit.data import hub, rows
from evalkit.prompting.lengths import TokenLengths
from evalkit.prompting.methods import generate
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.instructions.sentences import Splitter, installed, splitter

from .chains import chain, renamed
from .documents import Asked, among, of_hotpot, of_squad
from .fitting import Made, fitted, written
from .needles import Needles, Pairs, essay_words, niah
from .words import SEED, common, frequent

META = {
    "name": "ruler",
    "summary": "13 tasks of retrieval, tracing, counting and questions, as long as the model's tokens allow",
    "tags": ["long-context", "retrieval", "english", "unverified"],
    "variants": [
        "niah_single_1",
        "niah_single_2",
        "niah_single_3",
        "niah_multikey_1",
        "niah_multikey_2",
        "niah_multikey_3",
        "niah_multivalue",
        "niah_multiquery",
        "vt",
        "cwe",
        "fwe",
        "qa_1",
        "qa_2",
    ],
}

_NEEDLES = {
    "niah_single_1": Needles("noise"),
    "niah_single_2": Needles("essay"),
    "niah_single_3": Needles("essay", values="uuids"),
    "niah_multikey_1": Needles("essay", key_count=4),
    "niah_multikey_2": Needles("needle"),
    "niah_multikey_3": Needles("needle", keys="uuids", values="uuids"),
    "niah_multivalue": Needles("essay", value_count=4),
    "niah_multiquery": Needles("essay", query_count=4),
}
_REPLY = {"vt": 30, "cwe": 120, "fwe": 50, "qa_1": 32, "qa_2": 32}
"""Tokens of a reply, which the length holds, too; 128 for needles."""


def task(
    *,
    tokenizer: str = "",
    kind: str = "",
    lengths: str = "4096",
    samples: int = 500,
    essays: str = "",
    english_words: str = "",
    sentences: Literal["auto", "punkt", "rules"] = "auto",
    seed: int = SEED,
) -> Task:
    """All thirteen tasks, or those that `kind` names with + between them, at each of `lengths` (4096+8192), which count
    prompt and reply by `tokenizer`: the model's folder or its name on the hub.

    `essays` is PaulGrahamEssays.json, or any text, and is needed for five of the tasks; `english_words` is
    english_words.json, and is needed for cwe where wonderwords has too few. `sentences` says where sentences of the
    essays end: NLTK's punkt model, as in RULER's scripts, or its rules; auto is punkt where it is installed.
    """
    names = [str(name) for name in META["variants"]]
    chosen = [name for name in kind.split("+") if name] or names
    for name in chosen:
        if name not in names:
            raise unknown("task of RULER", name, names)
    if not tokenizer:
        raise UsageError("RULER counts tokens by the model's tokenizer", fix="ruler,tokenizer=<its folder or name>")
    sizes = _lengths(lengths)
    from_files = _Files(essays, english_words, sentences)
    tokens = TokenLengths(tokenizer)
    return Task(
        name="ruler",
        data=tuple(
            Subset(_Generated(name, size, samples, seed, tokens, from_files), groups=(name, f"{size} tokens"))
            for size in sizes
            for name in chosen
        ),
        sample=_sample,
        prompt=PromptFormat(delimiter="", gen_prefix=lambda sample: str(sample.data["prefix"])),
        method=_method(chosen),
        scorers=(Scorer("string_match", _StringMatch(), ("string_match",), (mean("string_match"),)),),
        primary_metric="string_match",
    )


def _lengths(text: str) -> list[int]:
    parts = [part.strip() for part in text.split("+") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) >= 256 for part in parts):
        raise UsageError("lengths are numbers of tokens, from 256 on", found=text, fix="lengths=4096+8192")
    return sorted({int(part) for part in parts})


def _sample(row: Row) -> Sample:
    values = row.values
    return Sample(
        row.id,
        values["question"],
        targets=tuple(values["answers"]),
        data={"prefix": values["prefix"], "kind": values["kind"]},
    )


@dataclass(frozen=True, slots=True)
class _AskByKind(AskModel):
    by_kind: Mapping[str, Method]

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return await self.by_kind[attempt.sample.data["kind"]].ask(attempt, model)


def _method(kinds: list[str]) -> Method:
    """Generation of as many tokens as each task has."""
    by_kind = {
        kind: generate(max_tokens=_REPLY.get(kind, 128), stop=(), gold=lambda sample: " ".join(sample.targets))
        for kind in kinds
    }
    first = next(iter(by_kind.values()))
    return replace(first, ask=_AskByKind(by_kind), settings={**first.settings, "max_tokens": "by kind"})


@dataclass(frozen=True, slots=True)
class _StringMatch(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answer = final_answer(replies, strip="none")
        said = answer.text.lower()
        found = [target.lower() in said for target in sample.targets]
        some = sample.data["kind"].startswith("qa_")
        value = float(any(found)) if some else sum(found) / len(found)
        return (Score("string_match", value, answer.text or None, answer.reason, answer.validity),)


# ---------------------------------------------------------------------------------------- what the rows are made of


@dataclass(frozen=True, slots=True)
class _Files:
    essays: str
    english_words: str
    sentences: Literal["auto", "punkt", "rules"]

    def splitter(self) -> Splitter:
        """Raises UsageError for punkt where it is not installed."""
        auto: Literal["punkt", "rules"] = "punkt" if installed() else "rules"
        return splitter(auto if self.sentences == "auto" else self.sentences)

    def essay(self, kind: str) -> list[str]:
        """Raises UsageError where no essays are named."""
        if not self.essays:
            raise UsageError(
                f"{kind} hides its needles in essays", fix="ruler,essays=<PaulGrahamEssays.json of RULER, or a text>"
            )
        path = Path(self.essays)
        if not path.is_file():
            raise UsageError("there is no such file of essays", found=str(path))
        text = path.read_text(encoding="utf-8")
        return essay_words(str(json.loads(text)["text"]) if path.suffix == ".json" else text)

    def more_words(self) -> list[str]:
        if not self.english_words:
            return []
        found = json.loads(Path(self.english_words).read_text(encoding="utf-8"))
        return [str(word) for word in (found.values() if isinstance(found, dict) else found)]


@cache
def _wonderwords(name: str) -> list[str]:
    """A list of the package wonderwords. Raises UsageError where it is not installed."""
    if find_spec("wonderwords") is None:
        raise UsageError(
            "RULER's words are those of wonderwords, which is not installed", fix="pip install wonderwords"
        )
    from importlib.resources import files

    text = (files("wonderwords") / "assets" / name).read_text(encoding="utf-8")
    return [word.rstrip() for word in text.splitlines()]


@cache
def _pairs() -> Pairs:
    return Pairs(_wonderwords("adjectivelist.txt"), _wonderwords("nounlist.txt"))


@cache
def _single_words() -> tuple[str, ...]:
    lists = [_wonderwords(f"{kind}list.txt") for kind in ("noun", "adjective", "verb")]
    found = sorted({word for words in lists for word in words})
    Random(SEED).shuffle(found)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Generated:
    """The rows of one task at one length; made when they are opened."""

    kind: str
    length: int
    samples: int
    seed: int
    tokens: TokenLengths
    files: _Files

    def open(self, options: DataOptions) -> OpenedSource:
        """Raises UsageError where something that the rows are made of is missing."""
        made = [
            {**row, "kind": self.kind, "length": self.length, "id": f"{self.kind}-{self.length}-{number}"}
            for number, row in enumerate(self._rows(options))
        ]
        return rows(made, name=f"{self.kind}/{self.length}").open(options)

    def _rows(self, options: DataOptions) -> Iterator[dict[str, Any]]:
        rng = Random(self.seed)
        most = self.length - _REPLY.get(self.kind, 128)
        if self.kind in _NEEDLES:
            return self._needles(rng, most)
        if self.kind == "vt":
            return self._chains(rng, most)
        if self.kind == "fwe":
            return self._frequent(rng, most)
        if self.kind == "cwe":
            make = partial(common, rng, _single_words(), self.files.more_words(), length=self.length)
            size = fitted(make, self.tokens, most, 10, probe=4096, most=lambda each: int(self.length // each) * 2)
            return written(lambda index, parts: make(parts), self.tokens, most, 10, size, self.samples)
        return self._documents(rng, most, options)

    def _needles(self, rng: Random, most: int) -> Iterator[dict[str, Any]]:
        of = _NEEDLES[self.kind]
        essay = self.files.essay(self.kind) if of.haystack == "essay" else []
        words = _pairs() if of.keys == "words" else ()
        make = partial(niah(of, words, essay, self.files.splitter()), rng)
        step = 500 if of.haystack == "essay" else 25 if self.length >= 4096 else 5
        size = fitted(make, self.tokens, most, step, most=lambda each: int((self.length / each) * 3))
        return written(lambda index, parts: make(parts), self.tokens, most, step, size, self.samples)

    def _chains(self, rng: Random, most: int) -> Iterator[dict[str, Any]]:
        import numpy as np

        numbers = np.random.RandomState(self.seed)
        small = partial(chain, rng, numbers, example=True)
        size = fitted(small, self.tokens, 500, 5)
        [shown] = written(lambda index, parts: small(parts), self.tokens, 500, 5, size, 1)
        example = f"{shown['question']}{shown['prefix']} {' '.join(shown['answers'])}\n"
        step, room = (10 if self.length >= 4096 else 5), most - self.tokens.plain(example)
        make = partial(chain, rng, numbers)
        size = fitted(make, self.tokens, room, step, most=lambda each: int((self.length / each) * 3))

        def with_example(index: int, parts: int) -> Made:
            question, prefix, answers = make(parts)
            return f"{renamed(rng, numbers, example)}\n{question}", prefix, answers

        return written(with_example, self.tokens, most, step, size, self.samples)

    def _frequent(self, rng: Random, most: int) -> Iterator[dict[str, Any]]:
        *_, count = frequent(rng, self.tokens, most, 0)
        for _ in range(self.samples):
            question, prefix, answers, _ = frequent(rng, self.tokens, most, count)
            yield {
                "question": question,
                "prefix": prefix,
                "answers": answers,
                "tokens": self.tokens.plain(question + prefix),
            }

    def _documents(self, rng: Random, most: int, options: DataOptions) -> Iterator[dict[str, Any]]:
        asked, documents = _paragraphs(self.kind, options)

        def make(index: int, parts: int) -> Made:
            return among(rng, asked[index], documents, parts)

        size = fitted(
            lambda parts: make(0, parts), self.tokens, most, 10, most=lambda each: int((self.length / each) * 3)
        )
        return written(make, self.tokens, most, 10, size, min(self.samples, len(asked)))


def _paragraphs(kind: str, options: DataOptions) -> tuple[list[Asked], list[str]]:
    source: Source
    read: Callable[[Any], tuple[list[Asked], list[str]]]
    if kind == "qa_1":
        source, read = hub("rajpurkar/squad_v2", split="validation"), of_squad
    else:
        source, read = hub("hotpotqa/hotpot_qa", config="distractor", split="validation"), of_hotpot
    return read(row.values for row in source.open(options).rows() if not isinstance(row, BadRow))
