"""evalkit: evaluate language models and trust the number.

The names below are imported when they are first used, so that `import evalkit` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.api import load, run
    from evalkit.comparing.comparison import compare
    from evalkit.comparing.gates import assert_no_regression
    from evalkit.core import (
        Judge,
        Message,
        Metric,
        Model,
        PromptFormat,
        Record,
        Sample,
        Score,
        Scorer,
        Task,
        UsageError,
    )
    from evalkit.runs.store import Run

_WHERE = {
    "assert_no_regression": "evalkit.comparing.gates",
    "compare": "evalkit.comparing.comparison",
    "load": "evalkit.api",
    "run": "evalkit.api",
    # Its runs can be compared and reported on, which rooms above theirs do.
    "Run": "evalkit.api",
    "Judge": "evalkit.core",
    "Message": "evalkit.core",
    "Metric": "evalkit.core",
    "Model": "evalkit.core",
    "PromptFormat": "evalkit.core",
    "Record": "evalkit.core",
    "Sample": "evalkit.core",
    "Score": "evalkit.core",
    "Scorer": "evalkit.core",
    "Task": "evalkit.core",
    "UsageError": "evalkit.core",
}

__all__ = [
    "Judge",
    "Message",
    "Metric",
    "Model",
    "PromptFormat",
    "Record",
    "Run",
    "Sample",
    "Score",
    "Scorer",
    "Task",
    "UsageError",
    "assert_no_regression",
    "compare",
    "load",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
