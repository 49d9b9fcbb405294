"""Two dozen questions to a model that say what of a model it does: for whoever writes one.

A probe fails where what a model does would make a score wrong or end a run; what a model does not offer is said and is
no failure. No probe asks whether an answer is right.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from evalkit.core import Choose, Generate, Message, Model, ModelError, Perplexity, Prompt, Reply, Request

__all__ = ["PROBES", "Finding", "Outcome", "examine"]

_FINISHES = {"stop", "eos", "length", "refused", "tool", "unknown"}
_WITHIN_NATS = 1e-3
_AT_ONCE = 8
_PLAIN = "The capital of France is"
_LONG = "The quick brown fox jumps over the lazy dog. " * 200
_SCRIPTS = "naïve — 你好 مرحبا नमस्ते 👩‍🔬 \u202bעברית\u202c"
_CONTROLS = "a\x00b\x07c\x1b[31md\ufeff\u2028e"


class Outcome(StrEnum):
    """`NOT_OFFERED`: the model says that it does not do this; `NOTE`: allowed, and worth knowing."""

    OK = "ok"
    FAILS = "FAILS"
    NOTE = "note"
    NOT_OFFERED = "–"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found; `detail` says what was seen."""

    probe: str
    outcome: Outcome
    detail: str = ""


class _FailedError(Exception):
    """The model did what it must not do."""


class _NoteError(Exception):
    """The model may do this."""


Probe = Callable[[Model], Awaitable[str]]


async def examine(model: Model) -> AsyncIterator[Finding]:
    """Every probe in order, each with what it found. An exception of the model's is a finding; none is raised."""
    for name, needed, probe in PROBES:
        if needed is not None and needed not in model.capabilities.requests:
            yield Finding(name, Outcome.NOT_OFFERED, f"{needed.__name__} is not among its requests")
            continue
        try:
            yield Finding(name, Outcome.OK, await probe(model))
        except _NoteError as note:
            yield Finding(name, Outcome.NOTE, str(note))
        except Exception as error:  # noqa: BLE001 - a model of the user's may raise anything
            said = str(error) if isinstance(error, _FailedError | ModelError) else f"{type(error).__name__}: {error}"
            yield Finding(name, Outcome.FAILS, said[:300])


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise _FailedError(otherwise)


def _ask(text: str = _PLAIN, **settings: object) -> Generate:
    given = {"max_tokens": 16, "stop": (), **settings}
    return Generate(Prompt(text), **given)  # type: ignore[arg-type]


async def _written(model: Model, request: Request) -> Reply:
    """A reply to Generate whose parts fit together."""
    reply = await model.answer(request)
    wanted = request.n if isinstance(request, Generate) else 1
    _require(len(reply.texts) == wanted, f"{wanted} texts were asked for, {len(reply.texts)} came")
    _require(len(reply.finish) == wanted, f"{wanted} texts have {len(reply.finish)} reasons why they ended")
    _require(set(reply.finish) <= _FINISHES, f"texts ended with {sorted(set(reply.finish) - _FINISHES)}")
    for text in reply.texts:
        _require(isinstance(text, str), f"a text is {type(text).__name__}")
        text.encode()  # a lone surrogate cannot be written down
    return reply


async def _identity(model: Model) -> str:
    identity = model.identity
    _require(bool(identity.name.strip()), "its name is empty")
    _require(identity.digest == model.identity.digest, "its identity changes from one look to the next")
    facts = ", ".join(name for name, _ in identity.facts)
    return f"{identity.name}; facts: {facts or 'none'}"


async def _writes(model: Model) -> str:
    reply = await _written(model, _ask())
    return f"{reply.texts[0]!r:.60}, ended by {reply.finish[0]}"


async def _empty(model: Model) -> str:
    reply = await _written(model, _ask(""))
    return f"{reply.texts[0]!r:.60}"


async def _blank(model: Model) -> str:
    await _written(model, _ask(" \n\t "))
    return ""


async def _long(model: Model) -> str:
    reply = await _written(model, _ask(_LONG))
    return f"{reply.truncated_tokens} tokens cut" if reply.truncated_tokens else "2,000 words"


