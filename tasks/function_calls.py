"""Function calls: whether a model calls the right functions with the right arguments, and none where none fits.

Source: the Berkeley function-calling leaderboard, https://gorilla.cs.berkeley.edu/leaderboard.html, whose rows
(Apache licence 2.0) come with the package bfcl-eval: files=…/BFCL_v4_parallel.json and
answers=…/possible_answer/BFCL_v4_parallel.json. The toy rows are ours, in its shape. One row:

    {"question": "Please set a timer of 5 minutes.", "function": [{"name": "set_timer", "parameters": {…}, …}],
     "ground_truth": [{"set_timer": {"minutes": [5], "label": [""]}}]}

A parameter's values are all that are acceptable; "" among them lets it be left out. The check is the leaderboard's
for Python (AST match); its prompt is not reproduced, ours says the same in other words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import BadRow, DataOptions, OpenedSource, PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.core import digest_of as digest
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.prompting.methods import call_functions
from evalkit.scoring.scorers import function_calls

META = {
    "name": "function_calls",
    "summary": "functions called with the right arguments, by the rules of the Berkeley leaderboard; files=… answers=…",
    "tags": ["tool-use", "structured-output"],
    "toys": {"toy_function_calls": {"data": "toy", "files": "", "answers": ""}},
}

INSTRUCTION = (
    "You can call the functions below. Reply with the calls that fulfil the request, in Python's syntax with named "
    "arguments and in one list, such as [first(a=1), second(b='x')]. Leave out optional arguments that the request "
    "does not need. Where no function fits, reply with [] alone."
)


def task(
    *,
    files: str = "",
    answers: str = "",
    native: bool = False,
    max_tokens: int = 512,
    data: Literal["files", "toy"] = "files",
) -> Task:
    """Function calls over `files`; the right calls are in the same rows, or in the rows of `answers` by id.

    `native` sends the functions through the backend's interface for tools instead of the prompt.
    """
    return Task(
        name="function_calls",
        data=(Subset(_source(files, answers, data)),),
        sample=lambda row: _sample(row, native),
        prompt=PromptFormat(),
        method=call_functions(max_tokens=max_tokens, native=native),
        scorers=(function_calls(),),
        primary_metric="call_match",
    )


def _source(files: str, answers: str, data: str) -> Source:
    if data == "toy":
        return bundled("function_calls")
    if not files:
        raise UsageError(
            "function_calls needs rows with functions", fix="function_calls,files=rows.jsonl, or toy_function_calls"
        )
    return _Joined(read_files(files), read_files(answers)) if answers else read_files(files)


def _sample(row: Row, native: bool) -> Sample:
    functions, wanted = row.values["function"], row.values.get("ground_truth", [])
    if isinstance(functions, Mapping):
        functions = [functions]
    said = _said(row.values["question"])
    shown = "\n".join(json.dumps(function, ensure_ascii=False) for function in functions)
    question = said if native else f"{INSTRUCTION}\n\nFunctions:\n{shown}\n\nRequest: {said}\n\nCalls:"
    group = str(row.values.get("category") or row.id.rpartition("_")[0])
    return Sample(
        row.id, question, groups=(group,) if group else (), data={"functions": functions, "ground_truth": wanted}
    )


def _said(question: Any) -> str:
    """The request as a text; the leaderboard writes it as one turn of messages."""
    if isinstance(question, str):
        return question
    if len(question) != 1 and any(isinstance(turn, list) for turn in question):
        raise UsageError("function_calls asks in one turn", found=f"a question of {len(question)} turns")
    turn = question[0] if isinstance(question[0], list) else question
    return "\n\n".join(str(message["content"]) for message in turn)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Rows, each with the right calls that another file has under its id."""

    rows: Source
    answers: Source

    def open(self, options: DataOptions) -> _OpenedJoin:
        rows, answers = self.rows.open(options), self.answers.open(options)
        found = {row.id: row.values["ground_truth"] for row in answers.rows() if isinstance(row, Row)}
        return _OpenedJoin(rows, answers, found)


@dataclass(frozen=True, slots=True)
class _OpenedJoin:
    opened: OpenedSource
    answers: OpenedSource
    found: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return digest(self.opened.digest, self.answers.digest)

    @property
    def count(self) -> int | None:
        return self.opened.count

    @property
    def facts(self) -> Mapping[str, str]:
        return {**self.opened.facts, "answers": next(iter(self.answers.facts.values()), "")}

    def rows(self) -> Iterator[Row | BadRow]:
        for row in self.opened.rows():
            if isinstance(row, BadRow):
                yield row
            elif row.id not in self.found:
                yield BadRow(row.id, row.origin, "the file of answers has no row of this id")
            else:
                yield Row(row.id, {**row.values, "ground_truth": self.found[row.id]}, row.origin)
