"""The same samples in two runs: matched by (task, sample, repeat), repeats averaged, everything unmatched counted."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalkit.comparing.side import COSTS, Column, TaskSide
from evalkit.core import UsageError
from evalkit.plugins.families import family_of
from evalkit.scoring.metrics.per_sample import value_of_sample

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

By = Literal["id", "prompt"]
Units: TypeAlias = "Callable[[FloatRows, IntArray], tuple[FloatRows, IntArray]]"
"""As `core.Metric.units`."""


@dataclass(slots=True, eq=False)
class PairedTask:
    """One task of two runs. `ids` are the samples that both measured, in the candidate's order of the data.

    `left` and `right` hold, for every id, the places of its repeats in baseline and candidate. `missing` are samples
    of the baseline alone, `extra` of the candidate alone; `duplicates` are keys that one side holds twice.
    `other_data` and `other_prompt` are samples whose content, or prompt before the chat template, is not the same.
    """

    name: str
    baseline: TaskSide
    candidate: TaskSide
    by: By = "id"
    ids: list[str] = field(default_factory=list)
    left: list[list[int]] = field(default_factory=list)
    right: list[list[int]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    other_data: list[str] = field(default_factory=list)
    other_prompt: list[str] = field(default_factory=list)
    known: dict[str, PairedValues] = field(default_factory=dict, repr=False)
    """PairedValues by metric, once they were asked for; a gate with many slices asks again and again."""

    @property
    def metrics(self) -> list[str]:
        """The metrics that both sides have, the candidate's primary metric first."""
        return [name for name in self.candidate.metrics if name in self.baseline.columns]

    @property
    def toy(self) -> bool:
        """Whether its rows are a toy set."""
        return self.baseline.toy or self.candidate.toy

    @property
    def primary_metric(self) -> str:
        for name in (self.candidate.primary_metric, self.baseline.primary_metric, *self.metrics):
            if name in self.metrics:
                return name
        return ""

    def groups(self) -> dict[str, IntArray]:
        """Group name to the places in `ids` of its samples, sorted by name."""
        import numpy as np

        members: dict[str, list[int]] = defaultdict(list)
        for place, copies in enumerate(self.right):
            for name in self.candidate.groups[copies[0]] or self._left_groups(place):
                members[name].append(place)
        return {name: np.asarray(places, dtype=np.int64) for name, places in sorted(members.items())}

    def _left_groups(self, place: int) -> tuple[str, ...]:
        groups = self.baseline.groups
        return groups[self.left[place][0]] if groups else ()


@dataclass(frozen=True, slots=True, eq=False)
class PairedValues:
    """One metric of paired samples: means over repeats, shape (n,), for those that both sides could measure.

    `places` index `PairedTask.ids`. `errored` counts the pairs that were left out; of these, `lost` are those that one
    side measured.
    """

    places: IntArray
    baseline: FloatRows
    candidate: FloatRows
    clusters: IntArray | None
    repeats: bool
    errored: int
    lost: Lost | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """Pairs of which one side alone has a value, shape (k,): NaN on the other. `clusters` as in PairedValues."""

    places: IntArray
    baseline: FloatRows
    candidate: FloatRows
    clusters: IntArray | None


@dataclass(frozen=True, slots=True, eq=False)
class RowPairs:
    """One metric's rows of the same records, shape (n, width) each; repeats of a sample share a cluster."""

    baseline: FloatRows
    candidate: FloatRows
    clusters: IntArray
    errored: int


