"""Every manifest of the runs as one JSON document: settings, identities, scores with intervals, groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from evalkit import Run
from evalkit.reporting.text import finite

META = {"name": "scores_json", "summary": "every run's manifest with its scores, for programs", "tags": ["json"]}


def report(runs: Sequence[Run], /) -> str:
    """`{"format": 1, "runs": [{"folder", "manifest"}]}`; numbers that are not finite are null."""
    found = [{"folder": str(run.folder), "manifest": finite(asdict(run.manifest))} for run in runs]
    return json.dumps({"format": 1, "runs": found}, indent=2, ensure_ascii=False, default=str) + "\n"
