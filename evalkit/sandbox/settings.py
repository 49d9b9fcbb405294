"""How many programs run at a time, and where, read from text. Imports nothing of Ray."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import UsageError

__all__ = ["SandboxWorkers"]


@dataclass(frozen=True, slots=True)
class SandboxWorkers:
    """`count`: programs at a time; None: one a processor. `address`: the Ray cluster whose nodes run them; "": this
    machine."""

    count: int | None = None
    address: str = ""

    @staticmethod
    def parse(text: str, address: str = "") -> SandboxWorkers:
        """Reads `N` or `auto`. Raises UsageError."""
        if text == "auto":
            return SandboxWorkers(None, address)
        if not (text.isascii() and text.isdigit() and int(text)):
            raise UsageError(
                "--sandbox-workers is a number of programs at a time, or auto for one a processor",
                found=text,
                fix="--sandbox-workers 16, or --sandbox-workers auto --ray ADDRESS for all nodes of a cluster",
            )
        return SandboxWorkers(int(text), address)
