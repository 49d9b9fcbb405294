r"""HMMT: the Harvard-MIT Mathematics Tournament, about 30 problems a sitting whose answers are numbers or formulas.

Data: MathArena/hmmt_feb_2024, hmmt_feb_2025, hmmt_nov_2025 and hmmt_feb_2026, CC-BY-NC-SA-4.0 (Balunović et al., 2025,
https://arxiv.org/abs/2505.23281). A row has these columns, and `problem_type`, a list of subjects, where it is known:

    {"problem_idx": 1, "problem": "Compute the sum of the positive divisors …", "answer": "103",
     "problem_type": ["Number Theory"]}

The prompt is MathArena's, byte for byte: its instruction for that sitting, a blank line, the problem. evalkit compares
answers as mathematics (math-verify); MathArena has another parser.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Row, Sample, Sampling, Subset, Task
from evalkit.data import hub
from evalkit.prompting.chat import chat_task, in_a_box
from evalkit.scoring.scorers.math_equal import math_equal

META = {
    "name": "hmmt",
    "summary": "a tournament's problems, by mathematical equality of the answer in the box",
    "tags": ["math", "reasoning", "chat", "english", "unverified"],
    "variants": ["sitting=feb_2024", "sitting=feb_2025", "sitting=nov_2025", "sitting=feb_2026"],
}

Sitting = Literal["feb_2024", "feb_2025", "nov_2025", "feb_2026"]


def task(*, sitting: Sitting = "feb_2025", max_tokens: int = 32768) -> Task:
    """The problems of one sitting. `max_tokens` bounds thought and answer together."""
    instruction = "Put your final answer within \\boxed{}."
    if sitting == "feb_2024":
        instruction = "Please reason step by step, and put your final answer within \\boxed{}."

    def sample(row: Row) -> Sample:
        return _sample(row, instruction)

    return chat_task(
        "hmmt",
        (Subset(hub(f"MathArena/hmmt_{sitting}", split="train")),),
        sample,
        (math_equal(),),
        max_tokens=max_tokens,
        gold=in_a_box,
        primary="math_verify",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768, samples=16),
    )


def _sample(row: Row, instruction: str) -> Sample:
    values = row.values
    subjects = values.get("problem_type") or ()
    return Sample(
        row.id,
        f"{instruction}\n\n{values['problem']}",
        targets=(str(values["answer"]),),
        groups=tuple(str(subject) for subject in subjects),
    )
