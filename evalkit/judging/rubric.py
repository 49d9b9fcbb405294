"""The rubric judge: named criteria with described levels and weights, one level each, a weighted total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import Judge, Model, Reply, Sample, Score, UsageError, Verdict
from evalkit.judging.ask import Sampling, ask
from evalkit.judging.fencing import conversation, fenced, nonce
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, questions_of, reference_of, unjudged
from evalkit.judging.verdict_reader import read_levels
from evalkit.scoring.extraction.reading import Reading


@dataclass(frozen=True, slots=True)
class Criterion:
    """What is judged, on whole levels, each with what it means. `weight` is relative to the other criteria's."""

    name: str
    question: str
    levels: tuple[tuple[int, str], ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        numbers = [level for level, _ in self.levels]
        if len(set(numbers)) != len(numbers) or len(numbers) < 2:
            raise UsageError(f"the criterion {self.name!r} needs two levels or more, each once", found=str(numbers))
        if not self.weight > 0:
            raise UsageError(f"the weight of {self.name!r} must be above 0", found=f"{self.weight:g}")

    def proportion(self, level: int) -> float:
        """A level as a proportion of the way from the lowest to the highest one, 0 to 1."""
        numbers = [number for number, _ in self.levels]
        return (level - min(numbers)) / (max(numbers) - min(numbers))


DEFAULT_PROMPT = Path(__file__).with_name("rubric.txt")


@dataclass(frozen=True, slots=True)
class _GradeCriteria(Decide):
    name: str
    criteria: tuple[Criterion, ...]
    text: PromptText
    reference: bool
    scales: Mapping[str, tuple[int, ...]]
    max_tokens: int

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        def read(reply: str, cut: bool) -> Reading[dict[str, int]]:
            return read_levels(reply, self.scales, cut=cut)

        rendered = _text(self.text, sample, answers_of(replies), self.criteria, self.reference)
        sampling = Sampling(self.max_tokens)
        asked = await ask(
            model, rendered, read, form=_words(self.criteria), schema=_schema(self.criteria), sampling=sampling
        )
        if asked.value is None:
            return unjudged(asked.problem, (asked,))
        proportions = {c.name: c.proportion(asked.value[c.name]) for c in self.criteria}
        total = sum(c.weight * proportions[c.name] for c in self.criteria) / sum(c.weight for c in self.criteria)
        said = " ".join(f"{criterion}={level}" for criterion, level in asked.value.items())
        scores = [Score(self.name, total, answer=said)]
        scores += [Score(c.name, proportions[c.name], answer=str(asked.value[c.name])) for c in self.criteria]
        return decided(scores, (asked,))


def rubric(
    name: str,
    criteria: tuple[Criterion, ...],
    *,
    prompt: PromptText | None = None,
    reference: bool = False,
    max_tokens: int = 2048,
    version: int = 1,
) -> Judge:
    """A judge that gives every criterion a level.

    Scores: `<name>` for the weighted mean of the criteria's shares (0 lowest, 1 highest level of each), and one for
    every criterion by its name, its proportion. With `reference` the sample's reference answer is shown. A reply that
    lacks a criterion, or has one off its scale, is unjudged as a whole.
    """
    if not criteria or len({criterion.name for criterion in criteria}) != len(criteria):
        raise UsageError(f"the rubric {name!r} needs criteria, each name once")
    if name in {criterion.name for criterion in criteria}:
        raise UsageError(f"a criterion has the rubric's own name {name!r}", fix="rename one: that name is the total")
    text = prompt or PromptText(DEFAULT_PROMPT.read_text(encoding="utf-8"), str(DEFAULT_PROMPT))
    scales = {c.name: tuple(level for level, _ in c.levels) for c in criteria}
    decide = _GradeCriteria(name, criteria, text, reference, scales, max_tokens)

    settings = {"prompt": text.digest, "criteria": "/".join(f"{c.name}×{c.weight:g}" for c in criteria)}
    if reference:
        settings["reference"] = "yes"
    names = (name, *scales)
    return judge_of(name, decide, scores=names, settings=settings, version=version)


def _text(
    prompt: PromptText, sample: Sample, answers: tuple[str, ...], criteria: tuple[Criterion, ...], reference: bool
) -> str:
    questions = questions_of(sample, len(answers))
    shown = reference_of(sample, turns=len(answers)) if reference else ""
    if reference and not shown:
        raise ValueError("the rubric compares with a reference, and the sample has none")
    mark = nonce(sample.id, *questions, shown, "answer", *answers)
    several = len(answers) > 1
    return prompt.render(
        {
            "question": "\n".join(fenced(question, "question", mark) for question in questions),
            "answer": conversation(questions, answers, "answer", mark)
            if several
            else fenced(answers[0], "answer", mark),
            "reference": fenced(shown, "reference", mark) if shown else "",
            "criteria": criteria,
            "nonce": mark,
        }
    )


def _words(criteria: tuple[Criterion, ...]) -> str:
    fields = ", ".join(f'"{criterion.name}": <level>' for criterion in criteria)
    return (
        "Reply with one JSON object and nothing after it, your reasons first:\n"
        f'{{"reasoning": "…", "levels": {{{fields}}}}}'
    )


def _schema(criteria: tuple[Criterion, ...]) -> dict[str, object]:
    levels = {c.name: {"type": "integer", "enum": [level for level, _ in c.levels]} for c in criteria}
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "levels": {
                "type": "object",
                "properties": levels,
                "required": list(levels),
                "additionalProperties": False,
            },
        },
        "required": ["reasoning", "levels"],
        "additionalProperties": False,
    }
