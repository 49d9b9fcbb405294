"""What got worst between two runs: the categories that lost most, and the single samples."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from evalkit.reporting.charts import Spanned

_MOST = 8
LOST, GAINED = ("lost", "worse"), ("gained", "better")


@dataclass(frozen=True, slots=True)
class LostSample:
    """One sample that got worse, with the fragment that opens it."""

    task: str
    sample: str
    asked: str
    before: str
    after: str
    link: str


@dataclass(frozen=True, slots=True)
class LostGroup:
    """One category that got worse. `lost` of the task's `of` samples that got worse are in it."""

    task: str
    name: str
    scale: str
    verdict: Spanned
    lost: int
    gained: int
    of: int
    link: str


@dataclass(slots=True)
class Regressions:
    """One task's samples, counted while they pass; the worst few are kept."""

    task: str
    higher: bool = True
    kinds: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    _worst: list[tuple[float, int, LostSample]] = field(default_factory=list)

    def add(
        self, kind: str, groups: Sequence[str], key: tuple[str, int, int], loss: float, texts: tuple[str, str, str]
    ) -> None:
        """Take one sample: how it changed, its categories, (id, index, repeat), and what was asked and replied."""
        self.kinds[kind] += 1
        if kind in GAINED:
            self.gained.update(groups)
        if kind not in LOST:
            return
        self.lost.update(groups)
        link = sample_link(self.task, key, kind)
        entry = (loss, -sum(self.kinds.values()), LostSample(self.task, key[0], *texts, link))
        (heapq.heappush if len(self._worst) < _MOST else heapq.heappushpop)(self._worst, entry)

    def samples(self) -> list[tuple[float, LostSample]]:
        """(how much was lost, the sample), the largest loss first, then in the order of the data."""
        return [(loss, one) for loss, _, one in sorted(self._worst, key=lambda entry: entry[:2], reverse=True)]

    def groups(self, verdicts: Sequence[tuple[str, str, Spanned]]) -> list[LostGroup]:
        """The categories, (name, scale, difference) each, that lost more than they gained."""
        found = []
        every = sum(self.kinds[kind] for kind in LOST)
        for name, scale, verdict in verdicts:
            drop = -verdict.difference if self.higher else verdict.difference
            if drop > 0 and self.lost[name] > self.gained[name]:
                kind = "lost" if self.kinds["lost"] else "worse"
                link = "#" + urlencode({"task": self.task, "group": name, "kind": kind})
                numbers = self.lost[name], self.gained[name], every
                found.append(LostGroup(self.task, name, scale, verdict, *numbers, link))
        return found


def worst_groups(found: Sequence[LostGroup]) -> list[LostGroup]:
    """The few that lost most samples, net."""
    return sorted(found, key=lambda one: one.gained - one.lost)[:_MOST]


def worst_samples(all_of: Mapping[str, Regressions] | Sequence[Regressions]) -> list[LostSample]:
    """The few of all tasks that lost most, a task after the other in turn so that none hides the rest."""
    every = list(all_of.values()) if isinstance(all_of, Mapping) else list(all_of)
    lists = [one.samples() for one in every]
    found: list[LostSample] = []
    for place in range(_MOST):
        found += [samples[place][1] for samples in lists if place < len(samples)]
    return found[:_MOST]


def sample_link(task: str, key: tuple[str, int, int], kind: str) -> str:
    """The fragment that a page's browser reads: its filters, and the sample's key as `encodeURIComponent` writes it."""
    parts = "/".join(quote(str(part), safe="!'()*~") for part in (task, *key))
    return "#" + urlencode({"task": task, "kind": kind, "sample": parts})
