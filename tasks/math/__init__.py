r"""MATH: problems of high-school competitions with solutions, in seven subjects and five levels; and its 500.

Paper: https://arxiv.org/abs/2103.03874 (Hendrycks et al., 2021); MATH-500 is the subset of Lightman et al. 2023,
https://arxiv.org/abs/2305.20050. Data: EleutherAI/hendrycks_math and HuggingFaceH4/MATH-500, MIT licence. One row:

    {"problem": "If $2x+3=7$, what is $x$?", "level": "Level 1", "type": "Algebra",
     "solution": "Subtracting gives $2x=4$, so $x=\\boxed{2}$."}

The form `minerva` is that of Minerva (https://arxiv.org/abs/2206.14858) as lm-evaluation-harness asks it; its four
few-shot examples are not kept here: `examples` is a file that holds them, or others. `boxed` asks for the answer in a
box, as reports on chat models do.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Sampling, Source, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import files, hub, where
from evalkit.prompting.methods import generate
from evalkit.scoring.extraction import last_boxed
from evalkit.scoring.scorers.math_equal import math_equal

META = {
    "name": "math",
    "summary": "competition mathematics, by symbolic equality of the final answer; set=math500 for the 500",
    "tags": ["math", "reasoning", "english"],
    "variants": [
        "algebra",
        "counting_and_probability",
        "geometry",
        "intermediate_algebra",
        "number_theory",
        "prealgebra",
        "precalculus",
    ],
}


# As DeepSeek-R1 is measured: https://github.com/deepseek-ai/DeepSeek-R1#4-evaluation-results
_BOXED = Sampling(temperature=0.6, top_p=0.95, max_tokens=32768, samples=64)


def task(
    *,
    set: Literal["math", "math500"] = "math",  # noqa: A002 - what people call it
    subject: str = "",
    form: Literal["minerva", "boxed"] = "minerva",
    examples: str = "",
    max_tokens: int = 1024,
) -> Task:
    """MATH's 5,000 test problems, those of one subject, or MATH-500.

    `examples` is a file of few-shot examples (columns `problem` and `solution`), shown in order, all four of them
    unless
    --num-fewshot says otherwise. Without it none are shown, and more come from the training set.
    """
    subjects = [str(name) for name in META["variants"]]
    if subject and subject not in subjects:
        raise unknown("subject of MATH", subject, subjects)
    shown = files(examples) if examples else None
    return Task(
        name="math",
        data=_subsets(set, [subject] if subject else subjects, shown),
        sample=_sample,
        prompt=PromptFormat(question=_minerva if form == "minerva" else _in_a_box, answer=_worked),
        method=generate(max_tokens=max_tokens, stop=("Problem:",) if form == "minerva" else (), gold=_worked),
        scorers=(math_equal(),),
        fewshot=Fewshot(4, "first") if examples else Fewshot(),
        primary_metric="math_verify",
        recommended=_BOXED if form == "boxed" else Sampling(),
    )


def _subsets(which: str, subjects: list[str], shown: Source | None) -> tuple[Subset, ...]:
    if which == "math500":
        chosen = hub("HuggingFaceH4/MATH-500", split="test")
        if len(subjects) == 1:
            chosen = where(chosen, "subject", _titled(subjects[0]))
        return (Subset(chosen, examples=shown),)
    name = "EleutherAI/hendrycks_math"
    return tuple(
        Subset(
            rows=hub(name, config=subject, split="test"),
            examples=shown or hub(name, config=subject, split="train"),
        )
        for subject in subjects
    )


def _titled(subject: str) -> str:
    """A subject as the rows write it: "Counting & Probability"."""
    return subject.replace("_and_", " & ").replace("_", " ").title()


def _sample(row: Row) -> Sample:
    values = row.values
    solution = values["solution"]
    answer = values.get("answer") or last_boxed(solution)
    if not answer:
        raise ValueError("the solution has no \\boxed answer")
    subject = values.get("type") or values.get("subject")
    level = str(values.get("level", ""))
    if level.isdigit():
        level = f"Level {level}"
    return Sample(
        id=str(values.get("unique_id") or row.id),
        input=values["problem"],
        targets=(answer,),
        groups=tuple(filter(None, (subject, level))),
        data={"solution": solution},
    )


def _minerva(sample: Sample) -> str:
    return f"Problem:\n{sample.input}\n\nSolution:"


def _in_a_box(sample: Sample) -> str:
    return f"{sample.input}\n\nThink step by step, and put the final answer within \\boxed{{}}."


def _worked(sample: Sample) -> str:
    """The solution with Minerva's closing sentence."""
    solution = str(sample.data["solution"])
    if "Final Answer:" in solution:
        return solution
    return f"{solution}\nFinal Answer: The final answer is ${sample.targets[0]}$. I hope it is correct."