def pair_tasks(
    baseline: Mapping[str, TaskSide],
    candidate: Mapping[str, TaskSide],
    *,
    names: Sequence[tuple[str, str]] = (),
    by: By | None = None,
) -> tuple[list[PairedTask], list[str], list[str]]:
    """(tasks of both, names in the baseline alone, names in the candidate alone).

    Tasks are matched by name, with or without their family's prefix; where each side has just one, those two. `names`
    are (baseline, candidate) pairs that say it otherwise; each may be a pattern with `*`, whose tasks are then taken as
    one. Raises UsageError for a pattern that nothing fits.
    """
    if names:
        chosen = [
            (_merged(baseline, left, "baseline"), _merged(candidate, right, "candidate")) for left, right in names
        ]
        return [pair_task(left, right, by=by) for left, right in chosen], [], []
    if len(baseline) == 1 and len(candidate) == 1:
        (left,), (right,) = baseline.values(), candidate.values()
        return [pair_task(left, right, by=by)], [], []
    same = _same(list(baseline), list(candidate))
    pairs = [pair_task(baseline[left], candidate[right], by=by) for right, left in same.items()]
    taken = set(same.values())
    return pairs, [n for n in baseline if n not in taken], [n for n in candidate if n not in same]


def _same(baseline: Sequence[str], candidate: Sequence[str]) -> dict[str, str]:
    """Name in the candidate → name in the baseline: the same one, or the same task of a family as its own harness
    calls it ("lm-eval/gsm8k" is the "gsm8k" of lm-eval's log)."""
    same = {name: name for name in candidate if name in baseline}
    left = {_plain(name): name for name in baseline if name not in same}
    for name in candidate:
        other = left.get(_plain(name))
        if name not in same and other is not None and bool(family_of(name)) != bool(family_of(other)):
            same[name] = other
    return {name: same[name] for name in candidate if name in same}


def _plain(name: str) -> str:
    return name.removeprefix(family_of(name))


def names_of(texts: Iterable[str], baseline: Collection[str], candidate: Collection[str]) -> list[tuple[str, str]]:
    """The `names` of `pair_tasks` from `A=B` each, given the tasks of both sides.

    Names may hold `=` themselves (mmlu,form=letter): the cut that leaves a known name is taken. Raises UsageError for
    a text without one.
    """
    found = []
    for text in texts:
        cuts = [(text[:place], text[place + 1 :]) for place, sign in enumerate(text) if sign == "="]
        if not cuts:
            raise UsageError("--pair takes A=B", found=repr(text), fix="--pair 'mmlu=mmlu_*'")
        found.append(next((cut for cut in cuts if cut[0] in baseline or cut[1] in candidate), cuts[0]))
    return found


def pair_task(baseline: TaskSide, candidate: TaskSide, *, by: By | None = None) -> PairedTask:
    """Match the samples of one task by their ids, or by their prompts.

    Without `by`, ids are used, unless the runs are of different harnesses and no id is shared: their numbering
    differs, while the same question in the same prompt is the same text. Texts that are there several times are
    matched in the order of the data.
    """
    if by is None:
        shared = set(baseline.ids) & set(candidate.ids)
        prompts = set(baseline.texts) & set(candidate.texts) - {""}
        foreign = baseline.harness != candidate.harness
        by = "prompt" if foreign and len(prompts) > len(shared) else "id"
    paired = PairedTask(candidate.name, baseline, candidate, by)
    left, right = _copies(baseline, by), _copies(candidate, by)
    for key, copies in right.items():
        if key in left:
            paired.ids.append(candidate.ids[copies[0]])
            paired.left.append(left[key])
            paired.right.append(copies)
    paired.missing = [baseline.ids[copies[0]] for key, copies in left.items() if key not in right]
    paired.extra = [candidate.ids[copies[0]] for key, copies in right.items() if key not in left]
    paired.duplicates = [*_twice(baseline), *_twice(candidate)]
    if by == "id":
        _find_changes(paired)
    return paired


def values_of(paired: PairedTask, metric: str) -> PairedValues:
    """The metric's value of every sample that both sides measured: the mean of its repeats, or what `Metric.units`
    makes of them. For metrics that `is_per_sample` only."""
    if metric not in paired.known:
        paired.known[metric] = _values(paired, metric)
    return paired.known[metric]


