"""What the other processes of a tensor-parallel run do: compute along with the first one until it ends."""

from __future__ import annotations

import contextlib
from typing import Any

from evalkit.core import Request, UsageError
from evalkit.models.hf import tensor_parallel
from evalkit.models.hf.model import LocalModel

__all__ = ["follow"]


def follow() -> None:
    """Compute along with the first process until it ends. Imports torch."""
    models: dict[int, tuple[Any, Any]] = {}
    while True:
        what, *rest = tensor_parallel.receive()
        if what == "end":
            tensor_parallel.disconnect()
            return
        number = rest[0]
        if what == "open":
            model = LocalModel(*rest[1])
            with contextlib.suppress(UsageError):  # the first process has the same to say
                models[number] = (model, model.engine_here())
        elif what == "answer":
            models[number][1].run(_Unheard(rest[1]))
        else:
            models.pop(number, None)


class _Unheard:
    """A batch whose results the first process has, too."""

    def __init__(self, jobs: tuple[Request, ...]) -> None:
        self.jobs = jobs
        self.prepared = (None,) * len(jobs)

    def deliver(self, index: int, result: object) -> None:
        """Nobody waits for it here."""

    def wanted(self, index: int) -> bool:
        return True
