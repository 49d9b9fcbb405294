"""What a run got wrong, counted while its records pass: by task, category, length of the question, mark and cause."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from evalkit.core import Record, Validity
from evalkit.reporting.details import asked
from evalkit.reporting.endings import CACHED, WORDS, flag_short
from evalkit.reporting.marks import cause_of

_FEW = 12
"""Entries of one list."""
_THIRD = 20
"""Samples that a third of a task has at least, so that lengths are compared."""
_APART = 0.15


@dataclass(frozen=True, slots=True)
class Entry:
    """One count of a list: its words, how many samples, of how many (0: not said), the fragment that shows them."""

    words: str
    count: int
    of: int
    link: str


@dataclass(slots=True)
class Failures:
    """One task. Nine bytes a sample are kept: the length of its question, and whether it is right."""

    task: str
    records: int = 0
    wrong: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    wrong_in: Counter[str] = field(default_factory=Counter)
    _lengths: array[int] = field(default_factory=lambda: array("q"))
    _wrong: bytearray = field(default_factory=bytearray)

    def add(self, record: Record, value: float | None, marks: Sequence[str] = (), *, wrong: bool) -> None:
        """Take a record, what the task's primary metric says of it, what it is marked with, and whether it is wrong
        (`SampleValues.is_wrong`)."""
        self.records += 1
        self.wrong += wrong
        if record.validity is not Validity.OK:
            self.endings[record.validity.value] += 1
        cause = cause_of(record)
        if cause:
            self.causes[cause] += 1
        self.marks.update(mark for mark in marks if mark not in (cause, CACHED))
        if value is None:
            return
        self._lengths.append(len(asked(record)))
        self._wrong.append(wrong)
        for group in record.sample.groups:
            self.groups[group] += 1
            self.wrong_in[group] += wrong

    def by_length(self) -> Entry | None:
        """The third by length with the largest share of wrong answers, where it is well above that of the others."""
        import numpy as np

        lengths, wrong = np.asarray(self._lengths), np.frombuffer(self._wrong, dtype=np.uint8)
        size = len(lengths) // 3
        if size < _THIRD:
            return None
        edges = [*np.partition(lengths, (0, size, 2 * size))[[0, size, 2 * size]].tolist(), int(lengths.max()) + 1]
        if len(set(edges)) < 4:
            return None
        parts = []
        for low, high, word in zip(edges, edges[1:], ("shortest", "middle", "longest"), strict=False):
            inside = wrong[(lengths >= low) & (lengths < high)]
            parts.append((float(inside.mean()), int(inside.sum()), len(inside), low, high, word))
        worst = max(parts)
        others = [part for part in parts if part is not worst]
        share = sum(part[1] for part in others) / max(1, sum(part[2] for part in others))
        if worst[0] - share < _APART:
            return None
        words = f"{self.task}: {worst[5]} questions ({worst[3]:,} to {worst[4] - 1:,} characters)"
        link = _link(task=self.task, score="wrong", length=f"{worst[3]}..{worst[4]}")
        return Entry(words, worst[1], worst[2], link)


def listed(all_of: Iterable[Failures]) -> list[tuple[str, list[Entry]]]:
    """The lists of a page over the tasks of its runs, one for each way to part what went wrong; none is empty."""
    merged = list(all_of)
    lists = [
        ("By task", _by_task(merged)),
        ("By category", _by_group(merged)),
        ("By length of the question", [entry for one in merged if (entry := one.by_length())]),
        ("By how it ended", _over(merged, "endings", "validity", WORDS)),
        ("By cause", _over(merged, "causes", "mark", {})),
        ("By mark", _over(merged, "marks", "mark", {})),
    ]
    return [(title, entries) for title, entries in lists if entries]


def _by_task(merged: Iterable[Failures]) -> list[Entry]:
    found = [
        Entry(one.task, one.wrong, one.records, _link(task=one.task, score="wrong")) for one in merged if one.wrong
    ]
    return sorted(found, key=lambda entry: -entry.count)[:_FEW]


def _by_group(merged: Iterable[Failures]) -> list[Entry]:
    """The categories that get more wrong than their task does, the largest surplus of wrong answers first."""
    found = []
    for one in merged:
        usual = one.wrong / max(1, sum(1 for _ in one._wrong))
        for group, count in one.wrong_in.items():
            surplus = count - usual * one.groups[group]
            if surplus > 1.0 and len(one.groups) > 1:
                link = _link(task=one.task, group=group, score="wrong")
                found.append((surplus, Entry(f"{one.task}: {group}", count, one.groups[group], link)))
    return [entry for _, entry in sorted(found, key=lambda pair: -pair[0])[:_FEW]]


def _over(merged: Iterable[Failures], name: str, field_name: str, words: Mapping[str, str]) -> list[Entry]:
    total: Counter[str] = Counter()
    for one in merged:
        total.update(getattr(one, name))
    return [
        Entry(words.get(key) or flag_short(key), count, 0, _link(**{field_name: key}))
        for key, count in total.most_common(_FEW)
    ]


def _link(**filters: str) -> str:
    return "#" + urlencode(filters)