def _values(paired: PairedTask, metric: str) -> PairedValues:
    import numpy as np

    one, other = paired.baseline.columns[metric], paired.candidate.columns[metric]
    units = other.units or one.units
    left, right = _per_sample(one, paired.left, units), _per_sample(other, paired.right, units)
    both, either = np.isfinite(left) & np.isfinite(right), np.isfinite(left) | np.isfinite(right)
    places, alone = np.flatnonzero(both), np.flatnonzero(either & ~both)
    clusters = clusters_of(paired)
    lost = Lost(alone, left[alone], right[alone], None if clusters is None else clusters[alone])
    return PairedValues(
        places=places,
        baseline=left[both],
        candidate=right[both],
        clusters=None if clusters is None else clusters[both],
        repeats=any(len(copies) > 1 for copies in (*paired.left, *paired.right)),
        errored=len(left) - len(places),
        lost=lost if len(alone) else None,
    )


def rows_of(paired: PairedTask, metric: str) -> RowPairs:
    """The metric's rows of the records that both sides have, repeat by repeat."""
    import numpy as np

    left, right = paired.baseline.columns[metric].rows, paired.candidate.columns[metric].rows
    first, second, owners = [], [], []
    for place, (ours, theirs) in enumerate(zip(paired.left, paired.right, strict=True)):
        for one, other in zip(ours, theirs, strict=False):
            first.append(one)
            second.append(other)
            owners.append(place)
    before, after, owner = left[first], right[second], np.asarray(owners, dtype=np.int64)
    both = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    clusters = clusters_of(paired)
    numbers = owner if clusters is None else clusters[owner]
    return RowPairs(before[both], after[both], numbers[both], int((~both).sum()))


def is_per_sample(paired: PairedTask, metric: str) -> bool:
    """Whether the metric is a mean of one value a sample, as accuracy and pass@k are and a corpus's BLEU is not."""
    columns = (paired.candidate.columns[metric], paired.baseline.columns[metric])
    return any(column.units for column in columns) or all(column.width == 1 and is_mean(column) for column in columns)


def is_mean(column: Column) -> bool:
    """Whether the metric is the mean of its rows. What it says of these rows decides, not its name."""
    import numpy as np

    if column.estimate is None or column.width != 1:
        return column.width == 1
    rows = column.rows[np.isfinite(column.rows[:, 0])]
    if not len(rows):
        return True
    value = column.value_of(rows)
    return math.isclose(value, float(rows.mean()), rel_tol=1e-9, abs_tol=1e-12)


# ---------------------------------------------------------------- matching


def _copies(side: TaskSide, by: By) -> dict[str, list[int]]:
    """Key to the places of a sample's records, in the order of repeats (the data's order is kept by the dict)."""
    found: dict[str, dict[int, int]] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for place, (sample, repeat) in enumerate(zip(side.ids, side.repeats, strict=True)):
        key = sample
        if by == "prompt":
            key = side.texts[place]
            seen[key, repeat] += 1
            key = f"{key}/{seen[key, repeat]}"
        found.setdefault(key, {}).setdefault(repeat, place)
    return {key: [places[repeat] for repeat in sorted(places)] for key, places in found.items()}


def _twice(side: TaskSide) -> list[str]:
    counts = Counter(zip(side.ids, side.repeats, strict=True))
    return [sample for (sample, _), count in counts.items() if count > 1]


def _find_changes(paired: PairedTask) -> None:
    """Digests may be shortened on one side (a baseline file): as much of them is compared as both have.

    Harnesses digest differently; between two of them it is the prompt's text that must agree.
    """
    before, after = paired.baseline, paired.candidate
    foreign = before.harness != after.harness
    for sample, ours, theirs in zip(paired.ids, paired.left, paired.right, strict=True):
        one, other = ours[0], theirs[0]
        if foreign:
            if not _alike(before.texts[one], after.texts[other]):
                paired.other_prompt.append(sample)
        elif not _alike(before.asked[one], after.asked[other]):
            paired.other_data.append(sample)
        elif not _alike(before.prompted[one], after.prompted[other]):
            paired.other_prompt.append(sample)


