"""What a model costs, measured on models whose times, tokens and bytes are known beforehand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from evalkit.core import Capabilities, Generate, Identity, ModelError, Perplexity, Reply, Request, Usage
from evalkit.models.usage import ROUNDS, measure, peak, resident


@dataclass
class Clock:
    """Takes `load` seconds before its first answer, then 20 ms a request; writes 30 tokens or reads 100."""

    load: float = 0.2
    requests: frozenset[type] = frozenset({Generate, Perplexity})
    facts: dict[str, str] = field(default_factory=lambda: {"weight bytes": "12345"})
    refuses: type | None = None
    asked: list[Request] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        return Identity("clock")

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(requests=self.requests)

    async def answer(self, request: Request) -> Reply:
        first = not self.asked
        self.asked.append(request)
        if type(request) is self.refuses and not first:
            raise ModelError("no")
        await asyncio.sleep(self.load if first else 0.02)
        if isinstance(request, Generate):
            return Reply(texts=("x",), usage=Usage(5, min(30, request.max_tokens)))
        return Reply(loglikelihoods=(-1.0,), usage=Usage(100))

    async def close(self) -> None: ...


def test_times_and_speeds_are_those_of_the_clock() -> None:
    model = Clock()
    cost = asyncio.run(measure(model))
    assert 0.2 <= cost.load_seconds < 1.0
    assert (len(cost.written), len(cost.read)) == (ROUNDS, ROUNDS)
    # 20 ms and not less; a crowded machine makes it more, though not in every round.
    assert all(speed <= 30 / 0.02 for speed in cost.written)
    assert all(speed <= 100 / 0.02 for speed in cost.read)
    assert max(cost.written) > 600
    assert max(cost.read) > 2000
    assert cost.weights == 12345
    texts = [request.text for request in model.asked if isinstance(request, Perplexity)]
    beginnings = {text[:200] for text in texts}
    assert len(beginnings) == ROUNDS, "what was read in one round must not help in another"
    assert {len(text) for text in texts} == {4800}


def test_what_is_timed_is_told_with_the_seconds_that_it_still_takes() -> None:
    told: list[tuple[str, float]] = []
    asyncio.run(measure(Clock(), lambda *each: told.append(each)))
    assert [what for what, _ in told] == ["writes", "reads"]
    # Each round takes 20 ms or more, and the first one says how long the other five take.
    assert all(seconds >= ROUNDS * 0.02 for _, seconds in told)


def test_what_a_model_does_not_do_is_left_out() -> None:
    only_reads = asyncio.run(measure(Clock(requests=frozenset({Perplexity}), facts={})))
    assert (only_reads.written, len(only_reads.read), only_reads.weights) == ((), ROUNDS, None)
    refuses = asyncio.run(measure(Clock(refuses=Perplexity)))
    assert (len(refuses.written), refuses.read) == (ROUNDS, ())


def test_a_model_that_cannot_be_loaded_raises() -> None:
    class Broken(Clock):
        async def answer(self, request: Request) -> Reply:
            raise ModelError("no weights")

    with pytest.raises(ModelError, match="no weights"):
        asyncio.run(measure(Broken()))


@pytest.mark.slow("a process that imports every library")
def test_what_libraries_say_of_other_machines_kernels_is_not_shown() -> None:
    pytest.importorskip("torchao", reason="pip install 'evalkit-harness[quant]'")
    code = "from evalkit.models.usage import measure; from evalkit.models import resolve; import asyncio\n"
    code += "print(asyncio.run(measure(resolve('tiny'))).weights)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
    assert done.stderr == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_peak_is_of_this_process_and_stays_when_the_memory_is_given_back() -> None:
    code = (
        "from evalkit.models.usage import peak, resident\n"
        "before = peak()['resident']\n"
        "held = bytearray(120_000_000); held[::4096] = bytes(len(held[::4096])); del held\n"
        "print(before, peak()['resident'], resident())"
    )
    ballast = bytearray(300_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, most, now = map(int, out.split())
    # Not what the parent had when it started this process, as getrusage would say.
    assert before < 200_000_000
    assert 110_000_000 < most - before < 140_000_000
    assert now < before + 20_000_000
    assert ballast


def test_this_process_has_a_size() -> None:
    found: dict[str, Any] = peak()
    assert found["resident"] is None or found["resident"] >= (resident() or 0) > 0
