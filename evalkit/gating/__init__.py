"""From paths to verdicts: opens runs, baselines and other harnesses' logs, and puts them to a gate."""

from evalkit.gating.asserting import assert_no_regression
from evalkit.gating.gate import gate
from evalkit.gating.opening import Opened, open_any, open_baseline, open_foreign, open_ref, open_run
from evalkit.gating.policy_file import policy_from, read_policy

__all__ = [
    "Opened",
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