def _alike(one: str, other: str) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _per_sample(column: Column, places: Sequence[Sequence[int]], units: Units | None) -> FloatRows:
    import numpy as np

    if units is not None:
        return np.asarray([value_of_sample(column.rows[list(copies)], units) for copies in places], dtype=np.float64)
    values = column.rows[:, 0]
    if all(len(copies) == 1 for copies in places):
        return values[[copies[0] for copies in places]] if places else np.zeros(0)
    means = []
    for copies in places:
        measured = [value for value in values[list(copies)] if math.isfinite(value)]
        means.append(sum(measured) / len(measured) if measured else math.nan)
    return np.asarray(means, dtype=np.float64)


def clusters_of(paired: PairedTask) -> IntArray | None:
    """Numbers of the samples' clusters, (n,), or None where every sample stands for itself."""
    import numpy as np

    names = [paired.candidate.clusters[copies[0]] for copies in paired.right]
    if not any(names):
        # Another harness's log may not tell, and what evalkit keeps of the other run may.
        names = [paired.baseline.clusters[copies[0]] for copies in paired.left]
    if not any(names):
        return None
    own = [name or f"\0{place}" for place, name in enumerate(names)]
    _, numbers = np.unique(np.asarray(own, dtype=object).astype(str), return_inverse=True)
    return numbers.astype(np.int64)


# ---------------------------------------------------------------- several tasks as one


def _merged(sides: Mapping[str, TaskSide], pattern: str, which: str) -> TaskSide:
    found = [side for name, side in sides.items() if name == pattern or fnmatchcase(name, pattern)]
    if not found:
        raise UsageError(f"the {which} has no task {pattern!r}", found=", ".join(sides))
    return found[0] if len(found) == 1 else merge(pattern, found)


def merge(name: str, sides: Sequence[TaskSide]) -> TaskSide:
    """Several tasks of one run taken as one; their samples are told apart by the task's name before the id."""
    import numpy as np

    first = sides[0]
    whole = TaskSide(
        name, first.model, first.origin, first.harness, first.version, first.primary_metric, _shared(sides), created=""
    )
    whole.merged = tuple(side.name for side in sides)
    whole.toy = any(side.toy for side in sides)
    for side in sides:
        whole.ids += [f"{side.name}/{sample}" for sample in side.ids]
        whole.repeats += side.repeats
        whole.asked += side.asked
        whole.prompted += side.prompted
        whole.texts += side.texts
        whole.validity += side.validity
        whole.clusters += [cluster and f"{side.name}/{cluster}" for cluster in side.clusters]
        whole.groups += [(side.name, *groups) for groups in side.groups]
        whole.notes += side.notes
    for metric, column in first.columns.items():
        if all(metric in side.columns and side.columns[metric].width == column.width for side in sides):
            rows = np.concatenate([side.columns[metric].rows for side in sides])
            whole.columns[metric] = replace(column, rows=rows, known=None)
    whole.costs = {key: np.concatenate([_cost_column(side, key) for side in sides]) for key in COSTS}
    return whole


def _cost_column(side: TaskSide, key: str) -> FloatRows:
    """What each record took; a baseline file has the mean for all of them, or nothing."""
    import numpy as np

    values = side.costs.get(key)
    if values is not None:
        return values
    return np.full(side.n, side.mean_costs[key].mean if key in side.mean_costs else math.nan)


def _shared(sides: Sequence[TaskSide]) -> dict[str, str]:
    """What all of them say alike of how they were asked."""
    first = sides[0].facts
    return {key: value for key, value in first.items() if all(side.facts.get(key) == value for side in sides)}
