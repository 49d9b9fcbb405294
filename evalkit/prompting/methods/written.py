"""A choice that the model writes: for models that give no log-likelihoods."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from evalkit.core import AskModel, Attempt, Capabilities, Choose, Generate, Method, Model, Prompt, Reply, Task, Usage
from evalkit.prompting.methods.stops import checked_stops
from evalkit.scoring.extraction.choices import LETTERS, choice
from evalkit.scoring.extraction.reading import Reading
from evalkit.scoring.extraction.replies import UNREADABLE, without_thought
from evalkit.scoring.metrics import mean

INSTRUCTION = "Reply with the letter of the right choice, and nothing else."
REASONED = (
    'Think step by step. Then end your reply with a line of the form "Answer: X", where X is the letter of the right '
    "choice."
)
_ANSWER_CUE = re.compile(r"\s*\bAnswer:\s*$")
_READ = frozenset({"accuracy", "classification"})
"""The scorers that can tell from a written choice what was chosen."""


@dataclass(frozen=True, slots=True)
class _WrittenChoice(AskModel):
    max_tokens: int
    stop: tuple[str, ...]
    reasoned: bool

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        choices = attempt.sample.choices
        prompt = lettered(attempt.prompt, choices, *((REASONED, "") if self.reasoned else ()))
        reply = await model.answer(Generate(prompt, max_tokens=self.max_tokens, stop=self.stop, repeat=attempt.repeat))
        return reply, _meant(reply, attempt.sample.choices)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        sample = attempt.sample
        text = sample.choices[sample.gold[0]] if sample.gold else ""
        reply = Reply(texts=(text,), finish=("stop",))
        return reply, reply


def written_choice(*, max_tokens: int = 64, stop: tuple[str, ...] = (), reasoned: bool = False) -> Method:
    """Ask for the letter of a choice, and read the choice from the text.

    If the choices are letters, the prompt contains them already; other choices are listed below it, one a line. The
    method returns two replies: the model's text, and the text of the choice that it means (empty if it names none),
    which scorers read. A reply that names a choice by its text counts as well. `reasoned` asks for thought first and
    the letter in the last line; give it room.
    """

    stop = checked_stops(stop)
    way = _WrittenChoice(max_tokens, tuple(stop), reasoned)
    settings = {"sampling": "greedy", "max_tokens": str(max_tokens), "stop": repr(tuple(stop))}
    if reasoned:
        settings["reasoned"] = "yes"
    return Method("written_choice", way, way.gold, frozenset({Generate}), settings)


def lettered(prompt: Prompt, choices: tuple[str, ...], instruction: str = INSTRUCTION, cue: str = "Answer:") -> Prompt:
    """The prompt with its choices listed by letter (where they are no letters themselves) and what to reply; `cue` ends
    a plain text."""
    listed = ""
    if not are_letters(choices):
        listed = "\n\n" + "\n".join(f"{letter}. {text.strip()}" for letter, text in zip(LETTERS, choices, strict=False))
    told = f"\n\n{instruction}" if instruction else ""
    if prompt.messages:
        return prompt.with_last_turn(lambda text: f"{_ANSWER_CUE.sub('', text)}{listed}{told}")
    question = _ANSWER_CUE.sub("", prompt.question)
    return replace(prompt, question=f"{question}{listed}{told}\n{cue}")


def are_letters(choices: tuple[str, ...]) -> bool:
    """Whether the choices are the letters A, B, C, … themselves, as of a prompt that lists them."""
    return tuple(choice.strip() for choice in choices) == tuple(LETTERS[: len(choices)])


def adapted(task: Task, capabilities: Capabilities) -> Task:
    """The task with its choices written, where the model gives no log-likelihoods and the scorers can read that."""
    if Choose in capabilities.requests or Generate not in capabilities.requests:
        return task
    return as_written(task, written_choice()) if is_read(task) else task


def is_read(task: Task) -> bool:
    """Whether the task's scorers can tell from a written choice what was chosen."""
    return all(scorer.name in _READ and not scorer.settings.get("unconditional") for scorer in task.scorers)


def as_written(task: Task, method: Method) -> Task:
    """The task by a method whose choices have no length: of `accuracy`'s metrics only `acc` is left."""
    unread = {"acc_norm", "acc_bytes"}
    scorers = tuple(
        replace(scorer, scores=("acc",), metrics=(mean("acc"),)) if scorer.name == "accuracy" else scorer
        for scorer in task.scorers
    )
    kept = tuple(metric for metric in task.metrics if metric.name not in unread)
    primary_metric = "acc" if task.primary_metric in unread else task.primary_metric
    return replace(task, method=method, scorers=scorers, metrics=kept, primary_metric=primary_metric)


def _meant(reply: Reply, choices: tuple[str, ...]) -> Reply:
    stripped = without_thought(reply)[0]
    unread: Reading[int] = Reading()
    read = unread if stripped.unterminated else choice(stripped.text, choices, lettered=True)
    text = "" if read.value is None else choices[read.value]
    # What was read is an answer, though the model may have gone on until its limit.
    finish = ("stop",) if read.value is not None else reply.finish[:1]
    notes = (*reply.notes, UNREADABLE) if read.unreadable else reply.notes
    return replace(reply, texts=(text,), finish=finish, usage=Usage(), seconds=0.0, notes=notes)
