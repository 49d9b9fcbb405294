"""Variants of one model against the full one: differences, flips, divergences, costs, quality against price."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit import Run
from evalkit.comparing.gates import Opened, gate, open_run, policy_from
from evalkit.comparing.gates.outputs.sentences import reason, sentence
from evalkit.comparing.gates.report import GateReport
from evalkit.comparing.variant_file import VariantList, read_list
from evalkit.comparing.variant_words import recommendation
from evalkit.comparing.variants import Shift, Variant, VariantCost, compare_variants, cost_of
from evalkit.core import Estimate, UsageError, toy_sets
from evalkit.core.formatting import change, number, seconds
from evalkit.reporting import Markup, page

from .plot import Point, plot

META = {
    "name": "variants",
    "summary": "quantized variants of a model against the full one: what they lose, what they save, with a plot",
    "tags": ["html", "comparison", "quantization"],
}

_TOLD = 0.05
"""The p, after the correction for all variants and tasks, from which on a difference is marked."""


def report(
    runs: Sequence[Run], /, *, full: str = "", policy: str = "", margin: str = "", title: str = "Variants"
) -> Iterator[str]:
    """A page over the runs of `evalkit quantize-check`, or over any runs of the same tasks.

    `full` names the model that the others are held against; by default it is the one that the check says, else the
    first. `policy` is a gate's policy file, or "default", and `margin` its largest drop; a verdict then stands with
    each variant.
    """
    if len(runs) < 2:
        raise UsageError(
            "variants take two runs or more", found=f"{len(runs)} runs", fix="evalkit report DIR --as variants"
        )
    listed = read_list(runs[0].folder.parent)
    first = _full(runs, full, listed)
    names = _names(runs, listed)
    before = open_run(first)
    opened = {names[run.folder]: open_run(run) for run in _ordered(runs, listed) if run is not first}
    told: list[tuple[str, Opened | str]] = list(opened.items())
    if listed is not None:
        called = [(listed.shown()[one.folder], one.problem) for one in listed.variants]
        told += [(name, problem) for name, problem in called if name not in opened and problem]
    variants = compare_variants(before, told)
    gates: dict[str, GateReport] = {}
    if policy or margin:
        rules = policy_from(None if policy in ("", "default") else Path(policy), {"margin": margin or None})
        gates = {name: gate(one, before, rules) for name, one in opened.items()}
    shown = _Shown(names[first.folder], first, variants, gates, title)
    return page(Path(__file__).parent, "page.html.j2", shown.context(), styles=["page.css"], scripts=["page.js"])


def _full(runs: Sequence[Run], wanted: str, listed: VariantList | None) -> Run:
    if wanted:
        found = [run for run in runs if wanted in (run.model, run.folder.name, str(run.folder))]
        if not found:
            raise UsageError(f"no run is of {wanted!r}", found=", ".join(run.model for run in runs))
        return found[0]
    if listed is not None:
        return next((run for run in runs if run.folder.name == listed.full.folder), runs[0])
    return runs[0]


def _names(runs: Sequence[Run], listed: VariantList | None) -> dict[Path, str]:
    """What each run is called: as the check asked for it, else by its model; where two are alike, with the folder."""
    asked = listed.shown() if listed else {}
    found = {run.folder: asked.get(run.folder.name, run.model) for run in runs}
    taken = Counter(found.values())
    return {folder: name if taken[name] == 1 else f"{name} ({folder})" for folder, name in found.items()}


def _ordered(runs: Sequence[Run], listed: VariantList | None) -> list[Run]:
    if listed is None:
        return list(runs)
    places = {one.folder: place for place, one in enumerate(listed.variants)}
    return sorted(runs, key=lambda run: places.get(run.folder.name, len(places)))


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the template draws."""

    name: str
    full: Run
    variants: list[Variant]
    gates: dict[str, GateReport]
    title: str

    @property
    def usable(self) -> list[Variant]:
        return [variant for variant in self.variants if not variant.problem]

    def context(self) -> dict[str, Any]:
        tasks = list(dict.fromkeys(shift.task for variant in self.usable for shift in variant.shifts))
        by_task = [
            (task, [(v.name, shift) for v in self.usable for shift in v.shifts if shift.task == task]) for task in tasks
        ]
        verdicts = [
            (name, found.title, sentence(found), [f"{row.name}: {reason(row)}" for row in found.rows])
            for name, found in self.gates.items()
        ]
        return {
            "heading": self.title,
            "recommended": recommendation(self.usable, cost_of(self.full)),
            "full_name": self.name,
            "full": self.full,
            "full_cost": cost_of(self.full),
            "costs_known": any(one != VariantCost() for one in (cost_of(self.full), *(v.cost for v in self.usable))),
            "variants": self.usable,
            "problems": [variant for variant in self.variants if variant.problem],
            "by_task": by_task,
            "toys": toy_sets.note([task for task, rows in by_task if rows[0][1].toy]),
            "plots": [chart for chart in self._plots() if chart[1]],
            "gates": verdicts,
            "notes": [f"{v.name}: {line}" for v in self.usable for line in v.left_out]
            + [f"{v.name}, {s.task}: {note}" for v in self.usable for s in v.shifts for note in s.notes],
            "reach": _reach(
                [shift for _, rows in by_task for _, shift in rows if shift.scale == "proportion"], self.usable
            ),
            "told": told,
            "size": size,
            "small": small,
            "pace": pace,
            "times": times,
            "isfinite": math.isfinite,
            "nan": math.nan,
        }

    def _plots(self) -> list[tuple[str, Markup]]:
        """Points of score, and perplexity, against what a variant takes: a row of charts for each price."""
        axes = [
            ("weights", "size of the weights", size),
            ("memory", "memory at the peak", size),
            ("written", "tokens written a second", rate),
        ]
        points = [_points(variant.overall.difference) for variant in self.usable]
        ratios = [variant.overall.ratio for variant in self.usable]
        kinds = [
            ("points less than the full model", points, _level(0.0), ".3g"),
            ("perplexity over the full model's", ratios, _level(1.0), ".4g"),
        ]
        found = []
        for field, words, word in axes:
            for quality, values, whole, digits in kinds:
                drawn = [self._point(self.name, "", cost_of(self.full), field, whole, full=True)]
                drawn += [
                    self._point(variant.name, str(place), variant.cost, field, value)
                    for place, (variant, value) in enumerate(zip(self.usable, values, strict=True), 1)
                ]
                found.append((f"{quality.capitalize()} against {words}", plot(drawn, words, quality, word, digits)))
        return found

    @staticmethod
    def _point(
        name: str, mark: str, cost: VariantCost, field: str, value: Estimate | None, *, full: bool = False
    ) -> Point:
        price = getattr(cost, field)
        middle, least, most = price if isinstance(price, tuple) else (price, math.nan, math.nan)
        if value is None:
            return Point(name, mark, math.nan, math.nan, math.nan, middle, least, most, full)
        return Point(name, mark, value.value, value.low, value.high, middle, least, most, full)


