"""The judge of single answers on a scale from 1 to k, of a whole conversation or turn by turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Judge, Model, Reply, Sample, Score, Verdict
from evalkit.judging.fencing import conversation, fenced, nonce
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, questions_of, reference_of, unjudged
from evalkit.judging.single_grade import Grading, grade

ONE_TO_TEN = Grading()


@dataclass(frozen=True, slots=True)
class _Rate(Decide):
    prompt: PromptText
    grading: Grading
    turn: Literal["whole", "each"]
    given: Mapping[str, str]

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        answers = answers_of(replies)
        if not answers:
            raise ValueError("there is no answer to rate")
        spans = range(1, len(answers) + 1) if self.turn == "each" else (len(answers),)
        asked = [
            await grade(model, _text(self.prompt, sample, answers[:n], self.given, self.grading), self.grading)
            for n in spans
        ]
        unread = [f"turn {n}: {one.problem}" for n, one in zip(spans, asked, strict=True) if one.value is None]
        if unread:
            return unjudged("; ".join(unread) if self.turn == "each" else asked[-1].problem, asked)
        notes = tuple(dict.fromkeys(one.note for one in asked if one.note))
        read = [one.value for one in asked if one.value is not None]
        scores = [Score("rating", sum(read) / len(read), answer=" ".join(f"{value:g}" for value in read), flags=notes)]
        if self.turn == "each":
            scores += [Score(f"turn_{n}", value) for n, value in zip(spans, read, strict=True)]
        return decided(scores, asked)


def rating(
    name: str,
    prompt: PromptText,
    grading: Grading = ONE_TO_TEN,
    *,
    turn: Literal["whole", "each"] = "whole",
    turns: int = 0,
    values: Mapping[str, str] | None = None,
    version: int = 1,
) -> Judge:
    """A judge that grades an answer; the score is `rating`, on the scale of `grading`.

    turn: "each" judges every turn of a conversation with all before it; the scores are then `rating`, the mean, and
    `turn_1`, `turn_2`, …, of which `turns` are told of in reports. `values` go to the prompt by name.
    """
    given = dict(values or {})
    decide = _Rate(prompt, grading, turn, given)

    settings = {"prompt": prompt.digest, **grading.settings, "turn": turn, **given}
    names = ("rating", *(f"turn_{n}" for n in range(1, turns + 1)))
    ends = (float(grading.low), float(grading.high))
    return judge_of(name, decide, scores=names, settings=settings, version=version, scale="number", ends=ends)


def _text(
    prompt: PromptText, sample: Sample, answers: tuple[str, ...], given: Mapping[str, str], grading: Grading
) -> str:
    questions = questions_of(sample, len(answers))
    reference = reference_of(sample, turns=len(answers))
    mark = nonce(sample.id, *questions, reference, "answer", *answers)
    several = len(answers) > 1
    told = {
        "question": "\n".join(fenced(question, "question", mark) for question in questions),
        "answer": conversation(questions, answers, "answer", mark) if several else fenced(answers[0], "answer", mark),
        "reference": fenced(reference, "reference", mark) if reference else "",
        "turns": len(answers),
        "low": grading.low,
        "high": grading.high,
        "nonce": mark,
    }
    return prompt.render({**told, **given})
