"""How likely each of a few short replies is: what soft preferences and weighted grades are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evalkit.core import Choose, Message, Model, ModelError, Prompt, Reply, UsageError
from evalkit.judging.asking import Asked
from evalkit.judging.transcripts import Call

Weights = tuple[float, ...]


async def weigh(model: Model, text: str, head: str, alternatives: Sequence[str], *, fix: str) -> Asked[Weights]:
    """The probabilities of `alternatives` after "<head>:", made to sum to 1, by the model's log-likelihoods.

    Raises UsageError, with `fix`, for a model that gives none.
    """
    if Choose not in model.capabilities.requests:
        raise UsageError(f"{model.identity.name} gives no log-likelihoods", fix=fix)
    asked = f"{text.rstrip()}\n\n{head}:"
    call = Call((Message("user", asked),), model=model.identity.name)
    try:
        reply = await model.answer(Choose(Prompt(asked), tuple(alternatives)))
    except ModelError as error:
        return _unread(call, f"the judge's model failed: {error}")
    return _read(call, reply, alternatives, reply.loglikelihoods, f"no {head.lower()} has a likelihood")


def _read(
    call: Call, reply: Reply, alternatives: Sequence[str], values: Sequence[float], problem: str
) -> Asked[Weights]:
    top = max(values, default=-math.inf)
    if not math.isfinite(top):
        return _unread(call, problem, reply)
    raw = [math.exp(value - top) for value in values]
    weights = tuple(weight / sum(raw) for weight in raw)
    said = ", ".join(f"{name}: {weight:.4g}" for name, weight in zip(alternatives, weights, strict=True))
    told = Call(call.messages, reply=f"(probabilities) {said}", verdict=said, model=call.model)
    return Asked(weights, "", (reply,), calls=(told,))


def _unread(call: Call, problem: str, *replies: Reply) -> Asked[Weights]:
    told = Call(call.messages, call.reply, problem=problem, model=call.model)
    return Asked(None, problem, replies, calls=(told,))
