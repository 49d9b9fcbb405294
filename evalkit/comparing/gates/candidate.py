"""The candidate of a gate: runs that are there, or a suite that is run now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.comparing import baselines
from evalkit.comparing.gates.opening import Opened, open_any, open_run
from evalkit.core import Reply, Request, UsageError
from evalkit.models.wrapper import Wrapper
from evalkit.runs import foreign
from evalkit.runs.execution import run_plan
from evalkit.runs.plan import RunPlan
from evalkit.runs.runner import Progress


def is_there(path: Path) -> bool:
    """Whether a path is something that was measured already: a run folder, a baseline, or another harness's log."""
    if (path / "manifest.json").is_file():
        return True
    if path.suffix in (".yaml", ".yml", ".py") or not path.exists():
        return False
    if path.is_dir() and any(path.glob("*/manifest.json")):
        return True
    return (path.is_file() and baselines.looks_like_baseline(path)) or foreign.open_log(path) is not None


def opened(paths: Sequence[Path]) -> Opened:
    """Several runs of one model taken as one candidate. Raises UsageError where a task is in two of them."""
    found = [open_any(path) for path in paths]
    whole = found[0]
    for other in found[1:]:
        twice = sorted(set(whole.sides) & set(other.sides))
        if twice:
            raise UsageError(f"the task {twice[0]!r} is in {whole.name} and in {other.name}", fix="name one of them")
        whole = Opened(
            f"{whole.name}, {other.name}",
            {**whole.sides, **other.sides},
            whole.run,
            [*whole.problems, *other.problems],
        )
    return whole


def run_now(plan: RunPlan, progress: Progress) -> tuple[Opened, Path]:
    """Run the plan (one model) and open what came of it. A plan for a gate is a `freshness.fresh` one. Raises
    UsageError for several models."""
    if len(plan.models) != 1:
        raise UsageError("a gate has one candidate", found=f"{len(plan.models)} models", fix="gate them one by one")
    (run,) = run_plan(plan, progress)
    return open_run(run), run.folder


class HeldOpen(Wrapper):
    """A model that stays loaded from look to look: closing it waits until the last one."""

    async def answer(self, request: Request) -> Reply:
        return await self._model.answer(request)

    async def close(self) -> None:
        """Nothing: `really_close` does it."""

    async def really_close(self) -> None:
        await self._model.close()
