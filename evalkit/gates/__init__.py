"""Regression gates: from pairs of scores and limits to verdicts, and what can be said beforehand."""

from evalkit.gates.limits import Limits
from evalkit.gates.verdicts import GateVerdict, Outcome, Pairs

__all__ = ["GateVerdict", "Limits", "Outcome", "Pairs"]
