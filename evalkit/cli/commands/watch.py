"""`evalkit watch`: the page of a run while it goes, from its folder alone."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.cli.examples import examples
from evalkit.core import UsageError


@click.command(
    "watch",
    epilog=examples(
        "evalkit watch",
        "evalkit watch runs/20260101-120000 --open",
    ),
)
@click.argument("run", required=False, type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port of the server.  [default: a free one]"
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
def command(run: Path | None, port: int, opened: bool) -> None:
    """Serve the page of RUN on this machine while it goes: progress, estimates so far, failures as they come.

    RUN is a run folder, or the folder of several models' runs. Without RUN it is the one in runs/ that was written
    last. The page only reads: it slows no run and ends with Ctrl-C, which no run notices. It shows a run that is killed
    and resumed without being opened again.
    """
    from evalkit.cli.watched_run import serve_until_ctrl_c
    from evalkit.reporting.serving.sites import WatchSite
    from evalkit.runs.plan import RUNS
    from evalkit.runs.store import runs_under

    if run is None:
        found = runs_under(RUNS)
        if not found:
            raise UsageError(f"no run lies under {RUNS}", fix="evalkit run TASK… --model MODEL --watch")
        run = found[0]
    elif not run.is_dir():
        raise UsageError(f"folder {run} does not exist", fix="evalkit show (lists the runs)")
    elif not runs_under(run) and any(run.iterdir()):
        raise UsageError(f"{run} holds no run", fix="evalkit show (lists the runs)")
    serve_until_ctrl_c(WatchSite(run), port, f"watch {run}", opened=opened)
