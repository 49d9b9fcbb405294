"""Format sensitivity: the same multiple-choice questions under paraphrased templates, and how far scores spread.

Paper: https://arxiv.org/abs/2310.11324 (Sclar et al., 2024). Data: files of your own; the toy questions are ours,
under the Apache licence 2.0. One row:

    {"question": "Which city is the capital of Kenya?", "choices": ["Nairobi", "Paris", "Dublin", "Oslo"], "answer": 0}

Every question is asked in every form. `acc` is the mean over all, `acc_worst` that of the worst form, and `acc_spread`
how far the best lies above it. The forms of one question share a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import BadRow, DataOptions, OpenedSource, PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.prompting.methods import choose
from evalkit.scoring.metrics import mean, spread
from evalkit.scoring.scorers import accuracy

META = {
    "name": "format_sensitivity",
    "summary": "the same questions under eight paraphrased templates: accuracy, its worst form and its spread",
    "tags": ["robustness", "multiple-choice"],
    "toys": {"toy_format_sensitivity": {"data": "toy", "files": ""}},
}

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to ask: `question` frames the question, `choice` an option, where options are listed."""

    name: str
    question: str
    answer: str
    choice: str
    between: str = "\n"


FORMS = (
    Form("plain", "{question}", "Answer:", "{letter}. {choice}"),
    Form("labelled", "Question: {question}", "Answer:", "{letter}. {choice}"),
    Form("short", "Q: {question}", "A:", "({letter}) {choice}"),
    Form("capitals", "QUESTION: {question}", "ANSWER:", "{letter}) {choice}"),
    Form("polite", "Please answer the following question. {question}", "The answer is", "{letter}: {choice}"),
    Form("test", "Here is a question of a test: {question}", "The right answer is", "[{letter}] {choice}"),
    Form("marked", "### Question\n{question}\n### Answer", "", "- {letter}: {choice}"),
    Form("quoted", "Someone asks: “{question}”", "They are told:", "{letter} - {choice}", between="; "),
)


def task(
    *,
    form: Literal["text", "letter"] = "text",
    files: str = "",
    data: Literal["files", "toy"] = "files",
) -> Task:
    """Format sensitivity over `files` with columns question, choices and answer (an index, from 0).

    `form=text` weighs the options' texts, `form=letter` lists the options and weighs their letters.
    """
    source = _source(files, data)
    count = len(FORMS)
    return Task(
        name="format_sensitivity",
        data=tuple(Subset(_Asked(source, number), groups=(each.name,)) for number, each in enumerate(FORMS)),
        sample=_text_sample if form == "text" else _letter_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(accuracy(),),
        metrics=(mean("acc"), spread("acc", forms=count), spread("acc", forms=count, of="worst")),
        primary_metric="acc",
    )


def _source(files: str, data: str) -> Source:
    if data == "toy":
        return bundled("multiple_choice")
    if not files:
        raise UsageError(
            "format_sensitivity needs questions", fix="format_sensitivity,files=rows.jsonl, or toy_format_sensitivity"
        )
    return read_files(files)


def _text_sample(row: Row) -> Sample:
    form, values = FORMS[row.values["form"]], row.values["row"]
    return _sample(row, form, "", tuple(str(choice) for choice in values["choices"]))


def _letter_sample(row: Row) -> Sample:
    form, values = FORMS[row.values["form"]], row.values["row"]
    choices = [str(choice) for choice in values["choices"]]
    lines = [form.choice.format(letter=LETTERS[n], choice=choice) for n, choice in enumerate(choices)]
    return _sample(row, form, form.between.join(lines), tuple(LETTERS[: len(choices)]))


def _sample(row: Row, form: Form, listed: str, choices: tuple[str, ...]) -> Sample:
    values = row.values["row"]
    question = form.question.replace("{question}", str(values["question"]))
    text = "\n".join(part for part in (question, listed, form.answer) if part)
    gold = int(values["answer"])
    if not 0 <= gold < len(choices):
        raise UsageError("answer is the index of a choice", found=f"{gold} of {len(choices)} choices", at=row.origin)
    return Sample(
        row.id, text, choices=choices, gold=(gold,), cluster=row.values["id"], data={"form": row.values["form"]}
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A source's rows as they are asked in one form."""

    source: Source
    form: int

    def open(self, options: DataOptions) -> _OpenedAsked:
        return _OpenedAsked(self.source.open(options), self.form)


@dataclass(frozen=True, slots=True)
class _OpenedAsked:
    opened: OpenedSource
    form: int

    @property
    def digest(self) -> str:
        return self.opened.digest

    @property
    def count(self) -> int | None:
        return self.opened.count

    @property
    def facts(self) -> Mapping[str, str]:
        return {**self.opened.facts, "form": FORMS[self.form].name}

    def rows(self) -> Iterator[Row | BadRow]:
        name = FORMS[self.form].name
        for row in self.opened.rows():
            if isinstance(row, BadRow):
                yield BadRow(f"{row.id}@{name}", row.origin, row.problem)
            else:
                values: dict[str, Any] = {"form": self.form, "id": row.id, "row": row.values}
                yield Row(f"{row.id}@{name}", values, row.origin)
