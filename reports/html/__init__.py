"""A run as one HTML file: scores with intervals, failures, categories, time and cost, and every sample to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from evalkit import Run
from evalkit.comparing.sample_values import PROPORTION, SampleValues, Span
from evalkit.core import UsageError, Validity
from evalkit.core.formatting import aligned, justified
from evalkit.reporting import Shards, Sibling, Tally, page
from evalkit.reporting.endings import SAYS, WORDS, ending, flag_words
from evalkit.reporting.failures import Failures, listed
from evalkit.reporting.marks import marks_of
from evalkit.reporting.over_samples import spread_words
from evalkit.reporting.pages import BROWSER_SCRIPTS, BROWSER_STYLES, file_of, sibling
from evalkit.reporting.run_words import cautions, verdict
from evalkit.reporting.spending import spending_of
from evalkit.reporting.text import json_text
from evalkit.runs.again import can_ask_again
from evalkit.runs.store import MetricResult, TaskEntry, drift_told, toys_told

META = {
    "name": "html",
    "summary": "one offline page: scores, failures, categories, cost, and every sample with filters and deep links",
    "tags": ["html", "samples", "paged"],
}
_MEGABYTE = 1 << 20


def report(
    runs: Sequence[Run], /, *, budget: float = 64.0, title: str = "Run report", name: str = ""
) -> Iterator[str | Sibling]:
    """The page, piece by piece, so that a run of any size is written in the same memory.

    `budget` is what the samples' details may take in one file, in MB as they are written in it. Beyond it they go into
    further files next to the first, `<name>-2.html` and on, where `name` says what the first is called; without a name
    they are left out. Either way every sample is in the list with its scores, and the page says what is where.
    """
    if budget < 0:
        raise UsageError("the budget is a size in MB, 0 or more", found=str(budget))
    return _pieces(runs, int(budget * _MEGABYTE), title, name)


def _pieces(runs: Sequence[Run], budget: int, title: str, file: str) -> Iterator[str | Sibling]:
    with Shards(budget, paged=bool(file)) as shards:
        tallies: dict[tuple[int, str], Tally] = {}
        failures: dict[str, Failures] = {}
        spans: dict[str, Span] = {}
        for number, run in enumerate(runs):
            values = SampleValues.of_run(run)
            spans |= values.spans
            for record in run.records():
                value = values.of(record)
                marks = marks_of(record)
                shards.add(number, record, value, marks)
                tallies.setdefault((number, record.task), Tally()).add(record, marks)
                failed = failures.setdefault(record.task, Failures(record.task))
                failed.add(record, value, marks, wrong=values.is_wrong(record.task, value))
        shards.finish()
        parts = [
            _Part(number, run, entry, tallies.get((number, entry.name), Tally()))
            for number, run in enumerate(runs)
            for entry in run.manifest.tasks
        ]
        # Tasks are together, their models below each other.
        names = list(dict.fromkeys(part.entry.name for part in parts))
        parts.sort(key=lambda part: (names.index(part.entry.name), part.number))
        spending = [spending_of(run, _of_run(tallies, number).values()) for number, run in enumerate(runs)]
        meta = _meta(shards, runs, spans, file)
        context = {
            "heading": title,
            "runs": runs,
            "parts": parts,
            "shards": shards,
            "toys": toys_told(runs),
            "drift": drift_told(runs),
            "pairs": False,
            "several": len(runs) > 1,
            "in_terminal": f"evalkit show {runs[0].folder} --wrong",
            "meta": meta | {"part": 0},
            "file_of": partial(file_of, file),
            "ends": _ends(parts),
            "spending": spending,
            "verdicts": [verdict(run, one) for run, one in zip(runs, spending, strict=True)],
            "cautions": [cautions(run, _of_run(tallies, number)) for number, run in enumerate(runs)],
            "failures": listed(failures.values()),
            "wrong": sum(one.wrong for one in failures.values()),
            "shown": _shown(parts),
            "link_of": link_of,
            "shows": _shows,
            "ending": ending,
            "flag_words": flag_words,
            "manifests": [json_text_indented(run) for run in runs],
            "budget": budget / _MEGABYTE,
        }
        yield from _page("page.html.j2", context)
        for part in range(2, shards.parts + 1):
            yield Sibling(sibling(file, part))
            yield from _page("part.html.j2", context | {"part": part, "meta": meta | {"part": part - 1}})


def _meta(shards: Shards, runs: Sequence[Run], spans: Mapping[str, Span], file: str) -> dict[str, Any]:
    """What the page's scripts read, in the order in which the samples' numbers point into it."""
    return {
        "failed": [validity.value for validity in Validity if validity.is_measurement_failure],
        "runs": [{"model": run.model, "folder": str(run.folder), "again": can_ask_again(run)} for run in runs],
        "tasks": shards.tasks,
        "groups": shards.groups,
        "marks": shards.marks,
        "words": WORDS,
        "says": SAYS,
        "spans": [spans.get(task, PROPORTION) for task in shards.tasks],
        "samples": shards.samples,
        "omitted": shards.omitted,
        "name": file,
        "parts": shards.starts,
    }


def _of_run(tallies: Mapping[tuple[int, str], Tally], number: int) -> dict[str, Tally]:
    return {task: tally for (run, task), tally in tallies.items() if run == number}


def link_of(**filters: str) -> str:
    """The fragment that shows these samples in the page's browser."""
    return "#" + urlencode(filters)


