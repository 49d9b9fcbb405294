"""A stand-in for `evaluate`'s metric of this name, which comes from the hub: pass@1 of one program a problem.

Each program runs with its tests in a Python process, as in the original: without a sandbox, in an empty folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any

import datasets
import evaluate

_SECONDS = 15


class CodeEval(evaluate.Metric):
    """`compute(references=tests, predictions=[[program], …], k=[1])` gives ({"pass@1": share}, {})."""

    def _info(self) -> Any:
        features = {
            "predictions": datasets.Sequence(datasets.Value("string")),
            "references": datasets.Value("string"),
        }
        return evaluate.MetricInfo(
            description=__doc__, citation="", inputs_description="", features=datasets.Features(features)
        )

    def _compute(self, predictions: list[list[str]], references: list[str], k: Any = (1,)) -> Any:
        passed = [_passes(f"{program}\n{tests}") for (program,), tests in zip(predictions, references, strict=True)]
        return {"pass@1": sum(passed) / len(passed)}, {}


def _passes(program: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-I", "-c", program]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0
