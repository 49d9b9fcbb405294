"""Regression gates: from paths, policies and pairs of scores to verdicts, and what can be said beforehand."""

from evalkit.comparing.gates.assertion import assert_no_regression
from evalkit.comparing.gates.gate import gate
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.opening import Opened, open_any, open_baseline, open_foreign, open_ref, open_run
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs
from evalkit.comparing.gates.policy_file import policy_from, read_policy

__all__ = [
    "GateLimits",
    "GateOutcome",
    "GateVerdict",
    "Opened",
    "Pairs",
    "assert_no_regression",
    "gate",
    "open_any",
    "open_baseline",
    "open_foreign",
    "open_ref",
    "open_run",
    "policy_from",
    "read_policy",
]
