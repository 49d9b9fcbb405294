"""Run the suite: four run folders below one folder."""

from __future__ import annotations

from pathlib import Path

import evalkit
from evalkit.runs.store import Run
from tools.pages.models import JUDGE, MODELS
from tools.pages.tasks import every_task


def make(folder: Path) -> list[Run]:
    """The runs of all models, best first; those that are there already are kept."""
    runs = []
    for model in MODELS:
        place = folder / model.name
        if (place / "manifest.json").is_file():
            runs.append(Run.open(place))
        else:
            runs.append(evalkit.run(every_task(), model, judge=JUDGE, out=place, cache=False, max_failures=0.5))
    return runs
