"""What a run comes to, and what of it not to trust, in sentences: the first screen of its page, and its Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from evalkit.core import Validity
from evalkit.core.formatting import justified
from evalkit.reporting.endings import CUT, ending, flag_words, plural
from evalkit.reporting.spending import Spending
from evalkit.reporting.summary import FEW_CLUSTERS, Tally
from evalkit.runs.store import MetricResult, Run, TaskEntry

_TASKS = 4
_FEW_SAMPLES = 30


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to be careful about. `filters` is the fragment that shows its samples in a page, or empty."""

    text: str
    filters: str = ""


def verdict(run: Run, spending: Spending) -> str:
    """`atlas-2: 69.5% on gsm8k (63 to 76), 72.7% on mmlu (66 to 79). 2 tasks, 400 samples, model $0.25.`"""
    told = [_score(entry, metric) for entry in run.manifest.tasks if (metric := _primary(entry))]
    shown = ", ".join(told[:_TASKS]) + (f", and {plural(len(told) - _TASKS, 'more task')}" if told[_TASKS:] else "")
    samples = sum(entry.result.samples for entry in run.manifest.tasks if entry.result)
    size = f"{plural(len(run.manifest.tasks), 'task')}, {plural(samples, 'sample')}"
    cost = f", {spending.words()}" if spending.words() else ""
    return f"{run.model}: {shown or 'no result yet'}. {size}{cost}."


def cautions(run: Run, tallies: Mapping[str, Tally]) -> list[Caution]:
    """What a reader should know before trusting the numbers, task by task, the gravest kind first."""
    failed: list[Caution] = []
    ended: list[Caution] = []
    marked: list[Caution] = []
    thin: list[Caution] = []
    for entry in run.manifest.tasks:
        result, tally = entry.result, tallies.get(entry.name, Tally())
        if result is None:
            failed.append(Caution(f"{entry.name} has no result: the run is {run.manifest.status}."))
            continue
        for code, count in sorted(result.counts.items(), key=lambda item: -item[1]):
            if code != Validity.OK.value:
                kind = failed if Validity(code).is_measurement_failure else ended
                why = _causes(tally) if Validity(code).is_measurement_failure else ""
                kind.append(
                    Caution(f"{entry.name}: {ending(code, count)}{why}.", _link(task=entry.name, validity=code))
                )
        marks = dict(result.flags) | ({CUT: tally.cut} if tally.cut else {})
        marked += [
            Caution(f"{entry.name}: {flag_words(f, c)}.", _link(task=entry.name, mark=f)) for f, c in marks.items()
        ]
        thin += [Caution(text) for text in _thin(entry, tally)]
    return [*failed, *ended, *marked, *thin]


def _thin(entry: TaskEntry, tally: Tally) -> list[str]:
    metric = _primary(entry)
    if metric is None:
        return []
    if 0 < tally.clusters < min(FEW_CLUSTERS, tally.records):
        sets = "set of samples that belongs together" if tally.clusters == 1 else "sets of samples that belong together"
        return [
            f"{entry.name} rests on {tally.clusters} {sets}: its interval is wide for its {tally.records:,} samples."
        ]
    if metric.estimate.n < _FEW_SAMPLES:
        return [f"{entry.name} rests on {plural(metric.estimate.n, 'sample')}."]
    return []


def _causes(tally: Tally) -> str:
    """The kinds of failures, where they are known."""
    kinds = [kind.partition(": ")[2] for kind, _ in tally.failures.most_common(2)]
    return f" ({', '.join(kinds)})" if any(kinds) else ""


def _link(**filters: str) -> str:
    return "#" + urlencode(filters)


def _primary(entry: TaskEntry) -> MetricResult | None:
    return entry.result.metric() if entry.result else None


def _score(entry: TaskEntry, metric: MetricResult) -> str:
    found = metric.estimate
    value, low, high = justified(found.value, found.low, found.high, metric.scale)
    named = f"{value}%" if metric.scale == "proportion" else f"{metric.name} {value}"
    known = math.isfinite(found.low) and math.isfinite(found.high)
    return f"{named} on {entry.name}" + (f" ({low} to {high})" if known else "")


def listed(cautions: Sequence[Caution]) -> list[str]:
    """The texts alone, for outputs without links."""
    return [one.text for one in cautions]
