"""`evalkit push`: runs to MLflow or to Weights & Biases, with their pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import click

from evalkit import plugins
from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.core import UsageError
from evalkit.core.terminal import say
from evalkit.runs.store import Run, runs_under
from evalkit.runs.store import manifest as manifests
from evalkit.runs.written_report import Report, write_pieces

_TRACKERS = ("mlflow", "wandb")


@click.command(
    "push",
    epilog=examples(
        "evalkit push runs/a --to mlflow                     server from MLFLOW_TRACKING_URI",
        "evalkit push runs/a --to mlflow:sqlite:///mlflow.db",
        "evalkit push runs/a --to wandb:team/project --no-pages",
    ),
)
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN…", shell_complete=complete_runs
)
@click.option(
    "--to",
    "where",
    required=True,
    metavar="TRACKER[:PLACE]",
    help="Tracker to send to: mlflow[:URI] or wandb[:ENTITY/PROJECT].",
)
@click.option("--experiment", default="evalkit", show_default=True, help="MLflow experiment.")
@click.option("--pages/--no-pages", default=True, show_default=True, help="Send the report page of each run.")
def command(runs: tuple[Path, ...], where: str, experiment: str, pages: bool) -> None:
    """Send runs to an experiment tracker. RUN is a run folder or a folder of runs.

    Scores and their intervals become metrics, signatures and settings become parameters. The manifest and a page with
    every sample become artifacts. If you push a run again, evalkit updates it.
    """
    tracker, _, place = where.partition(":")
    if tracker not in _TRACKERS:
        raise UsageError("--to names a tracker", found=where, fix=" or ".join(f"{name}[:…]" for name in _TRACKERS))
    for run in [Run.open(folder) for given in runs for folder in (runs_under(given)[::-1] or [given])]:
        with tempfile.TemporaryDirectory(prefix="evalkit-push-") as scratch:
            files = [run.folder / manifests.FILE, *(_pages(run, Path(scratch)) if pages else ())]
            say(f"{run.folder} → {_send(run, files, tracker, place, experiment)}")


def _pages(run: Run, folder: Path) -> list[Path]:
    write = cast("Report", plugins.load("report", "html", {"name": "report"}))
    return write_pieces(folder / "report.html", write([run]))


def _send(run: Run, files: Iterable[Path], tracker: str, place: str, experiment: str) -> str:
    from evalkit.reporting.trackers import content

    made = content(run, tuple(files))
    if tracker == "mlflow":
        from evalkit.reporting.trackers import to_mlflow

        return f"{place or 'MLflow'}, {experiment}, run {to_mlflow.send(made, place, experiment)}"
    from evalkit.reporting.trackers import to_wandb

    entity, _, project = place.rpartition("/")
    return to_wandb.send(made, project or "evalkit", entity)
