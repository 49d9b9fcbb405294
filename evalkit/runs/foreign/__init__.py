"""Other harnesses' logs read as runs: lm-evaluation-harness with --log_samples, and Inspect's .eval and .json."""

from __future__ import annotations

from pathlib import Path

from evalkit.runs.foreign import inspect_logs, lm_eval
from evalkit.runs.foreign.run import ForeignRun

__all__ = ["ForeignRun", "open_log"]


def open_log(path: Path) -> ForeignRun | None:
    """The log at a path as a run; None where nothing there looks like one.

    lm-eval: its output folder, or a `samples_*.jsonl` or `results_*.json` in it. Inspect: a log file, or a folder of
    logs of one model. Raises UsageError, naming file and line, for a log that is damaged.
    """
    return lm_eval.open_log(path) or inspect_logs.open_log(path)
