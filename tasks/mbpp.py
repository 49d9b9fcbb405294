"""MBPP: 974 short Python programs from a sentence and three assertions.

Paper: https://arxiv.org/abs/2108.07732 (Austin et al., 2021). Data: google-research-datasets/mbpp, CC-BY-4.0; with
`set=plus` evalplus/mbppplus (Liu et al., 2023, https://arxiv.org/abs/2305.01210), Apache-2.0. One row of `full`:

    {"task_id": 11, "text": "Write a python function to remove first and last occurrence of a given character …",
     "code": "def remove_Occ(s,ch): \\r\\n    …", "test_setup_code": "", "challenge_test_list": [],
     "test_list": ["assert remove_Occ(\\"hello\\",\\"l\\") == \\"heo\\"", …]}

Three few-shot examples (problems 2, 3 and 4), prompt and stop are lm-evaluation-harness's `mbpp`. Unlike there, a
problem's set-up code and imports run before its tests: without them some right programs fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import BadRow, DataOptions, Fewshot, OpenedSource, PromptFormat, Row, Sample, Source, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import write_code
from evalkit.scoring.metrics.pass_at_k import pass_at
from evalkit.scoring.scorers import code_tests

META = {
    "name": "mbpp",
    "summary": "short Python programs from a sentence and three assertions: pass@k",
    "tags": ["code", "python", "generation"],
    "variants": ["set=full", "set=sanitized", "set=plus"],
}

HUB = "google-research-datasets/mbpp"
SHOWN = (2, 3, 4)
_DEFINED = re.compile(r"^\s*(?:def|class)\s+(\w+)|^(\w+)\s*=", re.MULTILINE)


def task(
    *,
    set: Literal["full", "sanitized", "plus"] = "full",  # noqa: A002 - the data's own word for it
    split: str = "test",
    n: int = 1,
    temperature: float = 0.0,
    top_p: float = 0.95,
    k: str = "",
    form: Literal["completion", "chat"] | None = None,
    cpu: float = 15.0,
    memory: int = 1024,
) -> Task:
    """MBPP's test split (500 problems), its sanitized edition (257), or MBPP+ (378) with its many more inputs.

    n: completions of every problem, sampled at `temperature`; pass@k is reported for the `k` that are
    listed (k=2,8,64), else for 1, 10, 100 and n where there are so many.
    form: how to ask, whatever the model; without it a chat model is asked as one. cpu: seconds a program may compute.
    memory: MiB it may use.
    """
    rows = hub("evalplus/mbppplus", split="test") if set == "plus" else hub(HUB, config=set, split=split)
    return Task(
        name="mbpp",
        data=(Subset(rows, examples=_Picked(hub(HUB, config="full", split="prompt"), SHOWN)),),
        sample=_sample,
        prompt=PromptFormat(question=_question, answer=_answer, delimiter=""),
        method=write_code(
            max_tokens=256,
            chat_max_tokens=1024,
            stop=("[DONE]",),
            temperature=temperature,
            top_p=top_p,
            n=n,
            gold=_gold,
            chat_question=_chat_question,
            chat=None if form is None else form == "chat",
        ),
        scorers=(code_tests(form="program", cpu=cpu, memory=memory, packages=("numpy",) if set == "plus" else ()),),
        metrics=pass_at(k, n),
        fewshot=Fewshot(3, order="first"),
        primary_metric="pass@1",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    tests = [str(test) for test in values["test_list"]]
    setup = [values.get("test_setup_code") or "", *(values.get("test_imports") or ())]
    # MBPP+ has a program of its own that runs all inputs; the three assertions are what the prompt shows.
    checks = values.get("test") or "\n".join(tests)
    whole = "\n".join([*(part for part in setup if part), checks, ""])
    return Sample(
        id=f"MBPP/{values['task_id']}",
        input=values.get("text") or values["prompt"],
        targets=(values["code"],),
        data={
            "shown": tests[:3],
            "tests": whole,
            "entry": _entry(values["code"], whole),
        },
    )


def _entry(code: str, tests: str) -> list[str]:
    """What the tests use of the program: the names that the solution defines and the tests hold."""
    used = set(re.findall(r"\w+", tests))
    return sorted({name for found in _DEFINED.findall(code) for name in found if name in used})


def _question(sample: Sample) -> str:
    shown = "\n".join(sample.data["shown"])
    return (
        f"You are an expert Python programmer, and here is your task: {sample.input} "
        f"Your code should pass these tests:\n\n{shown}\n[BEGIN]\n"
    )


def _chat_question(sample: Sample) -> str:
    shown = "\n".join(sample.data["shown"])
    return (
        f"You are an expert Python programmer, and here is your task:\n{sample.input}\n"
        f"Your code should pass these tests:\n{shown}"
    )


def _answer(sample: Sample) -> str:
    return f"{sample.targets[0]}\n[DONE]"


def _gold(sample: Sample) -> str:
    return sample.targets[0]


# ---------------------------------------------------------------- data


@dataclass(frozen=True, slots=True)
class _Picked:
    """The rows of a source that have one of these task ids."""

    source: Source
    ids: tuple[int, ...]

    def open(self, options: DataOptions) -> OpenedSource:
        return _OpenedPick(self.source.open(options), self.ids)


@dataclass(frozen=True, slots=True)
class _OpenedPick:
    opened: OpenedSource
    ids: tuple[int, ...]

    @property
    def digest(self) -> str:
        return self.opened.digest

    @property
    def count(self) -> int | None:
        return len(self.ids)

    @property
    def facts(self) -> Any:
        return self.opened.facts

    def rows(self) -> Iterator[Row | BadRow]:
        return (row for row in self.opened.rows() if isinstance(row, BadRow) or row.values["task_id"] in self.ids)
