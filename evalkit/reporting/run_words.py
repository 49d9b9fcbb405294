"""What a run comes to, and what of it not to trust, in sentences: the first screen of its page, and its Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from evalkit.core import Validity
from evalkit.core.formatting import justified
from evalkit.reporting.endings import CACHED, CUT, ending, flag_words, plural
from evalkit.reporting.spending import Spending
from evalkit.reporting.summary import FEW_CLUSTERS, Tally
from evalkit.runs.store import MetricResult, Run, TaskEntry

_TASKS = 4
_CUTS = (Validity.LENGTH.value, Validity.CUT_THOUGHT.value)
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
    """What a reader should know before trusting the numbers: each kind once over all tasks, the gravest first."""
    missing = [entry.name for entry in run.manifest.tasks if entry.result is None]
    found = [Caution(f"{name} has no result: the run is {run.manifest.status}.") for name in missing]
    several = len(run.manifest.tasks) > 1
    endings: dict[str, dict[str, int]] = {}
    marks: dict[str, dict[str, int]] = {}
    causes: Counter[str] = Counter()
    for entry in run.manifest.tasks:
        if entry.result is None:
            continue
        tally = tallies.get(entry.name, Tally())
        causes.update(tally.failures)
        for code, count in entry.result.counts.items():
            endings.setdefault(code, {})[entry.name] = count
        # The records say what they are marked with; a log without them has the flags of its results alone.
        flags = tally.marks if tally.records else entry.result.flags
        for mark, count in flags.items():
            marks.setdefault(mark, {})[entry.name] = count
    for code, where in sorted(endings.items(), key=lambda one: (_gravity(one[0]), -sum(one[1].values()))):
        if code == Validity.OK.value or (code in _CUTS and CUT in marks):
            continue
        why = _causes(causes) if Validity(code) is Validity.BACKEND_ERROR else ""
        text = ending(code, sum(where.values())) + why + _places(where, several)
        found.append(Caution(f"{text}.", _link(validity=code)))
    for mark, where in sorted(marks.items(), key=lambda one: -sum(one[1].values())):
        if mark != CACHED and mark not in causes:
            text = flag_words(mark, sum(where.values())) + _places(where, several)
            found.append(Caution(f"{text}.", _link(mark=mark)))
    for entry in run.manifest.tasks:
        found += [Caution(text, _link(task=entry.name)) for text in _thin(entry, tallies.get(entry.name, Tally()))]
    return found


def _gravity(code: str) -> int:
    return 0 if Validity(code).is_measurement_failure else 1


def _places(where: Mapping[str, int], several: bool) -> str:
    """`: reading 3, programs 1` where a run has several tasks."""
    if not several:
        return ""
    return ": " + ", ".join(f"{name} {count:,}" for name, count in sorted(where.items(), key=lambda one: -one[1]))


def _thin(entry: TaskEntry, tally: Tally) -> list[str]:
    metric = _primary(entry)
    if metric is None:
        return []
    if 0 < tally.clusters < min(FEW_CLUSTERS, tally.records):
        sets = plural(tally.clusters, "group")
        return [
            f"{entry.name} rests on {sets} of samples that depend on each other: its interval is wide for its "
            f"{tally.records:,} samples."
        ]
    if metric.estimate.n < _FEW_SAMPLES:
        return [f"{entry.name} rests on {plural(metric.estimate.n, 'sample')}."]
    return []


def _causes(causes: Counter[str]) -> str:
    """The causes of failures, where they are known: ` (HTTP 503)`."""
    return f" ({', '.join(cause for cause, _ in causes.most_common(2))})" if causes else ""


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
