"""What `evalkit` prints without a command: the next step, by what the current folder holds."""

from __future__ import annotations

from evalkit.core.distribution import version
from evalkit.core.terminal import say
from evalkit.runs.plan import RUNS
from evalkit.runs.store import Run, runs_under

__all__ = ["show_first_steps"]

_NEW = (
    ("evalkit quickstart", "try it: toy data, seconds"),
    ("evalkit run mmlu --model hf/<repo or path>", "evaluate a model"),
    ("evalkit init", "start a project of yours"),
    ("evalkit init --ci github", "gate model changes in CI"),
)


def show_first_steps() -> None:
    """A few commands with what they do; where there are runs, the latest one first."""
    say(f"evalkit {version()}: evaluate language models and trust the number\n")
    latest = runs_under(RUNS)[:1]
    steps = [step for folder in latest for step in _with_runs(Run.open(folder))] if latest else list(_NEW)
    width = max(len(command) for command, _ in steps) + 2
    for command, purpose in [*steps, ("evalkit --help", "all commands")]:
        say(f"  {command:<{width}}{purpose}")


def _with_runs(run: Run) -> list[tuple[str, str]]:
    steps = [(f"evalkit show {run.folder}", f"your latest run ({run.manifest.status})")]
    if run.manifest.status != "finished":
        steps.append((f"evalkit run --resume {run.folder}", "continue it"))
    return [
        *steps,
        (f"evalkit report {run.folder} -o report.html", "every sample on one page"),
        ("evalkit leaderboard", "rank all your models"),
    ]
