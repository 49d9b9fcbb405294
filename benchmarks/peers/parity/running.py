"""Runs evalkit, lm-eval and the float64 reference over the same cases, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from peers.environment import CHECKOUT, Environment
from peers.parity import outcome
from peers.parity.cases import Case
from peers.parity.comparing import Compared, compare, table
from peers.parity.rows import write_pages, write_peer_tasks, write_rows

__all__ = ["Plan", "compared", "table"]

_BENCHMARKS = Path(__file__).resolve().parents[2]
_CODE_EVAL = Path(__file__).resolve().parent / "code_eval"


@dataclass
class Plan:
    """What to compare. `most` says how many rows of a case are asked; `batch` is lm-eval's."""

    model: Path
    real: Path | None
    threads: int
    most: Callable[[Case], int]
    batch: int = 8


def compared(bench: Environment, work: Path, plan: Plan, cases: Sequence[Case]) -> list[Compared]:
    """Every case at every number of examples."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mirror, tasks = folder / "hub", folder / "tasks"
        is_real = {case.name: write_rows(mirror, case, plan.most(case), plan.real) for case in cases}
        # `evaluate` looks for a metric in the folder where it runs before it asks the hub.
        shutil.copytree(_CODE_EVAL, folder / _CODE_EVAL.name)
        write_peer_tasks(tasks, _definitions(bench), mirror, cases)
        labels = ",".join(label for case in cases for label in case.labels())
        shared = ["--only", labels, "--mirror", str(mirror), "--tasks", str(tasks)]
        files = {side: folder / f"{side}.json" for side in ("evalkit", "lm_eval", "reference")}

        _child(bench, work, plan, "evalkit", files, shared)
        ours = outcome.read(files["evalkit"])
        write_pages(mirror, [page for each in ours.values() for page in each.pages])
        _child(bench, work, plan, "lm_eval", files, [*shared, "--batch", str(plan.batch)])
        theirs = outcome.read(files["lm_eval"])
        _child(
            bench, work, plan, "reference", files, ["--ours", str(files["evalkit"]), "--theirs", str(files["lm_eval"])]
        )
        exact = outcome.read_exact(files["reference"])
    return [
        compare(case, k, is_real[case.name], ours[label], theirs[label], exact[label])
        for case in cases
        for label, k in case.labels().items()
    ]


def _definitions(bench: Environment) -> Path:
    """Where the installed lm-eval keeps its tasks; found without importing it."""
    code = "import importlib.util as u; print(u.find_spec('lm_eval').submodule_search_locations[0])"
    found = subprocess.run([bench.python, "-c", code], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip()) / "tasks"


def _child(
    bench: Environment, work: Path, plan: Plan, side: str, files: dict[str, Path], options: Sequence[str]
) -> None:
    """Run one side over all cases."""
    command = [bench.python, "-m", f"peers.parity.{side}_side", "--model", str(plan.model.resolve()), *options]
    command += ["--threads", str(plan.threads), "--out", str(files[side])]
    variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), str(plan.threads))
    variables |= dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "1")
    variables |= {"HF_HOME": str(work / "hf"), "EVALKIT_CACHE": str(work / "cache"), "LMEVAL_LOG_LEVEL": "ERROR"}
    variables |= {"PYTHONPATH": f"{_BENCHMARKS}{os.pathsep}{CHECKOUT}"}
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=files[side].parent, env={**os.environ, **variables}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{side} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    print(f"{side}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
