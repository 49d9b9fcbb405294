"""Other harnesses' logs read as runs: lm-evaluation-harness with --log_samples, and Inspect's .eval and .json."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from evalkit.core import Record, UsageError
from evalkit.runs.foreign import inspect_logs, lm_eval
from evalkit.runs.foreign.run import ForeignRun

__all__ = ["ForeignRun", "as_malformed", "open_log"]


def open_log(path: Path) -> ForeignRun | None:
    """The log at a path as a run; None where nothing there looks like one.

    lm-eval: its output folder, or a `samples_*.jsonl` or `results_*.json` in it. Inspect: a log file, or a folder of
    logs of one model. Raises UsageError, naming file and line, for a log that is damaged.
    """
    with as_malformed(path):
        run = lm_eval.open_log(path) or inspect_logs.open_log(path)
    if run is not None:
        run.sources = {name: partial(_guarded, path, source) for name, source in run.sources.items()}
    return run


def _guarded(path: Path, source: Callable[[], Iterator[Record]]) -> Iterator[Record]:
    with as_malformed(path):
        yield from source()


@contextmanager
def as_malformed(path: Path) -> Iterator[None]:
    """Whatever a reader trips over in a log that it did not expect is one sentence about the log."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        shown = f"{type(error).__name__}: {error}"[:200]
        raise UsageError(
            "the log is malformed", found=shown, fix="write it again with its harness", at=str(path)
        ) from None
