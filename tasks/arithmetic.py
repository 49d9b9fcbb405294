"""Simple arithmetic: sums, differences and products of numbers of few digits, and three digits in one expression.

Paper: https://arxiv.org/abs/2005.14165 (Brown et al., 2020, section 3.9.1), ten kinds of 2,000 problems. Their own
problems are EleutherAI/arithmetic on the hub, MIT licence. One row:

    {"context": "Question: What is (9 + 8) * 2?\\nAnswer:", "completion": " 34"}

By default problems of the same kinds are drawn here, the same ones every time, so that no data is needed. As in
lm-evaluation-harness, a problem is right where the completion is what the model would write greedily.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

from evalkit.core import Method, PromptFormat, Row, Sample, Scorer, Subset, Task, UsageError
from evalkit.core.spec import unknown
from evalkit.data import hub, rows
from evalkit.prompting.methods import choose, generate
from evalkit.scoring.scorers.numeric import numeric
from evalkit.scoring.scorers.prediction import prediction

META = {
    "name": "arithmetic",
    "summary": "sums, differences and products of small numbers, ten kinds of problems",
    "tags": ["math", "arithmetic", "english"],
    "variants": ["1dc", "2da", "2dm", "2ds", "3da", "3ds", "4da", "4ds", "5da", "5ds"],
}

_WORDS = {"a": "plus", "s": "minus", "m": "times"}


def task(
    *,
    kind: str = "",
    form: Literal["likelihood", "written"] = "likelihood",
    data: Literal["drawn", "hub"] = "drawn",
    count: int = 2000,
    seed: int = 1234,
) -> Task:
    """All ten kinds, or one: digits and operation (2da adds two digits, 2ds subtracts, 2dm multiplies), or 1dc.

    `form` is likelihood (is the answer the model's greedy continuation?) or written (the model writes, and the last
    number counts: for models without log-likelihoods). `data` is drawn here (`count` of each kind, by `seed`) or the
    paper's own problems from the hub. Few-shot examples, 0 unless asked for, are other problems of the kind.
    """
    kinds = [str(name) for name in META["variants"]]
    if kind and kind not in kinds:
        raise unknown("kind of arithmetic", kind, kinds)
    if count < 1:
        raise UsageError("count must be at least 1", found=str(count))
    chosen = [kind] if kind else kinds
    method, scorer = _asked(form)
    return Task(
        name="arithmetic",
        data=tuple(_subset(name, data, count, seed) for name in chosen),
        sample=_sample,
        prompt=PromptFormat(answer=_answer, delimiter=""),
        method=method,
        scorers=(scorer,),
        metrics=scorer.metrics[:1],
        primary_metric=scorer.scores[0],
    )


def _asked(form: str) -> tuple[Method, Scorer]:
    if form == "likelihood":
        return choose(delimiter=""), prediction()
    return generate(max_tokens=16, stop=("\n",), gold=_answer), numeric()


def _subset(kind: str, data: str, count: int, seed: int) -> Subset:
    if data == "hub":
        return Subset(hub("EleutherAI/arithmetic", config=f"arithmetic_{kind}", split="validation"), groups=(kind,))
    rng = random.Random(f"{seed} {kind}")
    return Subset(rows([_problem(kind, rng) for _ in range(count)], name=kind), groups=(kind,))


def _problem(kind: str, rng: random.Random) -> Mapping[str, str]:
    """One problem with numbers drawn evenly, as in the paper: below 10**digits, or three digits from 1 to 9."""
    if kind == "1dc":
        a, b, c = (rng.randint(1, 9) for _ in range(3))
        inner, outer = rng.choice("+-*"), rng.choice("+-*")
        asked, result = f"({a} {inner} {b}) {outer} {c}", _computed(_computed(a, inner, b), outer, c)
    else:
        digits, operation = int(kind[0]), kind[2]
        a, b = rng.randrange(10**digits), rng.randrange(10**digits)
        asked = f"{a} {_WORDS[operation]} {b}"
        result = _computed(a, {"a": "+", "s": "-", "m": "*"}[operation], b)
    return {"context": f"Question: What is {asked}?\nAnswer:", "completion": f" {result}"}


def _computed(a: int, operation: str, b: int) -> int:
    return a + b if operation == "+" else a - b if operation == "-" else a * b


def _sample(row: Row) -> Sample:
    # The paper's files say "Q:" and "A:", after blank lines; lm-evaluation-harness spells them out.
    asked = row.values["context"].strip().replace("\n\n", "\n").replace("Q:", "Question:").replace("A:", "Answer:")
    completion = row.values["completion"]
    return Sample(row.id, asked, targets=(completion.strip(),), choices=(completion,), gold=(0,))


def _answer(sample: Sample) -> str:
    return sample.choices[0]
