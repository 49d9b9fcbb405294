"""Whether an answer is the gold one by a judge, and how sure the answer was of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.core import Judge, Model, Reply, Sample, Score, Validity, Verdict
from evalkit.judging.ask import Sampling, ask
from evalkit.judging.json_objects import ending_object
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, questions_of, reference_of, unjudged
from evalkit.scoring.extraction.reading import Reading

_SCHEMA = {
    "type": "object",
    "properties": {
        "extracted_final_answer": {"type": "string"},
        "reasoning": {"type": "string"},
        "correct": {"type": "string", "enum": ["yes", "no"]},
        "confidence": {"type": "integer"},
    },
    "required": ["extracted_final_answer", "reasoning", "correct", "confidence"],
    "additionalProperties": False,
}
_CORRECT = re.compile(r"^[ \t*]*correct[ \t*]*:[ \t*]*(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_CONFIDENCE = re.compile(r"^[ \t*]*confidence[ \t*]*:[ \t*]*(\d{1,3})\b", re.IGNORECASE | re.MULTILINE)
_ANSWER = re.compile(r"^[ \t*]*extracted_final_answer[ \t*]*:[ \t*]*(.*)$", re.IGNORECASE | re.MULTILINE)
_SURE = 100.0


@dataclass(frozen=True, slots=True)
class _Found:
    correct: bool
    confidence: float
    answer: str


@dataclass(frozen=True, slots=True)
class _Equal(Decide):
    text: PromptText
    form: str
    max_tokens: int

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        answer = answers_of(replies)[-1]
        if not answer:
            return Verdict((Score("correct", 0.0),), "there is no answer", Validity.NO_ANSWER)
        told = {"question": _asked(sample), "correct_answer": reference_of(sample), "response": answer}
        sampling = Sampling(self.max_tokens)
        asked = await ask(model, self.text.render(told), _read, form=self.form, schema=_SCHEMA, sampling=sampling)
        if asked.value is None:
            return unjudged(asked.problem, (asked,))
        found = asked.value
        counts = (found.confidence / 100.0, float(found.correct))
        return decided((Score("correct", float(found.correct), answer=found.answer, counts=counts),), (asked,))


def equality(name: str, prompt: PromptText, form: str, *, max_tokens: int = 4096, version: int = 1) -> Judge:
    """A judge that says whether a reply's final answer is the gold one: `correct`, 0 or 1.

    `prompt` is filled with `question`, `response` and `correct_answer`; `form` ends it. The score's counts are
    (confidence from 0 to 1, correct): the confidence that the reply states, 1 where it states none. A verdict without
    yes or no is unjudged.
    """
    settings = {"prompt": prompt.digest, "form": form}
    return judge_of(name, _Equal(prompt, form, max_tokens), scores=("correct",), settings=settings, version=version)


def _asked(sample: Sample) -> str:
    """The question without the system's words."""
    if isinstance(sample.input, str):
        return sample.input
    users = [str(message.content) for message in sample.input if message.role == "user"]
    return users[-1] if users else questions_of(sample, 1)[0]


def _read(text: str, cut: bool) -> Reading[_Found]:
    found, _ = ending_object(text)
    if found is not None:
        said, sure, answer = found.get("correct"), found.get("confidence"), found.get("extracted_final_answer")
    else:
        lines = [_CORRECT.findall(text), _CONFIDENCE.findall(text), _ANSWER.findall(text)]
        said, sure, answer = (each[-1] if each else None for each in lines)
        if len({one.lower() for one in lines[0]}) > 1:
            return Reading(problem="it holds two verdicts")
    word = str(said).strip().lower()
    if isinstance(said, bool) or word not in ("yes", "no"):
        return Reading(problem="the reply was cut at its token limit" if cut else "no 'correct: yes' or 'correct: no'")
    number = float(str(sure)) if str(sure).isdigit() else _SURE
    return Reading(_Found(word == "yes", min(number, _SURE), str(answer or "")))
