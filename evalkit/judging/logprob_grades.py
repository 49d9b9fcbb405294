"""How likely each of a few short replies is: what soft preferences and weighted grades are made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from evalkit.core import Choose, Generate, Message, Model, ModelError, Prompt, Reply, UsageError
from evalkit.judging.advice import FAILED, why_silent
from evalkit.judging.ask import JudgeReply, Read, forget
from evalkit.judging.transcripts import JudgeCall

Weights = tuple[float, ...]


MOST_ALTERNATIVES = 20
"""As many of the likeliest tokens are asked for: the most that OpenAI gives."""
LEAST = 0.5
"""With less of the probability on the alternatives than this, the model was about to say something else."""
SAMPLED = "sampled"
"""The note of a verdict whose probabilities are proportions of sampled replies."""
_SHORT = 8
_NONE_GIVEN = "the server gives no log-probabilities of what it writes"
_AROUND = " \t\n*_`\"'[](){}:."


SAMPLES = 20
"""As many replies stand for probabilities that a server does not give: G-Eval's number (Liu et al. 2023)."""


async def weigh(
    model: Model, text: str, head: str, alternatives: Sequence[str], read: Read[str], *, fix: str
) -> JudgeReply[Weights]:
    """The probabilities of `alternatives`, made to sum to 1.

    A model that scores continuations is asked for them after "<head>:"; one that writes, and gives the likeliest tokens
    at each place, writes one of them, and the place where it does is read. One that gives none is sampled, and the
    proportions of what `read` reads stand for the probabilities, with the note `SAMPLED`. Raises UsageError, with
    `fix`, for alternatives of which one begins another ("1" and "10"), which tokens do not tell apart.
    """
    if Choose in model.capabilities.requests:
        return await _scored(model, f"{text.rstrip()}\n\n{head}:", head, alternatives)
    asked = f"{text.rstrip()}\n\nReply with one of {', '.join(alternatives)} and nothing else."
    if "logprobs" in model.capabilities.features:
        if any(one != two and two.startswith(one) for one in alternatives for two in alternatives):
            raise UsageError("of what this model writes, 1 and 10 begin alike", found=", ".join(alternatives), fix=fix)
        found = await _written(model, asked, alternatives)
        if found.problem != _NONE_GIVEN:
            return found
    return await _sampled(model, asked, alternatives, read)


async def _scored(model: Model, asked: str, head: str, alternatives: Sequence[str]) -> JudgeReply[Weights]:
    call = JudgeCall((Message("user", asked),), model=model.identity.name)
    try:
        reply = await model.answer(Choose(Prompt(asked), tuple(alternatives)))
    except ModelError as error:
        return _unread(call, f"{FAILED}: {error}")
    return _read(call, reply, alternatives, reply.loglikelihoods, f"no {head.lower()} has a likelihood")


async def _written(model: Model, text: str, alternatives: Sequence[str]) -> JudgeReply[Weights]:
    message = Message("user", text)
    call = JudgeCall((message,), model=model.identity.name)
    request = Generate(Prompt(messages=(message,)), max_tokens=_SHORT, stop=(), top_logprobs=MOST_ALTERNATIVES)
    try:
        reply = await model.answer(request)
    except ModelError as error:
        return _unread(call, f"{FAILED}: {error}")
    found = _of_places(replace(call, reply=reply.texts[0] if reply.texts else ""), reply, alternatives)
    if found.value is None:
        forget(model, request)
    return found


def _of_places(call: JudgeCall, reply: Reply, alternatives: Sequence[str]) -> JudgeReply[Weights]:
    """The probabilities at the first place where something is written."""
    if not reply.top_logprobs:
        return _unread(call, why_silent(reply, _SHORT) or _NONE_GIVEN, reply)
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


async def _sampled(model: Model, text: str, alternatives: Sequence[str], read: Read[str]) -> JudgeReply[Weights]:
    """The proportions of `SAMPLES` replies at temperature 1; unread where half of them say none of the alternatives."""
    message = Message("user", text)
    call = JudgeCall((message,), model=model.identity.name)
    prompt = Prompt(messages=(message,)) if model.capabilities.chats else Prompt(f"{text}\n\n")
    requests = [Generate(prompt, 16, (), temperature=1.0, seed=n, repeat=n) for n in range(SAMPLES)]
    replies: list[Reply] = []
    said: Counter[str] = Counter()
    for request in requests:
        try:
            replies.append(await model.answer(request))
        except ModelError as error:
            return _unread(call, f"{FAILED}: {error}", *replies)
        written = replies[-1].texts[0] if replies[-1].texts else ""
        if written.strip() and (found := read(written, False).value) is not None:
            said[found] += 1
    total = sum(said.values())
    if 2 * total < SAMPLES:
        for request in requests:
            forget(model, request)
        why = next((why for reply in replies if (why := why_silent(reply, 16))), "")
        return _unread(call, why or f"only {total} of {SAMPLES} replies say one of the alternatives", *replies)
    weights = tuple(said[one] / total for one in alternatives)
    told = ", ".join(f"{name}: {weight:.4g}" for name, weight in zip(alternatives, weights, strict=True))
    call = replace(call, reply=f"({total} sampled replies) {told}", verdict=told)
    return JudgeReply(weights, "", tuple(replies), calls=(call,), note=SAMPLED)


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
