"""One grade on a scale of whole numbers: the number that a judge writes, or the mean over what it might write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evalkit.core import Model, UsageError
from evalkit.judging.ask import JudgeReply, Sampling, ask
from evalkit.judging.logprob_grades import weigh
from evalkit.judging.verdict_reader import read_number
from evalkit.scoring.extraction.reading import Reading

How = Literal["text", "likelihoods", "samples"]


@dataclass(frozen=True, slots=True)
class Grading:
    """The scale from `low` to `high`, and how a grade is had.

    how: "text" takes the number that the judge writes; "likelihoods" the mean of the scale weighted with the
    probability of each number; "samples" the mean of `samples` replies at temperature 1 (both are G-Eval's,
    Liu et al. 2023, arXiv 2303.16634). Raises UsageError for a scale that is none.
    """

    low: int = 1
    high: int = 10
    how: How = "text"
    samples: int = 20
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        if self.low >= self.high or self.low < 0:
            raise UsageError("a scale begins at 0 or above and ends higher", found=f"{self.low} to {self.high}")

    @property
    def settings(self) -> dict[str, str]:
        """What stands of it in a signature."""
        told = {"scale": f"{self.low}–{self.high}", "how": self.how}
        return told | ({"samples": str(self.samples)} if self.how == "samples" else {})


async def grade(model: Model, text: str, grading: Grading) -> JudgeReply[float]:
    """The grade that the model gives to what `text` shows."""
    if grading.how == "likelihoods":
        return await _expected(model, text, grading)
    if grading.how == "text":
        return await _written(model, text, grading, Sampling(grading.max_tokens))
    tries = [
        await _written(model, text, grading, Sampling(grading.max_tokens, 1.0, seed=n, repeat=n))
        for n in range(grading.samples)
    ]
    read = [one.value for one in tries if one.value is not None]
    said = tuple(reply for one in tries for reply in one.replies)
    calls = tuple(call for one in tries for call in one.calls)
    if len(read) * 2 < grading.samples:
        return JudgeReply(None, f"only {len(read)} of {grading.samples} replies could be read", said, calls=calls)
    return JudgeReply(sum(read) / len(read), "", said, calls=calls)


async def _written(model: Model, text: str, grading: Grading, sampling: Sampling) -> JudgeReply[float]:
    low, high = grading.low, grading.high

    def read(reply: str, cut: bool) -> Reading[float]:
        return read_number(reply, low, high, cut=cut)

    form = (
        "Explain in a few sentences, then end with one line and nothing after it:\n"
        f"`Rating: N`, where N is a whole number from {low} to {high}."
    )
    return await ask(model, text, read, form=form, schema=_schema(low, high), sampling=sampling)


async def _expected(model: Model, text: str, grading: Grading) -> JudgeReply[float]:
    """Σ s·p(s) / Σ p(s) over the numbers of the scale."""
    scale = range(grading.low, grading.high + 1)

    def read(reply: str, cut: bool) -> Reading[str]:
        found = read_number(reply, grading.low, grading.high, cut=cut)
        return Reading(problem=found.problem) if found.value is None else Reading(f"{found.value:.0f}")

    asked = await weigh(model, text, "Rating", tuple(map(str, scale)), read, fix="how=samples")
    mean = None if asked.value is None else sum(s * w for s, w in zip(scale, asked.value, strict=True))
    return asked.about(mean)


def _schema(low: int, high: int) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "rating": {"type": "integer", "minimum": low, "maximum": high},
        },
        "required": ["reasoning", "rating"],
        "additionalProperties": False,
    }
