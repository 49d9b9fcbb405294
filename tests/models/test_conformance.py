"""The probes that a model of one's own is asked: each fails for a model that has its fault, and for no right one."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest

from evalkit import models
from evalkit.core import Capabilities, Choose, Generate, Identity, ModelError, Perplexity, Reply, Request, Usage
from evalkit.models.conformance import PROBES, Finding, Outcome, examine


class Right:
    """A model that does everything as it should: its texts and log-likelihoods are made of the prompt."""

    def __init__(self) -> None:
        self.identity = Identity("right", (("version", "1"),))
        self.capabilities = Capabilities(frozenset({Generate, Choose, Perplexity}), max_length=5000)

    async def answer(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        if isinstance(request, Generate):
            return self.write(request)
        if isinstance(request, Choose):
            values = tuple(self.weigh(request.prompt.text, ending) for ending in request.continuations)
            return Reply(loglikelihoods=values, greedy=(False,) * len(values))
        if isinstance(request, Perplexity):
            return Reply(loglikelihoods=(-1.5 * len(request.text),))
        raise ModelError("unknown request")

    def write(self, request: Generate) -> Reply:
        words = request.prompt.text.split()
        more = f"text {len(words)} " * 20 if not request.temperature else f"{request.seed} " * 20
        texts = tuple(more[: 4 * request.max_tokens] + str(number) * (request.n > 1) for number in range(request.n))
        for stop in request.stop:
            texts = tuple(text.partition(stop)[0] for text in texts)
        cut = max(0, len(words) - 5000)
        finish = ("length",) * request.n
        return Reply(texts=texts, finish=finish, usage=Usage(len(words) + 1, request.max_tokens), truncated_tokens=cut)

    def weigh(self, context: str, ending: str) -> float:
        return -sum(1 + ord(char) % 7 / 10 for char in ending)

    async def close(self) -> None:
        pass


def found(model: Any) -> dict[str, Finding]:
    async def work() -> list[Finding]:
        return [finding async for finding in examine(model)]

    return {finding.probe: finding for finding in asyncio.run(work())}


def test_a_right_model_passes_all_of_them() -> None:
    findings = found(Right())
    assert list(findings) == [name for name, _, _ in PROBES]
    assert {name: one for name, one in findings.items() if one.outcome is not Outcome.OK} == {}


def test_the_embedded_model_passes_all_of_them() -> None:
    pytest.importorskip("torch")
    findings = found(models.resolve("tiny"))
    assert [one for one in findings.values() if one.outcome is not Outcome.OK] == []


def test_what_is_not_offered_is_no_failure() -> None:
    model = Right()
    model.capabilities = Capabilities(frozenset({Generate}))
    outcomes = {name: one.outcome for name, one in found(model).items()}
    assert outcomes["log-likelihoods add up"] is Outcome.NOT_OFFERED
    assert Outcome.FAILS not in outcomes.values()


def _writes(change: Any) -> type[Right]:
    class Changed(Right):
        def write(self, request: Generate) -> Reply:
            return change(request, super().write(request))

    return Changed


def _weighs(weigh: Any) -> type[Right]:
    class Changed(Right):
        def weigh(self, context: str, ending: str) -> float:
            return float(weigh(context, ending))

    return Changed


def _raises(request: Generate, reply: Reply, when: bool, error: Exception) -> Reply:
    if when:
        raise error
    return reply


class Nameless(Right):
    def __init__(self) -> None:
        super().__init__()
        self.identity = Identity("  ")


class Restless(Right):
    @property
    def identity(self) -> Identity:
        self._looks = getattr(self, "_looks", 0) + 1
        return Identity("restless", (("looks", str(self._looks)),))

    @identity.setter
    def identity(self, value: Identity) -> None:
        pass


class Neighbours(Right):
    async def answer(self, request: Request) -> Reply:
        reply = await super().answer(request)
        if isinstance(request, Choose):
            return replace(reply, loglikelihoods=tuple(v - len(request.continuations) for v in reply.loglikelihoods))
        return reply


class MixedUp(Right):
    """Whoever asks while others wait gets a reply to something else."""

    busy = 0

    async def answer(self, request: Request) -> Reply:
        self.busy += 1
        await asyncio.sleep(0)
        several, reply = self.busy > 1, await super().answer(request)
        self.busy -= 1
        return replace(reply, texts=("another's",)) if several and reply.texts else reply


class Eager(Right):
    async def answer(self, request: Request) -> Reply:
        if isinstance(request, Generate | Choose | Perplexity):
            return await super().answer(request)
        return Reply()


class Crashing(Right):
    async def answer(self, request: Request) -> Reply:
        if isinstance(request, Generate | Choose | Perplexity):
            return await super().answer(request)
        raise KeyError("kind")


class ClosesOnce(Right):
    closed = False

    async def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


_counts = iter(range(10_000))
FAULTS: dict[str, tuple[type[Right], str]] = {
    "no name": (Nameless, "has an identity"),
    "another identity at every look": (Restless, "has an identity"),
    "fails on nothing": (
        _writes(lambda asked, reply: _raises(asked, reply, not asked.prompt.text, ValueError("empty"))),
        "empty prompt",
    ),
    "fails on blanks": (
        _writes(lambda asked, reply: _raises(asked, reply, asked.prompt.text.isspace(), IndexError("0"))),
        "blank prompt",
    ),
    "fails on length": (
        _writes(lambda asked, reply: _raises(asked, reply, len(asked.prompt.text) > 4000, MemoryError())),
        "long prompt",
    ),
    "cuts in silence": (_writes(lambda asked, reply: replace(reply, truncated_tokens=0)), "prompt beyond its limit"),
    "writes half a character": (
        _writes(lambda asked, reply: replace(reply, texts=("\ud83d",)) if "你好" in asked.prompt.text else reply),
        "scripts and emoji",
    ),
    "fails on control characters": (
        _writes(lambda asked, reply: _raises(asked, reply, "\x00" in asked.prompt.text, ValueError("NUL"))),
        "control characters",
    ),
    "keeps stop strings": (
        _writes(lambda asked, reply: replace(reply, texts=tuple(text + "".join(asked.stop) for text in reply.texts))),
        "stop strings",
    ),
    "replies mixed up": (MixedUp, "eight at once"),
    "one text for three": (
        _writes(lambda asked, reply: replace(reply, texts=reply.texts[:1])),
        "three texts of one prompt",
    ),
    "an end of its own": (
        _writes(lambda asked, reply: replace(reply, finish=("done",) * asked.n)),
        "writes a text",
    ),
    "no system message": (
        _writes(
            lambda asked, reply: _raises(
                asked, reply, any(m.role == "system" for m in asked.prompt.messages), ModelError("system role")
            )
        ),
        "system message",
    ),
    "no second turn": (
        _writes(lambda asked, reply: _raises(asked, reply, len(asked.prompt.messages) > 2, ModelError("turns"))),
        "several turns",
    ),
    "all endings alike": (_weighs(lambda context, ending: -1.0), "weighs endings"),
    "above one": (_weighs(lambda context, ending: 0.5), "weighs endings"),
    "not a number": (_weighs(lambda context, ending: math.nan), "weighs endings"),
    "neighbours count": (Neighbours, "endings do not disturb each other"),
    "a mean and no sum": (
        _weighs(lambda context, ending: -sum(ord(char) for char in ending) / len(ending)),
        "log-likelihoods add up",
    ),
    "answers anything": (Eager, "a request it does not know"),
    "ends the run": (Crashing, "a request it does not know"),
    "closes once": (ClosesOnce, "closes"),
}


@pytest.mark.parametrize(("kind", "probe"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_by_its_probe(kind: type[Right], probe: str) -> None:
    finding = found(kind())[probe]
    assert finding.outcome is Outcome.FAILS, finding
    assert finding.detail


NOTES: dict[str, tuple[type[Right], str]] = {
    "no limit": (
        _writes(lambda asked, reply: replace(reply, texts=("ever so long " * 9,) * asked.n, finish=("eos",) * asked.n)),
        "limit on tokens",
    ),
    "another text each time": (
        _writes(lambda asked, reply: replace(reply, texts=tuple(f"{next(_counts)} of it" for _ in reply.texts))),
        "the same twice",
    ),
    "no seeds": (
        _writes(lambda asked, reply: replace(reply, texts=("the same",) * asked.n) if asked.temperature else reply),
        "seeds",
    ),
    "no counts": (_writes(lambda asked, reply: replace(reply, usage=Usage())), "counts tokens"),
}


@pytest.mark.parametrize(("kind", "probe"), NOTES.values(), ids=NOTES)
def test_what_is_allowed_and_worth_knowing_is_a_note(kind: type[Right], probe: str) -> None:
    assert found(kind())[probe].outcome is Outcome.NOTE