def _shows(name: str, task: str) -> Callable[[float, float], str]:
    """Where a bar of a chart leads: the task's samples whose `name` is between two numbers."""
    return lambda low, high: link_of(task=task, **{name: f"{low:.6g}..{high:.6g}"})


def _shown(parts: Sequence[_Part]) -> dict[int, tuple[str, str, str]]:
    """A value, the blanks that bring its decimal point below the others, and its interval, for the place of each part
    that has a result."""
    firsts = [(place, part.first) for place, part in enumerate(parts) if part.first]
    told = []
    for _, metric in firsts:
        found = metric.estimate
        value, low, high = justified(found.value, found.low, found.high, metric.scale)
        known = found.low - found.low == 0.0 == found.high - found.high
        told.append((value + "%" * (metric.scale == "proportion"), f"{low} – {high}" if known else "–"))
    values = aligned([value for value, _ in told])
    return {
        place: (value.rstrip(), value[len(value.rstrip()) :], ends)
        for (place, _), value, (_, ends) in zip(firsts, values, told, strict=True)
    }


def _page(template: str, context: Mapping[str, Any]) -> Iterator[str]:
    styles, scripts = [*BROWSER_STYLES, "page.css"], [*BROWSER_SCRIPTS, "page.js"]
    return page(Path(__file__).parent, template, context, styles=styles, scripts=scripts)


@dataclass(frozen=True, slots=True)
class _Part:
    """One task of one run, as the template asks for it."""

    number: int
    run: Run
    entry: TaskEntry
    tally: Tally

    @property
    def primary_metric(self) -> str:
        return self.entry.result.primary_metric if self.entry.result else ""

    @property
    def metrics(self) -> list[MetricResult]:
        return self.entry.result.metrics if self.entry.result else []

    @property
    def first(self) -> MetricResult | None:
        return self.entry.result.metric() if self.entry.result else None

    @property
    def others(self) -> list[MetricResult]:
        return [metric for metric in self.metrics if metric is not self.first]

    @property
    def groups(self) -> list[tuple[str, MetricResult]]:
        """The primary metric of every group."""
        found = self.entry.result.groups if self.entry.result else {}
        return [
            (name, next((m for m in metrics if m.name == self.primary_metric), metrics[0]))
            for name, metrics in found.items()
            if metrics
        ]

    @property
    def curves(self) -> list[list[MetricResult]]:
        """What several samples of a question come to together, a list of rising k each."""
        return list(self.entry.result.curves.values()) if self.entry.result else []

    @property
    def spread(self) -> str:
        return spread_words(self.entry.result) if self.entry.result and self.entry.result.by_repeat else ""

    @property
    def endings(self) -> list[tuple[str, int]]:
        counts = self.entry.result.counts if self.entry.result else {}
        return sorted(counts.items(), key=lambda item: -item[1])

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """Samples that were answered, that the model ended otherwise, or that could not be measured."""
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
            if metric.scale == "proportion":
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