async def _too_long(model: Model) -> str:
    longest = model.capabilities.max_length
    if longest is None:
        raise _NoteError("it names no longest input (max_length), so prompts are never cut for it")
    try:
        reply = await _written(model, _ask("word " * (2 * longest)))
    except ModelError as error:
        return f"refused: {str(error)[:80]}"
    _require(reply.truncated_tokens > 0, f"twice max_length={longest} words were taken, and none said to be cut")
    return f"{reply.truncated_tokens} tokens cut, and said"


async def _scripts(model: Model) -> str:
    await _written(model, _ask(_SCRIPTS))
    return ""


async def _controls(model: Model) -> str:
    await _written(model, _ask(_CONTROLS))
    return ""


async def _limit(model: Model) -> str:
    short, long = await _written(model, _ask(max_tokens=1)), await _written(model, _ask(max_tokens=32))
    if len(long.texts[0]) > 24 and len(short.texts[0]) >= len(long.texts[0]):
        raise _NoteError("max_tokens=1 gives as much text as max_tokens=32: the limit is not honoured")
    if short.finish[0] not in ("length", "eos", "stop") or (short.finish[0] != "length" and len(long.texts[0]) > 24):
        raise _NoteError(f"a text of one token ended by {short.finish[0]!r}: cut answers cannot be told")
    return f"one token: ended by {short.finish[0]}"


async def _stops(model: Model) -> str:
    whole = (await _written(model, _ask(max_tokens=32))).texts[0]
    stop = next((char for char in whole[1:] if not char.isspace()), "")
    if not stop:
        raise _NoteError("its text is too short to try a stop string")
    reply = await _written(model, _ask(max_tokens=32, stop=(stop,)))
    _require(stop not in reply.texts[0], f"the stop string {stop!r} is in {reply.texts[0]!r:.60}")
    return f"cut before {stop!r}"


async def _deterministic(model: Model) -> str:
    one, other = await _written(model, _ask()), await _written(model, _ask())
    if one.texts != other.texts:
        raise _NoteError(f"greedy, and twice asked: {one.texts[0]!r:.50}, then {other.texts[0]!r:.50}")
    return "greedy, twice asked"


async def _at_once(model: Model) -> str:
    requests = [_ask(f"{number} plus {number} is") for number in range(_AT_ONCE)]
    alone = [(await _written(model, request)).texts for request in requests]
    together = await asyncio.gather(*(_written(model, request) for request in requests))
    differing = sum(one != other.texts for one, other in zip(alone, together, strict=True))
    if differing == _AT_ONCE:
        raise _FailedError("eight asked at once get other texts than one by one; are replies mixed up?")
    if differing:
        raise _NoteError(f"{differing} of eight texts differ when asked at once")
    return "eight at once as one by one"


async def _several(model: Model) -> str:
    reply = await _written(model, _ask(n=3, temperature=1.0, seed=1))
    return f"{len(set(reply.texts))} of 3 texts differ"


async def _seeds(model: Model) -> str:
    asked = [_ask(temperature=1.0, seed=seed, max_tokens=24) for seed in (1, 1, 2)]
    same, again, other = [(await _written(model, request)).texts[0] for request in asked]
    if same != again:
        raise _NoteError("the same seed gives another text: sampled scores is not available again")
    if same == other:
        raise _NoteError("two seeds give the same text: repeats measure nothing")
    return "same seed, same text; another seed, another text"


def _conversation(*turns: tuple[str, str]) -> Generate:
    messages = tuple(Message(role, content) for role, content in turns)  # type: ignore[arg-type]
    return Generate(Prompt(messages=messages), max_tokens=16, stop=())


async def _system(model: Model) -> str:
    await _written(model, _conversation(("system", "Answer in one word."), ("user", "What is the capital of Peru?")))
    return ""


async def _turns(model: Model) -> str:
    turns = (("user", "1 + 1?"), ("assistant", "2"), ("user", "2 + 2?"))
    await _written(model, _conversation(*turns))
    return ""


