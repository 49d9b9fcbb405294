"""`evalkit baseline`: the small file in a repository that a gate compares with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.core import RunError, UsageError
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.comparing import TaskSide
    from evalkit.comparing.gates import Opened

DEFAULT = Path("baseline.evalkit")


@click.group(
    "baseline",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("evalkit baseline save runs/20260101-120000", "evalkit baseline show baseline.evalkit"),
)
def command() -> None:
    """Save, show or update a baseline, a text file for git with one line per sample."""


@command.command(
    "save",
    epilog=examples(
        "evalkit baseline save runs/20260101-120000", "evalkit baseline save lm-eval-out mmlu.evalkit --task mmlu"
    ),
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_runs)
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Save this task only. Repeat it for several.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def save(run: Path, file: Path, tasks: tuple[str, ...], force: bool) -> None:
    """Save the scores of RUN to FILE (default: baseline.evalkit).

    RUN is a run folder, an lm-eval output folder or an Inspect log.
    """
    from evalkit.comparing import baselines

    if file.exists() and not force:
        raise UsageError(
            f"{file} already exists", fix=f"evalkit baseline update {file} {run} updates it; --force overwrites it"
        )
    sides = _sides(run, tasks)
    baselines.write(file, sides)
    _said(file, sides, len(sides))


@command.command(
    "update",
    epilog=examples(
        "evalkit baseline update baseline.evalkit runs/20260101-120000",
        "evalkit baseline update baseline.evalkit runs/new --task mmlu",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_runs)
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Save this task only. Repeat it for several.")
def update(file: Path, run: Path, tasks: tuple[str, ...]) -> None:
    """Replace the tasks of RUN in FILE and keep all others."""
    from evalkit.comparing import baselines

    # After a merge with conflicts the old text cannot be read: the run's tasks are then all there is.
    try:
        old = baselines.read(file)
    except UsageError as error:
        if "were merged and disagree" not in error.wrong:
            raise
        raise UsageError(error.wrong, fix=f"evalkit baseline save {run} {file} --force", at=error.at) from None
    new = _sides(run, tasks)
    changed = [name for name, side in new.items() if name not in old or _differs(old[name], side)]
    baselines.write(file, {**old, **new})
    _said(file, {**old, **new}, len(changed))


@command.command(
    "show", epilog=examples("evalkit baseline show", "evalkit baseline show baseline.evalkit --ref origin/main")
)
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--ref", metavar="REF", help="Read FILE from this git commit, branch or tag.")
@json_option
def show(file: Path, ref: str | None, as_json: bool) -> None:
    """Show the tasks, scores, model and settings in FILE (default: baseline.evalkit)."""
    from rich.table import Table

    from evalkit.cli.rendering.output import console, print_toys
    from evalkit.comparing.gates import open_baseline, open_ref
    from evalkit.core import formatting

    opened = open_ref(ref, file) if ref else open_baseline(file)
    if as_json:
        print_json(file=str(file), tasks=[_side_json(side) for side in opened.sides.values()])
        return
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("task", overflow="fold", min_width=12)
    table.add_column("metric")
    for name in ("value", "n", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for side in opened.sides.values():
        for place, metric in enumerate(side.metrics):
            column = side.columns[metric]
            shown = formatting.number(_mean(side, metric), column.scale) if column.width == 1 else "–"
            name = one_line(side.name) if place == 0 else ""
            table.add_row(name, metric, shown, f"{side.n:,}", f"{side.failed:,}")
    out.print(table)
    print_toys(out, (side.name for side in opened.sides.values() if side.toy))
    out.print()
    for side in opened.sides.values():
        asked = ", ".join(
            f"{key} {value}" for key, value in side.facts.items() if key in ("few-shot", "method", "scorers", "version")
        )
        text = f"{side.name}: {side.model}, {side.harness} {side.version}, {side.created}; {asked}"
        out.print(one_line(text), style="dim", soft_wrap=True)
    out.print(f"next: evalkit gate run RUN --baseline {file}", style="dim", soft_wrap=True)


def _side_json(side: TaskSide) -> dict[str, object]:
    scores = [
        {"metric": name, "value": _mean(side, name) if column.width == 1 else None, "scale": column.scale}
        for name, column in side.columns.items()
    ]
    return {
        "task": side.name,
        "model": side.model,
        "created": side.created,
        "harness": f"{side.harness} {side.version}".strip(),
        "samples": side.n,
        "failed": side.failed,
        "facts": dict(side.facts),
        "metrics": scores,
    }


def _sides(run: Path, tasks: tuple[str, ...]) -> dict[str, TaskSide]:
    from evalkit.comparing.gates import open_any

    opened: Opened = open_any(run)
    for name in tasks:
        if name not in opened.sides:
            raise UsageError(f"{run} has no task {name!r}", found=", ".join(opened.sides))
    sides = {name: side for name, side in opened.sides.items() if not tasks or name in tasks}
    for side in sides.values():
        if side.failed == side.n:
            raise RunError(f"{side.name}: no sample could be measured, so there is nothing to save")
    return sides


def _differs(old: TaskSide, new: TaskSide) -> bool:
    import numpy as np

    if old.ids != new.ids or set(old.columns) != set(new.columns):
        return True
    return any(not np.array_equal(old.columns[m].rows, new.columns[m].rows, equal_nan=True) for m in new.columns)


def _mean(side: TaskSide, metric: str) -> float:
    import numpy as np

    values = side.columns[metric].rows[:, 0]
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _said(file: Path, sides: dict[str, TaskSide], changed: int) -> None:
    samples = sum(side.n for side in sides.values())
    size = file.stat().st_size / 1024
    word = "task" if changed == 1 else "tasks"
    say(f"wrote {file}: {changed} {word} new or changed, {samples:,} samples, {size:,.0f} kB")
    say(f"next: git add {file}; evalkit gate run RUN --baseline {file}")
