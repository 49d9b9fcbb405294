"""What is judged: a model's answers by key, from any JSONL file; `runs.judged_outputs` has those of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.core import Message, Reply, Sample, UsageError

_QUESTION = ("question", "instruction", "prompt", "input", "turns")
_ANSWER = ("answer", "output", "response", "completion", "answers", "outputs", "choices")
_ID = ("id", "question_id", "instruction_id", "idx")
_MODEL = ("model", "generator", "model_id")
_GROUP = ("category", "dataset", "group", "subject")


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """One model's answer to one sample, a reply for every turn."""

    sample: Sample
    replies: tuple[Reply, ...]

    @property
    def length(self) -> int:
        """Its length in characters, all turns together."""
        return sum(len(reply.texts[0]) for reply in self.replies if reply.texts)


@dataclass(frozen=True, slots=True)
class Outputs:
    """A model's answers by key. `unusable` counts records without a reply, which nothing can judge; `tasks` says of
    which task each is, where they are of several."""

    name: str
    answers: Mapping[str, JudgedAnswer]
    unusable: int = 0
    place: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)


def read_file(path: Path) -> Outputs:
    """The answers in a JSONL file.

    A line of JSONL has a question (`question`, `instruction`, or `turns`, a list), an answer (`answer`, `output`, or
    `answers`, one a turn), and, where it likes, `id`, `model`, `category` and `reference`. Without ids lines are
    told by their question. Raises UsageError with the line for what is no such row, and for an id that occurs twice.
    """
    if not path.is_file():
        raise UsageError(f"{path} is neither a run nor a file", fix="evalkit show lists the runs")
    answers: dict[str, JudgedAnswer] = {}
    names: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            key, name, answer = _of_line(line, f"{path}:{number}")
            if key in answers:
                raise UsageError(f"the id {key!r} occurs twice", at=f"{path}:{number}")
            answers[key] = answer
            names.add(name)
    if not answers:
        raise UsageError("the file holds no answers", at=str(path))
    if len(names) > 1:
        raise UsageError("the file holds answers of several models", found=", ".join(sorted(names)[:4]), at=str(path))
    return Outputs(names.pop() or path.stem, answers, place=str(path))


def shared(outputs: Sequence[Outputs]) -> list[str]:
    """The keys that all have, in the first one's order; UsageError where there are none or questions differ."""
    keys = [key for key in outputs[0].answers if all(key in one.answers for one in outputs[1:])]
    names = " and ".join(one.place for one in outputs)
    if not keys:
        raise UsageError(f"{names} share no samples", fix="runs of the same task, or files with the same ids")
    for key in keys:
        asked = {_asked(one.answers[key].sample) for one in outputs}
        if len(asked) > 1:
            raise UsageError(f"the sample {key!r} is another question in {names}", fix="runs of the same data")
    if len({one.name for one in outputs}) != len(outputs):
        raise UsageError("two of the models have one name", found=", ".join(one.name for one in outputs))
    return keys


def _asked(sample: Sample) -> str:
    """The question; of an image its digest, since every run keeps a copy in its own place."""
    if isinstance(sample.input, str):
        return sample.input
    turns = [(turn.role, turn.content, [image.digest for image in turn.images]) for turn in sample.input]
    return repr(turns)


def _of_line(line: str, at: str) -> tuple[str, str, JudgedAnswer]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UsageError("the line is not JSON", found=str(error), at=at) from None
    if not isinstance(row, dict):
        raise UsageError("the line is not a JSON object", found=type(row).__name__, at=at)
    questions = _texts(_first(row, _QUESTION), at, "question")
    texts = _texts(_answer(row), at, "answer")
    if not questions or not texts:
        missing, names = ("question", _QUESTION) if not questions else ("answer", _ANSWER)
        raise UsageError(f"the row has no {missing}", found=", ".join(row), fix="one of " + ", ".join(names), at=at)
    group = _first(row, _GROUP)
    reference = _first(row, ("reference", "references", "target"))
    sample = Sample(
        str(_first(row, _ID) if _first(row, _ID) is not None else questions[0]),
        (Message("user", questions[0]),) if len(questions) > 1 else questions[0],
        groups=() if group is None else (str(group),),
        data={"turns": list(questions)} | ({} if reference in (None, [], "") else {"reference": reference}),
    )
    replies = tuple(Reply((text,), ("stop",)) for text in texts)
    return sample.id, str(_first(row, _MODEL) or ""), JudgedAnswer(sample, replies)


def _answer(row: Mapping[str, Any]) -> Any:
    """An answer; MT-Bench's own files keep the turns in the first of `choices`."""
    found = _first(row, _ANSWER)
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return found[0].get("turns")
    return found


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _texts(value: Any, at: str, what: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(text, str) for text in listed):
        raise UsageError(f"the {what} is neither a text nor a list of texts", found=repr(value)[:80], at=at)
    return tuple(listed)
