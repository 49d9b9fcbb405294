"""A run as one HTML file: scores with intervals, categories, validity, time and cost, and every sample to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evalkit import Run
from evalkit.core import UsageError, Validity
from evalkit.reporting import Shards, Tally, page
from evalkit.reporting.text import json_text
from evalkit.store import MetricResult, TaskEntry

META = {
    "name": "html",
    "summary": "one offline page: scores, categories, validity, cost, and every sample with filters and deep links",
    "tags": ["html", "samples"],
}
_MEGABYTE = 1 << 20


def report(runs: Sequence[Run], /, *, budget: float = 64.0, title: str = "Run report") -> Iterator[str]:
    """The page, piece by piece, so that a run of any size is written in the same memory.

    `budget` is what the samples' details may take, in MB as they stand in the page. Beyond it samples stay in the
    list, with their scores, and the page says how many lack their details.
    """
    if budget < 0:
        raise UsageError("the budget is a size in MB, 0 or more", found=str(budget))
    return _pieces(runs, int(budget * _MEGABYTE), title)


def _pieces(runs: Sequence[Run], budget: int, title: str) -> Iterator[str]:
    with Shards(budget) as shards:
        tallies: dict[tuple[int, str], Tally] = {}
        for number, run in enumerate(runs):
            for record in run.records():
                shards.add(number, record)
                tallies.setdefault((number, record.task), Tally()).add(record)
        shards.finish()
        parts = [
            _Part(number, run, entry, tallies.get((number, entry.name), Tally()))
            for number, run in enumerate(runs)
            for entry in run.manifest.tasks
        ]
        # Tasks stand together, their models below each other.
        names = list(dict.fromkeys(part.entry.name for part in parts))
        parts.sort(key=lambda part: (names.index(part.entry.name), part.number))
        meta = {
            "runs": [{"model": run.model, "folder": str(run.folder)} for run in runs],
            "tasks": shards.tasks,
            "groups": shards.groups,
            "scores": shards.scores,
            "headlines": {part.entry.name: part.headline for part in parts},
            "samples": shards.samples,
        }
        context = {
            "heading": title,
            "runs": runs,
            "parts": parts,
            "shards": shards,
            "meta": meta,
            "ends": _ends(parts),
            "manifests": [json_text_indented(run) for run in runs],
            "budget": budget / _MEGABYTE,
        }
        yield from page(Path(__file__).parent, "page.html.j2", context, styles=["page.css"], scripts=["page.js"])


@dataclass(frozen=True, slots=True)
class _Part:
    """One task of one run, as the template asks for it."""

    number: int
    run: Run
    entry: TaskEntry
    tally: Tally

    @property
    def headline(self) -> str:
        return self.entry.result.headline if self.entry.result else ""

    @property
    def metrics(self) -> list[MetricResult]:
        return self.entry.result.metrics if self.entry.result else []

    @property
    def groups(self) -> list[tuple[str, MetricResult]]:
        """The headline of every group."""
        found = self.entry.result.groups if self.entry.result else {}
        return [
            (name, next((m for m in metrics if m.name == self.headline), metrics[0]))
            for name, metrics in found.items()
            if metrics
        ]

    @property
    def endings(self) -> list[tuple[str, int]]:
        counts = self.entry.result.counts if self.entry.result else {}
        return sorted(counts.items(), key=lambda item: -item[1])

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """Samples that were answered, ended as the model's own doing, or could not be measured."""
        found = {"answered": 0, "outcome": 0, "failed": 0}
        for name, count in self.endings:
            validity = Validity(name)
            kind = "answered" if validity is Validity.OK else "outcome"
            found["failed" if validity.is_measurement_failure else kind] += count
        return list(found.items())


def _ends(parts: Sequence[_Part]) -> dict[tuple[str, str], tuple[float, float]]:
    """Where the drawn line of a (task, metric) begins and ends: 0 to 1 for shares, else around all its intervals."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for part in parts:
        every = [*part.metrics, *(metric for _, metric in part.groups)]
        for metric in every:
            estimate = metric.estimate
            key = (part.entry.name, metric.name)
            if metric.scale == "share":
                found[key] = (0.0, 1.0)
                continue
            numbers = [n for n in (estimate.low, estimate.value, estimate.high) if n - n == 0.0]
            low, high = found.get(key, (min(numbers, default=0.0), max(numbers, default=1.0)))
            found[key] = (min([low, *numbers]), max([high, *numbers]))
    return found


def json_text_indented(run: Run) -> str:
    """The manifest as a person reads it."""
    import json

    whole: dict[str, Any] = json.loads(json_text(asdict(run.manifest)))
    return json.dumps(whole, indent=2, ensure_ascii=False)
