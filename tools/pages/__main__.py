"""Make the suite, its pages and their pictures: `python -m tools.pages docs/images --keep build/pages`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evalkit import plugins
from evalkit.core import Sibling
from evalkit.reporting.serving.sites import ViewSite, WatchSite
from evalkit.runs.store import Run
from tools.pages.boards import begun, for_people, over_time, quantized, served, tagged
from tools.pages.screenshots import VIEWS, Picture, chromium, take
from tools.pages.suite import make

READY = "html[data-ready]"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.pages", description=__doc__)
    parser.add_argument("out", type=Path, help="where the pictures go")
    parser.add_argument("--keep", type=Path, help="folder of runs and pages; one for this time where left out")
    parser.add_argument("--only", nargs="*", default=[], help="pictures whose names begin so")
    parser.add_argument("--whole", action="store_true", help="pages down to their end")
    return parser.parse_args()


def write(runs: Sequence[Run], spec: str, file: Path) -> Path:
    """The page of a report over runs."""
    with file.open("w", encoding="utf-8") as out:
        for piece in plugins.load("report", spec)(list(runs)):
            assert not isinstance(piece, Sibling), "the suite fits one file"
            out.write(piece)
    return file


def pictures(runs: Sequence[Run], folder: Path) -> list[Picture]:
    """Every page that is shown in the docs, written into the folder."""
    best, before = runs[0], runs[1]
    run = write([best], "html", folder / "run.html")
    several = write(runs, "html,title=Four models", folder / "several.html")
    pair = write([before, best], "comparison,policy=default", folder / "comparison.html")
    rests = write([_evidence(folder)], "html", folder / "evidence.html")
    cut = "#task=word_problems&score=wrong&run=0"
    return [
        Picture("run", run, ready=READY),
        Picture("sample", run, "#task=knowledge&score=wrong", "#samples", ("light", "dark", "phone"), READY),
        Picture("conversation", run, "#task=charts", ".thumb", ("light", "dark"), READY),
        Picture("judge", run, "#task=advice&mark=judge-unsure", ".transcript", ("light",), READY),
        Picture("program", run, "#task=programs&validity=timeout", "#detail", ("light",), READY),
        Picture("several", several, cut, "#samples", ("light", "phone"), READY),
        Picture("comparison", pair, ready=READY),
        Picture("changes", pair, "#kind=lost", "#samples", ("light", "dark"), READY),
        Picture("evidence", rests, "#q=answered", ".evidence", ("light",), READY),
    ]


def _evidence(folder: Path) -> Run:
    """What the tests of evidence look at: claims and sentences over contexts."""
    from tests.reports.evidence import evidence_run

    place = folder / "evidence"
    return Run.open(place) if place.exists() else evidence_run(place)


def boards(runs: Sequence[Run], folder: Path) -> list[Picture]:
    """The pages over many runs, and the one on which people compare two of them."""
    days = over_time(runs, folder / "days")
    return [
        Picture("leaderboard", write(runs, "leaderboard", folder / "leaderboard.html"), ready=READY),
        Picture("history", write(days, "history", folder / "history.html"), views=("light", "phone"), ready=READY),
        Picture("quantized", write(quantized(runs), "variants", folder / "variants.html"), ready=READY),
        Picture("annotate", for_people(runs, folder / "annotate.html"), views=("light", "dark", "phone")),
    ]


def main() -> None:
    given = parse_arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        runs = make(folder / "runs")
        tagged(runs)
        with (
            begun(runs[0], folder / "running"),
            served(ViewSite(folder / "runs")) as index,
            served(WatchSite(folder / "running")) as live,
        ):
            on_screens = ("light", "dark", "phone")
            of_servers = [
                Picture("index", index, views=on_screens, ready=READY),
                Picture("live", live, views=on_screens, ready=f"{READY} .run"),
            ]
            for picture in [*pictures(runs, folder), *boards(runs, folder), *of_servers]:
                if given.only and not picture.name.startswith(tuple(given.only)):
                    continue
                for view in VIEWS:
                    if view.name in picture.views:
                        print(take(browser, picture, view, given.out, whole=given.whole))


if __name__ == "__main__":
    main()