async def _counts(model: Model) -> str:
    usage = (await _written(model, _ask())).usage
    if not usage.prompt_tokens or not usage.completion_tokens:
        raise _NoteError("it does not count tokens: runs show no tokens and no cost")
    return f"{usage.prompt_tokens} in, {usage.completion_tokens} out"


async def _likelihoods(model: Model, prompt: str, *endings: str) -> tuple[float, ...]:
    reply = await model.answer(Choose(Prompt(prompt), endings, delimiter=""))
    _require(len(reply.loglikelihoods) == len(endings), f"{len(endings)} endings, {len(reply.loglikelihoods)} values")
    for value in reply.loglikelihoods:
        _require(math.isfinite(value) and value <= 1e-6, f"{value!r} is not a log-likelihood")
    return reply.loglikelihoods


async def _weighs(model: Model) -> str:
    values = await _likelihoods(model, _PLAIN, " Paris", " Rome", " xqzt jjj")
    _require(len(set(values)) > 1, "three endings have the same log-likelihood")
    return ", ".join(f"{value:.2f}" for value in values)


async def _together(model: Model) -> str:
    _, other = await _likelihoods(model, _PLAIN, " Paris", " Rome")
    (alone,) = await _likelihoods(model, _PLAIN, " Rome")
    _require(abs(alone - other) < _WITHIN_NATS, f"{other:.4f} with another ending next to it, {alone:.4f} alone")
    return ""


async def _additive(model: Model) -> str:
    (whole,) = await _likelihoods(model, _PLAIN, " Paris and")
    (first,) = await _likelihoods(model, _PLAIN, " Paris")
    (second,) = await _likelihoods(model, _PLAIN + " Paris", " and")
    away = abs(whole - first - second)
    _require(away < _WITHIN_NATS, f"{whole:.4f}, but its parts add up to {first + second:.4f}")
    return f"within {away:.0e} nats"


async def _text(model: Model) -> str:
    reply = await model.answer(Perplexity("The sun rises in the east. It sets in the west."))
    _require(len(reply.loglikelihoods) == 1, f"{len(reply.loglikelihoods)} values for one text")
    value = reply.loglikelihoods[0]
    _require(math.isfinite(value) and value < 0, f"{value!r} is not a log-likelihood of a text")
    return f"{value:.2f} nats"


async def _goes_on(model: Model) -> str:
    class _Unknown:
        """A request that no model knows."""

    try:
        await model.answer(_Unknown())  # type: ignore[arg-type]
    except ModelError:
        pass
    except Exception as error:  # noqa: BLE001
        raise _FailedError(f"raises {type(error).__name__}, not ModelError, which ends the run") from None
    else:
        raise _FailedError("answers a request that no model knows")
    if Generate in model.capabilities.requests:
        await _written(model, _ask())
    return "refuses it, and answers the next"


async def _closes(model: Model) -> str:
    await model.close()
    await model.close()
    return ""


PROBES: tuple[tuple[str, type | None, Probe], ...] = (
    ("has an identity", None, _identity),
    ("writes a text", Generate, _writes),
    ("empty prompt", Generate, _empty),
    ("blank prompt", Generate, _blank),
    ("long prompt", Generate, _long),
    ("prompt beyond its limit", Generate, _too_long),
    ("scripts and emoji", Generate, _scripts),
    ("control characters", Generate, _controls),
    ("limit on tokens", Generate, _limit),
    ("stop strings", Generate, _stops),
    ("the same twice", Generate, _deterministic),
    ("eight at once", Generate, _at_once),
    ("three texts of one prompt", Generate, _several),
    ("seeds", Generate, _seeds),
    ("system message", Generate, _system),
    ("several turns", Generate, _turns),
    ("counts tokens", Generate, _counts),
    ("weighs endings", Choose, _weighs),
    ("endings do not disturb each other", Choose, _together),
    ("log-likelihoods add up", Choose, _additive),
    ("log-likelihood of a text", Perplexity, _text),
    ("a request it does not know", None, _goes_on),
    ("closes", None, _closes),
)
"""Name, the kind of request that it needs, and the probe; in the order in which they are asked."""
