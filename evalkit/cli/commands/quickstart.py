"""`evalkit quickstart`: the embedded model on toy sets, end to end, with nothing downloaded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.cli.run_options import run_option
from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.runs.store import Run

# Toy sets, in the order a newcomer would ask.
SUITE = (
    "toy_mmlu",
    "toy_squad",
    "toy_cnn_dailymail",
    "toy_xsum",
    "toy_wikitext",
)


@click.command("quickstart", epilog=examples("evalkit quickstart", "evalkit quickstart --out first-run"))
@run_option("out")
@run_option("quiet")
@json_option
def command(out: Path | None, quiet: bool, as_json: bool) -> None:
    """Evaluate the embedded model on toy sets: multiple choice, questions, summaries, perplexity.

    It needs no network, no GPU and no key, and takes under a minute.
    """
    from evalkit.cli.commands.run import finish
    from evalkit.cli.rendering.progress import progress
    from evalkit.core.formatting import duration
    from evalkit.runs.execution import run_plan
    from evalkit.runs.plan import RunPlan

    started = time.perf_counter()
    if not as_json:
        _introduce()
    runs = run_plan(RunPlan(tasks=SUITE, models=("tiny",), out=out), progress(quiet=quiet))
    finish(runs, as_json=as_json)
    pages = _pages(runs, alone=out is not None)
    if as_json:
        return
    for what, page in pages:
        say(f"{what} {page}")
    say(f"took {duration(time.perf_counter() - started)}; next: evalkit run mmlu --model hf/<repo or path>")


def _introduce() -> None:
    say("Evaluating tiny, a Llama with 1 M parameters that ships with evalkit, on five toy")
    say("sets: small, made-up data that shows what evalkit does without a network.\n")


def _pages(runs: Sequence[Run], *, alone: bool) -> list[tuple[str, Path]]:
    """A report of every sample, and a leaderboard of all runs beside this one (of it alone where the user chose a
    folder, whose neighbours may be anything): what each is called, and where it is."""
    from evalkit import plugins
    from evalkit.cli.commands.leaderboard import runs_of
    from evalkit.runs.written_report import Report, write_pieces

    folder = runs[0].folder
    above = folder if alone else folder.parent
    pages = [
        ("report:     ", "html", runs, folder / "report.html"),
        ("leaderboard:", "leaderboard", runs if alone else runs_of(above), above / "leaderboard.html"),
    ]
    for _, name, subjects, page in pages:
        write = cast("Report", plugins.load("report", name, {"name": page.stem} if name == "html" else {}))
        write_pieces(page, write(subjects))
    return [(what, page) for what, _, _, page in pages]
