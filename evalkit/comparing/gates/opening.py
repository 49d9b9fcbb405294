"""Whatever can be compared, by its path: a run folder, a baseline file, lm-eval's or Inspect's logs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.comparing import Readable, TaskSide, baselines, read_sides
from evalkit.comparing.gates.metrics import metrics_of_run
from evalkit.core import RunError, UsageError
from evalkit.runs import foreign
from evalkit.runs.store import Run, runs_under


@dataclass(slots=True, eq=False)
class Opened:
    """One side: its tasks, and the run they were read from, which a baseline file has not."""

    name: str
    sides: dict[str, TaskSide]
    run: Readable | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        return next((side.model for side in self.sides.values()), self.run.model if self.run else "")


def open_any(path: Path, *, only: Sequence[str] = ()) -> Opened:
    """Read what lies there. `only` names tasks to read, all by default. Raises UsageError for what is none of these."""
    if path.is_file() and baselines.looks_like_baseline(path):
        return open_baseline(path)
    found = foreign.open_log(path)
    if found is not None:
        return open_foreign(found, only=only)
    return open_run(_one_run(path), only=only)


def open_run(run: Run, *, only: Sequence[str] = ()) -> Opened:
    """The sides of a run of evalkit's. Raises UsageError for one that never finished."""
    unfinished = [entry.name for entry in run.manifest.tasks if entry.result is None]
    if unfinished and not only:
        raise UsageError(
            f"the run {run.folder} is not finished ({run.manifest.status})",
            found=", ".join(unfinished) + " without a result",
            fix=f"evalkit run --resume {run.folder}",
        )
    metrics, lost = metrics_of_run(run)
    opened = _opened(run, metrics, str(run.folder), only)
    opened.problems = [f"{task}: its metrics could not be loaded ({why})" for task, why in lost.items()]
    return opened


def open_foreign(run: foreign.ForeignRun, *, only: Sequence[str] = ()) -> Opened:
    """The sides of another harness's log."""
    metrics = {entry.name: run.metrics[entry.name] for entry in run.manifest.tasks}
    return _opened(run, metrics, str(run.folder), only, harness=run.harness)


def open_baseline(path: Path) -> Opened:
    """A baseline file; raises UsageError with file and line."""
    return Opened(str(path), baselines.read(path))


def open_ref(ref: str, path: Path) -> Opened:
    """The baseline file as it is in git at `ref`; `path` is relative to the working directory.

    Raises UsageError where git, the repository, the ref or the file is not there.
    """
    folder = path.parent if path.parent.is_dir() else Path.cwd()
    if ref.startswith("-"):
        raise UsageError("--baseline-ref is a commit, branch or tag", found=repr(ref), fix="origin/main")
    asked = f"{ref}:./{path.name}"
    try:
        done = subprocess.run(["git", "-C", str(folder), "cat-file", "blob", asked], capture_output=True, check=False)
    except OSError as error:
        raise UsageError("--baseline-ref needs git", found=error.strerror or str(error)) from None
    if done.returncode:
        raise UsageError(
            f"baseline {path} does not exist in git at {ref!r}",
            found=done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: "),
            fix="in CI, fetch the branch first (actions/checkout with fetch-depth: 0)",
        )
    return Opened(f"{ref}:{path}", baselines.parse(done.stdout.decode("utf-8", "replace"), f"{ref}:{path}"))


def _opened(
    run: Readable, metrics: Mapping[str, Sequence[object]], name: str, only: Sequence[str], harness: str = "evalkit"
) -> Opened:
    sides = read_sides(run, metrics, harness=harness, only=only)  # type: ignore[arg-type]
    for side in sides.values():
        if side.n == 0:
            raise RunError(f"{name}: task {side.name!r} has no records: the run is damaged or was not finished")
    return Opened(name, sides, run)


def _one_run(path: Path) -> Run:
    if not path.exists():
        raise UsageError(
            f"found no run, baseline or log at {path}", fix="evalkit show lists the runs; evalkit baseline save RUN"
        )
    if path.is_file():
        raise UsageError(
            f"{path} is neither a baseline nor a log that evalkit reads",
            fix="a run folder, a baseline file, lm-eval's output folder, or an Inspect log (.eval, .json)",
        )
    found = runs_under(path) if path.is_dir() else []
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found[:6])
        raise UsageError(f"{path} holds {len(found)} runs; one is compared", found=names, fix="name one of them")
    return Run.open(found[0] if found else path)
