"""One thing that a gate asks, before it is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateVerdict
from evalkit.comparing.gates.report import GateRow


@dataclass(frozen=True, slots=True)
class Question:
    """One row before it is decided: `decide` takes limits, so that a correction can ask again more strictly."""

    row: Callable[[GateVerdict], GateRow]
    decide: Callable[[GateLimits], GateVerdict]
    limits: GateLimits
