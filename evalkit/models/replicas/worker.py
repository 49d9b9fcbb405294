"""What runs inside of an actor: one model, asked by chunks of requests."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalkit.core import Model, ModelError, Reply, Request, RunError, UsageError
from evalkit.models.registry import resolve

__all__ = ["About", "Answered", "Failure", "ReplicaWorker", "raised"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no reply, as it travels between processes."""

    kind: Literal["model", "usage", "run"]
    words: str
    why: Literal["", "refused", "failed"] = ""
    found: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """Where a replica is and which model it holds; or why it can hold none."""

    host: str = ""
    pid: int = 0
    devices: tuple[str, ...] = ()
    digest: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a chunk of requests, and how the model is computed there."""

    results: tuple[Reply | Failure, ...]
    facts: tuple[tuple[str, str], ...] = ()


class ReplicaWorker:
    """Holds one model, which loads its weights when it is asked first."""

    def __init__(self, spec: str) -> None:
        self._spec = spec
        self._model: Model | None = None

    async def describe(self) -> About:
        """Opens the model, which digests the weights that this node has."""
        try:
            self._model = await asyncio.to_thread(resolve, self._spec)
            identity = await asyncio.to_thread(lambda model: model.identity, self._model)
        except Exception as error:  # noqa: BLE001 - the driver is told, whatever it is
            return About(platform.node(), os.getpid(), failure=_failure(error))
        return About(platform.node(), os.getpid(), _devices(), identity.digest, identity.facts)

    async def answer(self, requests: Sequence[Request]) -> Answered:
        """Every request's reply or failure, in order; all are asked at the same time."""
        assert self._model is not None
        found = await asyncio.gather(*map(self._model.answer, requests), return_exceptions=True)
        results = tuple(_failure(one) if isinstance(one, BaseException) else one for one in found)
        return Answered(results, tuple(dict(getattr(self._model, "facts", {})).items()))


def _devices() -> tuple[str, ...]:
    """The GPUs that Ray gave this actor, by number, or the processor."""
    import ray

    gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    return tuple(f"GPU {number}" for number in gpus) or (f"CPU of {platform.node()}",)


def _failure(error: BaseException) -> Failure:
    if isinstance(error, ModelError):
        return Failure("model", str(error), error.why)
    if isinstance(error, UsageError):
        return Failure("usage", error.wrong, found=error.found, fix=error.fix)
    if isinstance(error, RunError):
        return Failure("run", str(error))
    return Failure("model", f"{type(error).__name__}: {error}")


def raised(failure: Failure, where: str) -> Exception:
    """The exception that the driver raises for a failure."""
    if failure.kind == "usage":
        return UsageError(failure.words, found=failure.found, fix=failure.fix, at=where)
    if failure.kind == "run":
        return RunError(failure.words)
    return ModelError(failure.words, failure.why)
