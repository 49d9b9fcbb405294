"""From paths to verdicts: opens runs, baselines and other harnesses' logs, and puts them to a gate."""

from evalkit.gating.gate import gate
from evalkit.gating.opening import Opened, open_any, open_baseline, open_ref
from evalkit.gating.policy_file import policy_from, read_policy

__all__ = ["Opened", "gate", "open_any", "open_baseline", "open_ref", "policy_from", "read_policy"]
