"""What `evalkit compare` prints: tables of paired differences, changed samples, JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from evalkit.comparing import PairedTask
from evalkit.comparing.gates.assess import difference, flips, row_of
from evalkit.comparing.gates.outputs import sentences
from evalkit.core import UsageError, Validity, formatting
from evalkit.core.outside_text import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from evalkit.comparing.gates import GateVerdict, Opened
    from evalkit.comparing.gates.report import GateRow


def differences_table(paired: Sequence[PairedTask], confidence: float) -> Table:
    """A line for every task and metric: both values, B - A with its interval and p, how many got worse and better."""
    # Numbers that are no proportions are wider.
    wide = any(pair.candidate.columns[metric].scale != "proportion" for pair in paired for metric in pair.metrics)
    table = _table("task / metric", confidence, flipped=True, space=1 if wide else 2)
    for pair in paired:
        if not pair.metrics:
            table.add_row(one_line(pair.name), *["–"] * 6, "no metric in common")
        for metric in pair.metrics:
            row = _row(pair, metric, confidence)
            if row is None:
                table.add_row(one_line(f"{pair.name} {metric}"), *["–"] * 6)
                continue
            table.add_row(one_line(f"{pair.name} {metric}"), *_cells(row), f"{len(row.worse)}/{len(row.better)}")
    return table


def groups_table(pair: PairedTask, confidence: float, most: int) -> Table | None:
    """The primary metric by group, with p adjusted by Benjamini & Hochberg; None where there are no groups."""
    groups = pair.groups()
    if not groups or not pair.primary_metric:
        return None
    from evalkit.stats.multiple import benjamini_hochberg

    found = {name: difference(pair, pair.primary_metric, confidence, places) for name, places in groups.items()}
    adjusted = benjamini_hochberg([v.p_value if math.isfinite(v.p_value) else 1.0 for v in found.values()])
    table = _table(f"group ({pair.primary_metric})", confidence, p="p (BH)")
    rows = sorted(zip(found.items(), adjusted, strict=True), key=lambda item: item[1])
    for (name, verdict), p in rows[:most]:
        row = row_of(pair, pair.primary_metric, verdict, part=name)
        table.add_row(one_line(name), *_cells(row, p))
    if len(rows) > most:
        table.add_row(f"… and {len(rows) - most} more", *[""] * 6)
    return table


def flip_lines(pair: PairedTask, shown: int) -> Iterator[str]:
    """Which samples changed, how validity differs, what the pairs leave out."""
    name = one_line(pair.name)
    if pair.primary_metric:
        row = _row(pair, pair.primary_metric, 0.95)
        if row is not None:
            yield f"{name}: {sentences.flips(row, shown) or f'no sample changed its {pair.primary_metric}'}"
            if row.errored:
                yield f"{name}: {row.errored:,} samples left out: one side could not measure them"
    changes = validity_changes(pair)
    if changes:
        listed = ", ".join(f"{count:,} {before} → {after}" for (before, after), count in changes.most_common())
        yield f"{name}: validity: {listed}"


def validity_changes(pair: PairedTask) -> Counter[tuple[str, str]]:
    """(validity in A, validity in B) of samples that ended differently."""
    before, after = pair.baseline.validity, pair.candidate.validity
    found: Counter[tuple[str, str]] = Counter()
    for ours, theirs in zip(pair.left, pair.right, strict=True):
        one, other = before[ours[0]], after[theirs[0]]
        if one != other:
            found[Validity(one).value, Validity(other).value] += 1
    return found


def comparison_json(
    one: Opened, other: Opened, paired: Sequence[PairedTask], left_out: Sequence[str], confidence: float
) -> str:
    """All of it for programs. Numbers that are not finite are null."""
    from evalkit.comparing.gates.integrity import findings

    tasks = [
        {
            "task": pair.name,
            "matched_by": pair.by,
            "samples": len(pair.ids),
            "missing": pair.missing,
            "extra": pair.extra,
            "metrics": [_metric_json(pair, metric, confidence) for metric in pair.metrics],
            "groups": [
                {"group": name, **_verdict_json(difference(pair, pair.primary_metric, confidence, places))}
                for name, places in (pair.groups() if pair.primary_metric else {}).items()
            ],
            "validity": [
                {"a": before, "b": after, "samples": count} for (before, after), count in validity_changes(pair).items()
            ],
            "findings": [
                {"level": found.level, "what": found.what, "samples": found.samples} for found in findings(pair)
            ],
            "signatures": [pair.baseline.signature, pair.candidate.signature],
        }
        for pair in paired
    ]
    whole = {
        "format": 1,
        "a": {"name": one.name, "model": one.model},
        "b": {"name": other.name, "model": other.model},
        "confidence": confidence,
        "tasks": tasks,
        "left_out": list(left_out),
    }
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _metric_json(pair: PairedTask, metric: str, confidence: float) -> dict[str, Any]:
    row = _row(pair, metric, confidence)
    if row is None:
        return {"metric": metric}
    found = {"metric": metric, **_verdict_json(row.verdict), "worse": row.worse, "better": row.better}
    return found | {"scale": row.scale, "higher_is_better": row.higher_is_better, "errored": row.errored}


def _verdict_json(verdict: GateVerdict) -> dict[str, Any]:
    numbers = {
        "a": verdict.baseline,
        "b": verdict.candidate,
        "difference": verdict.difference,
        "low": verdict.low,
        "high": verdict.high,
        "p": verdict.p_value,
        "mcnemar_p": verdict.mcnemar_p,
    }
    finite = {
        key: None if value is None or not math.isfinite(value) else float(value) for key, value in numbers.items()
    }
    return finite | {"n": int(verdict.n), "clusters": int(verdict.clusters), "how": verdict.how}


def _row(pair: PairedTask, metric: str, confidence: float) -> GateRow | None:
    """The comparison of one metric; None where neither task is there to compute it."""
    column = pair.candidate.columns[metric]
    try:
        verdict = difference(pair, metric, confidence)
    except UsageError:
        return None
    left_out = len(pair.ids) - int(verdict.n) if column.width == 1 else 0
    return row_of(pair, metric, verdict, flips(pair, metric), errored=left_out)


def _cells(row: GateRow, p: float | None = None) -> list[str]:
    verdict = row.verdict
    shown = verdict.mcnemar_p if verdict.mcnemar_p is not None else verdict.p_value
    return [
        formatting.number(verdict.baseline, row.scale),
        formatting.number(verdict.candidate, row.scale),
        formatting.change(verdict.difference, row.scale),
        sentences.bounds(row),
        formatting.p_value(shown if p is None else p),
        f"{verdict.n:,}",
    ]


def _table(first: str, confidence: float, *, p: str = "p", flipped: bool = False, space: int = 2) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, space, 0, 0))
    table.add_column(first, overflow="fold", min_width=12)
    for name in ("A", "B", "B - A", f"{100 * confidence:g} % interval", p, "n", *(["-/+"] if flipped else [])):
        table.add_column(name, justify="right", no_wrap=True)
    return table
