"""The judge of single answers on a scale from 1 to k: the number it writes, or the mean over what it might write."""

from __future__ import annotations

import math
from typing import Literal

from evalkit.core import Choose, Judge, Model, ModelError, Prompt, Reply, Sample, Score, UsageError, Verdict
from evalkit.judging.asking import Asked, Sampling, ask
from evalkit.judging.fencing import conversation, fenced, nonce
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import answers_of, judge_of, questions_of, reference_of, unjudged
from evalkit.judging.reading import Reading, read_number

How = Literal["text", "likelihoods", "samples"]


def rating(
    name: str,
    prompt: PromptText,
    *,
    low: int = 1,
    high: int = 10,
    how: How = "text",
    samples: int = 20,
    turn: Literal["whole", "each"] = "whole",
    turns: int = 0,
    values: dict[str, str] | None = None,
    max_tokens: int = 1024,
    version: int = 1,
) -> Judge:
    """A judge that rates an answer from `low` to `high`; the score is `rating`, on that scale.

    how: "text" takes the number that the judge writes; "likelihoods" the mean of the scale weighted with the
    probability of each number as the next token; "samples" the mean of `samples` replies at temperature 1 (both are
    G-Eval's, Liu et al. 2023, arXiv 2303.16634). turn: "each" judges every turn of a conversation with all before it;
    the scores are then `rating`, the mean, and `turn_1`, `turn_2`, …, of which `turns` are told of in reports.
    """
    if low >= high or low < 0:
        raise UsageError("a scale begins at 0 or above and ends higher", found=f"{low} to {high}")
    given = values or {}

    async def decide(model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        answers = answers_of(replies)
        if not answers:
            raise ValueError("there is no answer to rate")
        spans = range(1, len(answers) + 1) if turn == "each" else (len(answers),)
        asked = [await _rate(model, _text(prompt, sample, answers[:n], given, (low, high))) for n in spans]
        said = tuple(reply for one in asked for reply in one.replies)
        unread = [f"turn {n}: {one.problem}" for n, one in zip(spans, asked, strict=True) if one.value is None]
        if unread:
            return unjudged("; ".join(unread) if turn == "each" else asked[-1].problem, said)
        read = [one.value for one in asked if one.value is not None]
        scores = [Score("rating", sum(read) / len(read), answer=" ".join(f"{value:g}" for value in read))]
        if turn == "each":
            scores += [Score(f"turn_{n}", value) for n, value in zip(spans, read, strict=True)]
        return Verdict(tuple(scores), "\n\n".join(one.text for one in asked), replies=said)

    async def _rate(model: Model, text: str) -> Asked[float]:
        if how == "likelihoods":
            return await _expected(model, text, low, high)
        if how == "text":
            return await _written(model, text, Sampling(max_tokens))
        tries = [await _written(model, text, Sampling(max_tokens, 1.0, seed=n, repeat=n)) for n in range(samples)]
        read = [one.value for one in tries if one.value is not None]
        said = tuple(reply for one in tries for reply in one.replies)
        if len(read) * 2 < samples:
            return Asked(None, f"only {len(read)} of {samples} replies could be read", said)
        return Asked(sum(read) / len(read), "", said)

    async def _written(model: Model, text: str, sampling: Sampling) -> Asked[float]:
        def read(reply: str, cut: bool) -> Reading[float]:
            return read_number(reply, low, high, cut=cut)

        return await ask(model, text, read, form=_words(low, high), schema=_schema(low, high), sampling=sampling)

    settings = {"prompt": prompt.digest, "scale": f"{low}–{high}", "how": how, "turn": turn, **given}
    if how == "samples":
        settings["samples"] = str(samples)
    names = ("rating", *(f"turn_{n}" for n in range(1, turns + 1)))
    return judge_of(name, decide, scores=names, settings=settings, version=version, scale="number")


def _text(
    prompt: PromptText, sample: Sample, answers: tuple[str, ...], given: dict[str, str], scale: tuple[int, int]
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
        "low": scale[0],
        "high": scale[1],
        "nonce": mark,
    }
    return prompt.render({**told, **given})


def _words(low: int, high: int) -> str:
    return (
        "Explain in a few sentences, then end with one line and nothing after it:\n"
        f"`Rating: N`, where N is a whole number from {low} to {high}."
    )


async def _expected(model: Model, text: str, low: int, high: int) -> Asked[float]:
    """Σ s·p(s) / Σ p(s) over the numbers of the scale as continuations of "Rating:"."""
    if Choose not in model.capabilities.requests:
        raise UsageError(f"{model.identity.name} gives no log-likelihoods", fix="how=samples")
    scale = range(low, high + 1)
    try:
        reply = await model.answer(Choose(Prompt(f"{text.rstrip()}\n\nRating:"), tuple(map(str, scale))))
    except ModelError as error:
        return Asked(None, f"the judge's model failed: {error}")
    top = max(reply.loglikelihoods)
    if not math.isfinite(top):
        return Asked(None, "no number of the scale has a likelihood", (reply,))
    weights = [math.exp(value - top) for value in reply.loglikelihoods]
    return Asked(sum(s * w for s, w in zip(scale, weights, strict=True)) / sum(weights), "", (reply,))


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
