"""Stops a run that cannot come to anything: a wrong key or model after a few requests, a server that went away."""

from __future__ import annotations

from evalkit.core import RunError, UsageError
from evalkit.models.api.failures import Failed

__all__ = ["Breaker"]

_REFUSED = 3
_WRONG = 20
_GONE = 3
_LOST = 16
"""Requests, each with all its attempts, that fail one after the other before the run stops: key or model refused; every
request wrong; never reached; lost later. Where credit is used up, one is enough."""


class Breaker:
    """Counts requests that failed for good since the last one that was answered."""

    def __init__(self, name: str, fix: str) -> None:
        self._name = name
        self._fix = fix
        self.answers = 0
        self._stopped: UsageError | RunError | None = None
        self._refused = 0
        self._wrong = 0
        self._lost = 0

    def answered(self) -> None:
        self.answers += 1
        self._refused = self._wrong = self._lost = 0

    def check(self) -> None:
        """Raises what stopped the run: nothing is sent any more."""
        if self._stopped is not None:
            raise self._stopped

    def failed(self, failure: Failed) -> None:
        """Count a failure. Raises UsageError or RunError, with the server's own words, where it is one too many."""
        self.check()
        if failure.kind == "spent":
            self._stopped = RunError(
                f"the credit for {self._name} is used up.\n"
                f"  found: {self._words(failure)}\n  try:   evalkit run --resume, once there is more"
            )
        elif failure.kind == "refused":
            self._refused += 1
        elif failure.kind in ("wrong", "unsupported", "too long"):
            # A request may be wrong by itself (too long); once others were answered that stops nothing.
            self._wrong += 1
        else:
            self._lost += 1
        if not self.answers:
            if self._refused >= _REFUSED or self._wrong >= _WRONG:
                self._stopped = UsageError(
                    f"{self._name} refuses every request", found=self._words(failure), fix=self._fix
                )
            if self._lost >= _GONE:
                self._stopped = UsageError(f"{self._name} does not answer", found=self._words(failure), fix=self._fix)
        elif self._refused >= _LOST or self._lost >= _LOST:
            self._stopped = RunError(
                f"{self._name} has stopped answering: {_LOST} requests failed one after the other.\n"
                f"  found: {self._words(failure)}\n  try:   evalkit run --resume, once it answers again"
            )
        self.check()

    @staticmethod
    def _words(failure: Failed) -> str:
        return f"{failure.where}: {failure.words}"
