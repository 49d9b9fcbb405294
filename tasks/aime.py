r"""AIME: the American Invitational Mathematics Examination of a year, 30 problems whose answers are whole numbers.

Data: MathArena/aime_2024_I, aime_2024_II, aime_2025 and aime_2026, CC-BY-NC-SA-4.0 (Balunović et al., 2025,
https://arxiv.org/abs/2505.23281). A row has these columns:

    {"problem_idx": 1, "problem": "Find the sum of all integer bases $b>9$ for which …", "answer": 70}

The prompt is MathArena's, byte for byte: its instruction for that year, a blank line, the problem. The answer is read
as evalkit reads mathematics: the last \boxed, else the last number.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Row, Sample, Sampling, Subset, Task
from evalkit.data import hub
from evalkit.prompting.chat import chat_task, in_a_box
from evalkit.scoring.scorers.math_equal import math_equal

META = {
    "name": "aime",
    "summary": "30 competition problems of a year, by the whole number in the box; year=2024, 2025 or 2026",
    "tags": ["math", "reasoning", "chat", "english", "unverified"],
    "variants": ["year=2024", "year=2025", "year=2026"],
}

_BOX = "put your final answer within \\boxed{}.\nThe answer is an integer between 0 and 999 inclusive."
_INSTRUCTION = {"2024": f"Please reason step by step, and {_BOX}", "2025": f"P{_BOX[1:]}", "2026": f"P{_BOX[1:]}"}
_SETS = {"2024": ("aime_2024_I", "aime_2024_II"), "2025": ("aime_2025",), "2026": ("aime_2026",)}


def task(*, year: Literal["2024", "2025", "2026"] = "2025", max_tokens: int = 32768) -> Task:
    """The problems of both sittings of a year. `max_tokens` bounds thought and answer together."""

    def sample(row: Row) -> Sample:
        return _sample(row, _INSTRUCTION[year])

    return chat_task(
        "aime",
        tuple(Subset(hub(f"MathArena/{name}", split="train")) for name in _SETS[year]),
        sample,
        (math_equal(),),
        max_tokens=max_tokens,
        gold=in_a_box,
        primary="math_verify",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768, samples=64),
    )


def _sample(row: Row, instruction: str) -> Sample:
    values = row.values
    return Sample(row.id, f"{instruction}\n\n{values['problem']}", targets=(str(int(values["answer"])),))