def _level(level: float) -> Estimate:
    return Estimate(level, level, level, 0, "the full model")


def _points(found: Estimate | None) -> Estimate | None:
    if found is None:
        return None
    return Estimate(100 * found.value, 100 * found.low, 100 * found.high, found.n, found.how)


def _reach(shifts: Sequence[Shift], variants: Sequence[Variant]) -> float:
    """How far a drawn line goes from zero."""
    every = [n for s in shifts for n in (s.verdict.low, s.verdict.high)]
    every += [
        n for v in variants if v.overall.difference for n in (v.overall.difference.low, v.overall.difference.high)
    ]
    return max((abs(n) for n in every if math.isfinite(n)), default=1.0) or 1.0


def told(value: float, p: float, higher_is_better: bool = True) -> str:
    """On which side of the full model a variant lies for the reader, where the corrected p tells the two apart."""
    if not p <= _TOLD:
        return ""
    return "better" if (value > 0) == higher_is_better else "worse"


def size(found: float) -> str:
    """Bytes with the unit that fits, in powers of ten."""
    if not math.isfinite(found):
        return "–"
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if found >= factor:
            return f"{found / factor:.3g} {unit}"
    return f"{found:.0f} B"


def pace(found: float) -> str:
    """Tokens a second, with three digits below a hundred: a slow variant writes 2.1."""
    return f"{found:,.0f}" if found >= 100 else f"{found:.3g}"


def rate(found: float) -> str:
    return f"{pace(found)}/s" if math.isfinite(found) else "–"


def small(found: float) -> str:
    """A divergence, with two significant digits."""
    if not math.isfinite(found):
        return "∞" if found > 0 else "–"
    return "0" if found == 0.0 else f"{found:.1e}" if found < 1e-3 else f"{found:.2g}"


def times(found: float) -> str:
    """`×1.002`, with as many digits as show that it is not 1."""
    if not math.isfinite(found):
        return "–"
    off = abs(found - 1.0)
    return f"×{found:.3f}" if off >= 5e-4 or off == 0.0 else f"×{found:.5f}"


__all__ = ["META", "change", "number", "report", "seconds"]
