"""What a check of variants comes to, in sentences: which one to take, and what the others lose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.comparing.variants import Variant, VariantCost
from evalkit.core import Estimate
from evalkit.core.formatting import change

_TOLD = 0.05
"""The p, after the correction for all variants, from which on a loss is told."""
_SMALL_RATIO = 1.01
"""A perplexity that is shown to be higher, but by less than one per cent, is told and is not a loss."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One variant: how much smaller it is (1 where that is not known), and what it is shown to lose."""

    variant: Variant
    factor: float
    losses: tuple[str, ...]

    def sentence(self) -> str:
        name, size = self.variant.name, _size(self.factor)
        if self.losses:
            return f"{name} {' and '.join(self.losses)}{f' ({size})' if size else ''}."
        return f"{name}: {size + ', ' if size else ''}{_no_loss(self.variant)}."


def recommendation(variants: Sequence[Variant], full: VariantCost) -> list[str]:
    """The variant to take first: the smallest that is shown to lose nothing. Then the others, the smallest first.

    Each is a sentence: `int8: 2.4× smaller, no loss seen (± 3.5 points).` `nf4 raises perplexity by 7.8 %.` Where every
    variant loses something, the first sentence says so.
    """
    said = [_Said(one, _factor(one.cost, full), _losses(one)) for one in variants if not one.problem]
    said.sort(key=lambda one: -one.factor)
    kept = [one for one in said if not one.losses]
    if not said:
        return []
    if not kept:
        first = (
            "The variant loses something." if len(said) == 1 else f"Each of the {len(said)} variants loses something."
        )
        return [first, *(one.sentence() for one in said)]
    best = kept[0]
    return [one.sentence() for one in (best, *(one for one in said if one is not best))]


def _factor(cost: VariantCost, full: VariantCost) -> float:
    known = cost.weights > 0 and math.isfinite(cost.weights) and math.isfinite(full.weights)
    return full.weights / cost.weights if known else 1.0


def _size(factor: float) -> str:
    """`2.4× smaller`; nothing for what is as large, or is not known."""
    if factor >= 1.05:
        return f"{factor:.2g}× smaller"
    return f"{1 / factor:.2g}× larger" if factor <= 1 / 1.05 else ""


def _losses(variant: Variant) -> tuple[str, ...]:
    """What is shown to be worse: points after the correction over variants, tasks after that over all of them, and a
    perplexity whose interval lies above the full model's by more than a per cent."""
    found = []
    points = variant.overall.difference
    if points is not None and variant.overall.adjusted <= _TOLD and points.value < 0:
        found.append(f"loses {_points(-points.value)} ({_bounds(points)})")
    else:
        found += [
            f"loses {_points(-shift.verdict.difference)} on {shift.task}"
            for shift in variant.shifts
            if shift.counts and shift.adjusted <= _TOLD and shift.verdict.difference < 0
        ]
    ratio = variant.overall.ratio
    if ratio is not None and ratio.low > 1.0 and ratio.value >= _SMALL_RATIO:
        found.append(f"raises perplexity by {100 * (ratio.value - 1):.1f} %")
    return tuple(found)


def _no_loss(variant: Variant) -> str:
    points, ratio = variant.overall.difference, variant.overall.ratio
    open_ends = []
    if points is not None and math.isfinite(points.low):
        open_ends.append(f"± {100 * (points.high - points.low) / 2:.1f} points")
    if ratio is not None and math.isfinite(ratio.low):
        open_ends.append(f"perplexity {100 * (ratio.value - 1):+.2g} %")
    return "no loss seen" + (f" ({', '.join(open_ends)})" if open_ends else "")


def _points(value: float) -> str:
    text = f"{100 * value:.1f}"
    return f"{text} point{'' if text == '1.0' else 's'}"


def _bounds(found: Estimate) -> str:
    return f"{change(found.low, 'proportion')} to {change(found.high, 'proportion')}"
