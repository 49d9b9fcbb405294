"""What `evalkit quantize-check` prints: what variants lose and what they save, in tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from evalkit.cli.rendering.output import console, print_toys
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.variant_file import VariantList
from evalkit.comparing.variant_words import recommendation
from evalkit.comparing.variants import Shift, Variant, VariantCost
from evalkit.core import Estimate, formatting
from evalkit.core.formatting import duration
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import styled

if TYPE_CHECKING:
    from rich.table import Table

    from evalkit.comparing.gates.report import GateReport


def show(asked: VariantList, full: VariantCost, variants: Sequence[Variant], gates: Mapping[str, GateReport]) -> None:
    """The tables, each 80 columns wide, then what could not be measured, the gates and the notes."""
    out = console()
    whole = one_line(asked.shown()[asked.full.folder])
    usable = [variant for variant in variants if not variant.problem]
    for number, line in enumerate(recommendation(usable, full)):
        out.print(one_line(line), style="bold" if number == 0 else None, soft_wrap=True)
    if usable:
        out.print()
        out.print(f"variants less {whole}, over the same samples", soft_wrap=True)
        out.print(_summary(usable))
        out.print()
        out.print(_tasks(usable))
        print_toys(out, (shift.task for variant in usable for shift in variant.shifts if shift.toy))
        out.print()
    out.print(_costs(whole, full, usable))
    for variant in variants:
        if variant.problem:
            out.print(f"\n{one_line(variant.name)}: {one_line(variant.problem)}")
    for name, report in gates.items():
        out.print(f"\ngate {one_line(name)}: {report.title}, {sentences.sentence(report)}", soft_wrap=True)
        for row in report.rows:
            out.print(f"  {one_line(row.name)}: {sentences.reason(row)}", soft_wrap=True)
    for line in notes(usable):
        out.print(f"note: {one_line(line)}", style="dim", soft_wrap=True)


def notes(variants: Sequence[Variant]) -> list[str]:
    """What is not alike between a variant and the full model, and what is left out."""
    found = [f"{v.name}: {shift.task}: {note}" for v in variants for shift in v.shifts for note in shift.notes]
    return found + [f"{variant.name}: {line}" for variant in variants for line in variant.left_out]


def _table(first: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold", min_width=12)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _summary(variants: Sequence[Variant]) -> Table:
    """All tasks of a variant in one line."""
    table = _table("variant", "points", "95 %", "p", "flipped", "KL (nats)", "perplexity")
    for variant in variants:
        whole = variant.overall
        table.add_row(
            one_line(variant.name),
            _change(whole.difference, "proportion"),
            _bounds(whole.difference, "proportion"),
            formatting.p_value(whole.adjusted),
            _proportion(whole.flips),
            small(whole.divergence.value) if whole.divergence else formatting.NONE,
            ratio(whole.ratio),
        )
    return table


def _tasks(variants: Sequence[Variant]) -> Table:
    table = _table("variant / task", "full", "change", "95 %", "p", "-/+", "KL")
    for variant in variants:
        table.add_row(styled((one_line(variant.name), "bold")))
        for shift in variant.shifts:
            verdict, scale = shift.verdict, shift.scale
            nats = shift.divergence or shift.next_token
            bound = "≥" if shift.divergence is None and nats is not None else ""
            table.add_row(
                f"  {one_line(shift.task)}",
                formatting.number(verdict.baseline, scale),
                formatting.change(verdict.difference, scale),
                _between(verdict.low, verdict.high, scale),
                formatting.p_value(shift.adjusted),
                _turned(shift),
                bound + small(nats.value) if nats else formatting.NONE,
            )
    return table


def _turned(shift: Shift) -> str:
    if shift.flips is None:
        return formatting.NONE
    n = shift.flips.both.n
    return f"{round(n * shift.flips.lost.value)}/{round(n * shift.flips.gained.value)}"


def _costs(name: str, full: VariantCost, variants: Sequence[Variant]) -> Table:
    table = _table("variant", "weights", "peak memory", "load", "written tok/s", "read tok/s")
    for label, cost in [(name, full), *((variant.name, variant.cost) for variant in variants)]:
        table.add_row(
            one_line(label),
            size(cost.weights),
            size(cost.memory) + (" GPU" if math.isfinite(cost.device) else ""),
            duration(cost.load_seconds) if math.isfinite(cost.load_seconds) else formatting.NONE,
            speed(cost.written),
            _short(cost.read[0]),
        )
    return table


# ---------------------------------------------------------------- numbers


def size(number: float) -> str:
    """Bytes with the unit that fits, in powers of ten."""
    if not math.isfinite(number):
        return formatting.NONE
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number:.0f} B"


def speed(found: tuple[float, float, float]) -> str:
    """The median, and in brackets the slowest and the fastest round."""
    middle, slowest, fastest = found
    return f"{_short(middle)} ({_short(slowest)}–{_short(fastest)})" if math.isfinite(middle) else formatting.NONE


def _short(number: float) -> str:
    """`812`, `9.57k`: three digits say enough of a speed."""
    if not math.isfinite(number):
        return formatting.NONE
    return f"{number / 1000:.3g}k" if number >= 1000 else f"{number:.3g}"


def small(number: float) -> str:
    """A divergence, with two significant digits."""
    if math.isinf(number):
        return "∞"
    return "0" if number == 0.0 else f"{number:.1e}" if number < 1e-3 else f"{number:.2g}"


def ratio(found: Estimate | None) -> str:
    """`×1.002`, with as many digits as show that it is not 1."""
    if found is None or not math.isfinite(found.value):
        return formatting.NONE
    off = abs(found.value - 1.0)
    return f"×{found.value:.3f}" if off >= 5e-4 or off == 0.0 else f"×{found.value:.5f}"


def _change(found: Estimate | None, scale: str) -> str:
    return formatting.change(found.value, scale) if found else formatting.NONE


def _bounds(found: Estimate | None, scale: str) -> str:
    return _between(found.low, found.high, scale) if found else formatting.NONE


def _between(low: float, high: float, scale: str) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return formatting.NONE
    return f"{formatting.change(low, scale)} … {formatting.change(high, scale)}"


def _proportion(found: Estimate | None) -> str:
    return formatting.number(found.value, "proportion") if found else formatting.NONE


# ---------------------------------------------------------------- JSON


def to_json(
    folder: Path, asked: VariantList, full: VariantCost, variants: Sequence[Variant], gates: Mapping[str, GateReport]
) -> str:
    """All of it for programs. Numbers that are not finite are null."""
    from evalkit.reporting.text import finite

    names = asked.shown()
    states = {names[one.folder]: one for one in asked.variants}
    whole = {
        "format": 1,
        "recommendation": recommendation([one for one in variants if not one.problem], full),
        "folder": str(folder),
        "full": {"name": asked.full.name, "run": str(folder / asked.full.folder), "cost": _cost_json(full)},
        "tasks": asked.tasks,
        "variants": [
            {
                "variant": states[variant.name].name,
                "model": states[variant.name].spec,
                "state": states[variant.name].state,
                "problem": variant.problem or None,
                "run": str(folder / states[variant.name].folder) if not variant.problem else None,
                "cost": _cost_json(variant.cost) if not variant.problem else None,
                "overall": _overall_json(variant) if not variant.problem else None,
                "tasks": [_shift_json(shift) for shift in variant.shifts],
                "gate": _gate_json(gates[variant.name]) if variant.name in gates else None,
                "left_out": variant.left_out,
            }
            for variant in variants
        ],
    }
    return orjson.dumps(finite(whole), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _cost_json(cost: VariantCost) -> dict[str, Any]:
    def rounds(found: tuple[float, float, float]) -> dict[str, float]:
        return dict(zip(("median", "slowest", "fastest"), found, strict=True))

    return {
        "weight_bytes": cost.weights,
        "peak_bytes": cost.peak,
        "bytes_before_loading": cost.before,
        "device_peak_bytes": cost.device,
        "load_seconds": cost.load_seconds,
        "written_tokens_per_second": rounds(cost.written),
        "read_tokens_per_second": rounds(cost.read),
    }


def _overall_json(variant: Variant) -> dict[str, Any]:
    whole = variant.overall
    found = {
        name: _estimate_json(getattr(whole, name)) for name in ("difference", "flips", "changed", "divergence", "ratio")
    }
    return {"tasks": whole.tasks, **found, "p": whole.p_value, "p_holm": whole.adjusted}


def _shift_json(shift: Shift) -> dict[str, Any]:
    verdict = shift.verdict
    return {
        "task": shift.task,
        "metric": shift.metric,
        "scale": shift.scale,
        "higher_is_better": shift.higher_is_better,
        "full": verdict.baseline,
        "variant": verdict.candidate,
        "difference": verdict.difference,
        "low": verdict.low,
        "high": verdict.high,
        "p": shift.p_value,
        "compare_p": verdict.p_value,
        "mcnemar_p": verdict.mcnemar_p,
        "p_holm": shift.adjusted,
        "n": int(verdict.n),
        "how": verdict.how,
        "flipped": _estimate_json(shift.flips.both) if shift.flips else None,
        "lost": _estimate_json(shift.flips.lost) if shift.flips else None,
        "gained": _estimate_json(shift.flips.gained) if shift.flips else None,
        "changed": _estimate_json(shift.changed),
        "divergence": _estimate_json(shift.divergence),
        "next_token_divergence_at_least": _estimate_json(shift.next_token),
        "perplexity_ratio": {"metric": shift.ratio[0], **(_estimate_json(shift.ratio[1]) or {})}
        if shift.ratio
        else None,
        "notes": list(shift.notes),
    }


def _estimate_json(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "low": found.low, "high": found.high, "n": int(found.n), "how": found.how}


def _gate_json(report: GateReport) -> dict[str, Any]:
    from evalkit.comparing.gates.outputs import to_json as gate_json

    read: dict[str, Any] = orjson.loads(gate_json(report))
    return read
