"""`evalkit quickstart`: the embedded model on the bundled sample sets, end to end, with nothing downloaded."""

from __future__ import annotations

import time
from pathlib import Path

import click

# Every task that has a bundled sample, in the order a newcomer would ask.
SUITE = (
    "mmlu,data=sample",
    "squad,data=sample",
    "cnn_dailymail,data=sample",
    "xsum,data=sample",
    "wikitext,data=sample",
)


@click.command("quickstart")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/<time>]")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(out: Path | None, quiet: bool) -> None:
    """Evaluate the embedded model on the bundled sets: multiple choice, questions, summaries, perplexity."""
    from evalkit import api
    from evalkit.commands.output import duration
    from evalkit.commands.progress import progress
    from evalkit.commands.run import finish

    started = time.perf_counter()
    click.echo("tiny, a 1 M-parameter Llama that ships with evalkit, on five bundled sample sets\n")
    runs = api.run_plan(api.Plan(tasks=SUITE, models=("tiny",), out=out), progress(quiet=quiet))
    finish(runs)
    click.echo(f"took {duration(time.perf_counter() - started)}; next: evalkit run mmlu --model hf/<repo or path>")
