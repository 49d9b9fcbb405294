"""HumanEval: 164 Python functions to be written from their signature and docstring, checked by running tests.

Paper: https://arxiv.org/abs/2107.03374 (Chen et al., 2021). Data: openai/openai_humaneval, MIT licence; with
`plus=true` evalplus/humanevalplus (Liu et al., 2023, https://arxiv.org/abs/2305.01210), Apache-2.0. One row:

    {"task_id": "HumanEval/53", "prompt": "def add(x: int, y: int):\\n    \\"\\"\\"Add two numbers x and y …",
     "canonical_solution": "    return x + y\\n", "test": "…def check(candidate):\\n …", "entry_point": "add"}

Prompt and stops are lm-evaluation-harness's `humaneval`. A chat model is asked for the function in words (its
`humaneval_instruct`, without the answer begun for the model), and its code block is read. Programs run in a sandbox,
see docs/how-to/code.md.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled, hub
from evalkit.prompting.methods import write_code
from evalkit.scoring.metrics.pass_at_k import pass_at
from evalkit.scoring.scorers import code_tests

META = {
    "name": "humaneval",
    "summary": "164 Python functions from their docstrings, checked by tests: pass@k",
    "tags": ["code", "python", "generation"],
    "variants": ["plus=true", "n=20,temperature=0.8"],
    "toys": {"toy_humaneval": {"data": "toy"}},
}

STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def task(
    *,
    n: int = 1,
    temperature: float = 0.0,
    top_p: float = 0.95,
    k: str = "",
    form: Literal["completion", "chat"] | None = None,
    plus: bool = False,
    cpu: float = 15.0,
    memory: int = 1024,
    data: Literal["hub", "toy"] = "hub",
) -> Task:
    """HumanEval, or HumanEval+ with its many more inputs.

    n: completions of every problem, sampled at `temperature`; pass@k is reported for the `k` that are
    listed (k=2,8,64), else for 1, 10, 100 and n where there are so many.
    form: how to ask, whatever the model; without it a chat model is asked as one. cpu: seconds a program may compute.
    memory: MiB it may use.
    """
    return Task(
        name="humaneval",
        data=(Subset(_source(plus, data)),),
        sample=_sample,
        prompt=PromptFormat(),
        method=write_code(
            max_tokens=1024,
            stop=STOPS,
            temperature=temperature,
            top_p=top_p,
            n=n,
            gold=_gold,
            chat_question=_chat_question,
            chat=None if form is None else form == "chat",
        ),
        scorers=(code_tests(form="continue", cpu=cpu, memory=memory, packages=("numpy",) if plus else ()),),
        metrics=pass_at(k, n),
        primary_metric="pass@1",
    )


def _source(plus: bool, data: str) -> Source:
    if data == "toy":
        if plus:
            raise UsageError("the toy set has no tests of EvalPlus", found="plus=true", fix="toy_humaneval")
        return bundled("programs")
    if plus:
        return hub("evalplus/humanevalplus", config="default", split="test")
    return hub("openai/openai_humaneval", config="openai_humaneval", split="test")


def _sample(row: Row) -> Sample:
    values = row.values
    entry = values["entry_point"]
    return Sample(
        id=values["task_id"],
        input=values["prompt"],
        targets=(values["canonical_solution"],),
        data={"prefix": values["prompt"], "tests": f"{values['test']}\ncheck({entry})\n", "entry": entry},
    )


def _chat_question(sample: Sample) -> str:
    return (
        "Write a solution to the following problem and make sure that it passes the tests:\n"
        f"```python\n{sample.input}\n```\n"
    )


def _gold(sample: Sample) -> str:
    return sample.targets[0]
