"""What a model costs on this machine: seconds until its first answer, tokens a second, bytes of memory.

It is measured by asking, so that every backend is measured alike; only the weights' bytes are the backend's own word
(`Model.facts["weight bytes"]`). `measure` wants a process for each model: memory that one gave back another may find
again.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evalkit.core import Capabilities, Generate, Model, ModelError, Perplexity, Prompt, Request
from evalkit.models.hf.tensor_parallel import processes

__all__ = ["Cost", "Watch", "measure", "peak", "resident"]

ROUNDS = 5
WRITTEN = 64
"""Tokens that are written in a round, by one stream."""
READ = 4000
"""Characters that are read in a round."""
_PATIENCE = 120.0
"""Seconds after which no further round is begun."""
_RESET = Path("/proc/self/clear_refs")
"""Where a 5 sets VmHWM to what is resident now (proc(5))."""
_LIBRARIES = {
    # transformers imports what it needs where it is needed: of itself it has imported next to nothing.
    "transformers": ("torch", "transformers", "transformers.modeling_utils"),
    "llama.cpp": ("llama_cpp",),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured. Speeds are tokens a second, one a round; what is not known is None or empty.

    `load_seconds`: from the first request to a model that is not loaded until its answer of one token, after the
    backend's libraries were imported. `before` is the process's memory by then, in bytes.
    """

    load_seconds: float
    weights: int | None
    before: int | None
    written: tuple[float, ...]
    read: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Told = Callable[[str, float], None]
"""Gets what is timed ("writes", "reads") and how many seconds that still takes, once a first round was timed."""


def _tell_nobody(what: str, seconds: float) -> None:
    """Where nobody waits."""


async def measure(model: Model, told: Told = _tell_nobody) -> Cost:
    """Load the model by a first request and time some more. Raises what a model raises that can't be loaded."""
    _import(dict(model.identity.facts).get("backend", ""))
    before, text = resident(), _text()
    started = time.perf_counter()
    await model.answer(_first(model.capabilities, text))
    load = time.perf_counter() - started
    until = time.monotonic() + _PATIENCE
    size = READ // ROUNDS
    prompts = [text[place * size : (place + 1) * size] for place in range(ROUNDS)]

    def write(number: int) -> Request:
        return Generate(Prompt(prompts[number][:200]), max_tokens=WRITTEN, stop=())

    def read(number: int) -> Request:
        # Another beginning each time: what was read before must not help.
        return Perplexity(prompts[number] + text[:READ])

    written = await _speeds(model, Generate, write, until, told)
    return Cost(load, _weights(model), before, written, await _speeds(model, Perplexity, read, until, told))


async def _speeds(
    model: Model, kind: type, request: Callable[[int], Request], until: float, told: Told
) -> tuple[float, ...]:
    """Tokens a second of each round, after one that warms up; empty where the model does not answer such requests."""
    found: list[float] = []
    if kind not in model.capabilities.requests:
        return ()
    for number in (ROUNDS - 1, *range(ROUNDS)):
        started = time.perf_counter()
        try:
            reply = await model.answer(request(number))
        except ModelError:
            return ()
        seconds = time.perf_counter() - started
        tokens = reply.usage.completion_tokens if kind is Generate else reply.usage.prompt_tokens
        if tokens > 0:
            found.append(tokens / seconds)
        left = until - time.monotonic()
        if left < 0.0:
            break
        if len(found) == 1:
            # The last round may begin just before the time is up.
            told("writes" if kind is Generate else "reads", min(seconds * ROUNDS, left + seconds))
    return tuple(found[1:] or found)


def _first(capabilities: Capabilities, text: str) -> Request:
    if Generate in capabilities.requests:
        return Generate(Prompt(text[:100]), max_tokens=1, stop=())
    return Perplexity(text[:100])


def _text() -> str:
    import orjson

    from evalkit.data.toy import toy_path

    lines = toy_path("perplexity").read_bytes().splitlines()
    return "\n\n".join(orjson.loads(line)["text"] for line in lines)[: 2 * READ]


def _import(backend: str) -> None:
    names = [name for name in _LIBRARIES.get(backend, ()) if importlib.util.find_spec(name) is not None]
    with _quiet(names):
        for name in names:
            importlib.import_module(name)


def _quiet(names: list[str]) -> AbstractContextManager[None]:
    # transformers brings torchao along, which says on import which kernels of other machines it lacks.
    if "transformers" not in names:
        return nullcontext()
    from evalkit.models.hf.loading.load_weights import quiet

    return quiet()


def _weights(model: Model) -> int | None:
    said = str(dict(getattr(model, "facts", {})).get("weight bytes", ""))
    return int(said) if said.isdigit() and int(said) else None


def resident() -> int | None:
    """Bytes of this process in memory now; None where the system does not say."""
    return _status("VmRSS")


def peak() -> dict[str, int | None]:
    """The most bytes so far: `resident` of this process, `device` of torch's tensors on a GPU (None without one)."""
    # What getrusage says begins with what the parent process had: exec keeps it.
    most = _status("VmHWM")
    if most is None and sys.platform == "darwin":
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    torch = sys.modules.get("torch")
    device = None
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        device = sum(int(torch.cuda.max_memory_allocated(number)) for number in range(torch.cuda.device_count()))
    return {"resident": most, "device": device}


@dataclass(frozen=True, slots=True)
class Watch:
    """The most memory that this process takes from `begin` on, for the run of one model among several."""

    model: Model
    before: Mapping[str, int | None]
    """Peaks of earlier work that the system does not let go of."""

    @staticmethod
    def begin(model: Model) -> Watch:
        """Forget what the process took before, unless the model is loaded already: that was for its sake."""
        return Watch(model, {} if _weights(model) is not None else _forget())

    def most(self) -> dict[str, int]:
        """`peak` since then, of what is known.

        Empty where the model's weights were not in this process, as with an API or where all came from the cache, or
        where this is one of several processes that hold a part each.
        """
        if _weights(self.model) is None or processes() > 1:
            return {}
        return {name: size for name, size in peak().items() if size and size != self.before.get(name)}


def _forget() -> dict[str, int | None]:
    """Let peaks begin anew; returned are those that stay."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        for number in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(number)
    try:
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        return {"resident": peak()["resident"]}
    return {}


def _status(name: str) -> int | None:
    try:
        said = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB", said, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
