"""How likely each of a few short replies is: what soft preferences and weighted grades are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from evalkit.core import Choose, Generate, Message, Model, ModelError, Prompt, Reply, UsageError
from evalkit.judging.ask import JudgeReply
from evalkit.judging.transcripts import JudgeCall

Weights = tuple[float, ...]


MOST_ALTERNATIVES = 20
"""As many of the likeliest tokens are asked for: the most that OpenAI gives."""
LEAST = 0.5
"""With less of the probability on the alternatives than this, the model was about to say something else."""
_AROUND = " \t\n*_`\"'[](){}:."


async def weigh(model: Model, text: str, head: str, alternatives: Sequence[str], *, fix: str) -> JudgeReply[Weights]:
    """The probabilities of `alternatives`, made to sum to 1.

    A model that scores continuations is asked for them after "<head>:"; one that writes, and gives the likeliest tokens
    at each place, writes one of them, and the place where it does is read. Raises UsageError, with `fix`, for a model
    that does neither, and for alternatives of which one begins another ("1" and "10"), which tokens do not tell apart.
    """
    if Choose in model.capabilities.requests:
        return await _scored(model, f"{text.rstrip()}\n\n{head}:", head, alternatives)
    if "logprobs" not in model.capabilities.features:
        raise UsageError(f"{model.identity.name} gives no log-likelihoods", fix=fix)
    if any(one != two and two.startswith(one) for one in alternatives for two in alternatives):
        raise UsageError("of what this model writes, 1 and 10 begin alike", found=", ".join(alternatives), fix=fix)
    return await _written(model, text, alternatives)


async def _scored(model: Model, asked: str, head: str, alternatives: Sequence[str]) -> JudgeReply[Weights]:
    call = JudgeCall((Message("user", asked),), model=model.identity.name)
    try:
        reply = await model.answer(Choose(Prompt(asked), tuple(alternatives)))
    except ModelError as error:
        return _unread(call, f"the judge's model failed: {error}")
    return _read(call, reply, alternatives, reply.loglikelihoods, f"no {head.lower()} has a likelihood")


async def _written(model: Model, text: str, alternatives: Sequence[str]) -> JudgeReply[Weights]:
    message = Message("user", f"{text.rstrip()}\n\nReply with one of {', '.join(alternatives)} and nothing else.")
    call = JudgeCall((message,), model=model.identity.name)
    request = Generate(Prompt(messages=(message,)), max_tokens=8, stop=(), top_logprobs=MOST_ALTERNATIVES)
    try:
        reply = await model.answer(request)
    except ModelError as error:
        return _unread(call, f"the judge's model failed: {error}")
    call = replace(call, reply=reply.texts[0] if reply.texts else "")
    if not reply.top_logprobs:
        return _unread(call, "the server gives no log-probabilities of what it writes", reply)
    for place in reply.top_logprobs:
        said = [(token.strip(_AROUND), at) for token, at in place]
        likeliest = max(said, key=lambda one: one[1], default=("", 0.0))[0]
        if likeliest in alternatives:
            weights = [sum(math.exp(at) for token, at in said if token == one) for one in alternatives]
            if sum(weights) < LEAST:
                return _unread(call, f"less than {LEAST:.0%} of the probability is on a verdict", reply)
            logs = [math.log(weight) if weight > 0 else -math.inf for weight in weights]
            return _read(call, reply, alternatives, logs, "")
        if likeliest:
            break
    return _unread(call, "it writes something else than a verdict", reply)


def _read(
    call: JudgeCall, reply: Reply, alternatives: Sequence[str], values: Sequence[float], problem: str
) -> JudgeReply[Weights]:
    top = max(values, default=-math.inf)
    if not math.isfinite(top):
        return _unread(call, problem, reply)
    raw = [math.exp(value - top) for value in values]
    weights = tuple(weight / sum(raw) for weight in raw)
    said = ", ".join(f"{name}: {weight:.4g}" for name, weight in zip(alternatives, weights, strict=True))
    told = replace(call, reply=call.reply or f"(probabilities) {said}", verdict=said)
    return JudgeReply(weights, "", (reply,), calls=(told,))


def _unread(call: JudgeCall, problem: str, *replies: Reply) -> JudgeReply[Weights]:
    return JudgeReply(None, problem, replies, calls=(replace(call, problem=problem),))
