"""What `evalkit compare` prints: tables of paired differences, changed samples, JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from evalkit.comparing import PairedTask
from evalkit.comparing.gates.assess import difference, row_of
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.results import PairResult, results_of, verdict_of_results
from evalkit.core import Validity, formatting
from evalkit.core.outside_text import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from evalkit.comparing.gates import GateVerdict, Opened
    from evalkit.comparing.gates.report import GateRow


def differences_table(paired: Sequence[PairedTask], results: Sequence[PairResult], confidence: float) -> Table:
    """A line for every task and metric: both values, B - A with its interval and p, how many got worse and better."""
    # Numbers that are no proportions are wider.
    wide = any(pair.candidate.columns[metric].scale != "proportion" for pair in paired for metric in pair.metrics)
    table = _table("task / metric", confidence, flipped=True, space=1 if wide else 2)
    known = {(id(one.pair), one.metric): one for one in results}
    for pair in paired:
        if not pair.metrics:
            table.add_row(one_line(pair.name), *["–"] * 6, "no metric in common")
        for metric in pair.metrics:
            one = known.get((id(pair), metric))
            if one is None:
                table.add_row(one_line(f"{pair.name} {metric}"), *["–"] * 6)
                continue
            flipped = f"{len(one.worse)}/{len(one.better)}"
            table.add_row(one_line(f"{pair.name} {metric}"), *_cells(_row(one)), flipped)
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


def flip_lines(pair: PairedTask, results: Sequence[PairResult], shown: int) -> Iterator[str]:
    """Which samples changed, how validity differs, what the pairs leave out."""
    name = one_line(pair.name)
    for one in results:
        if one.pair is pair and one.is_primary:
            changed = sentences.flips(_row(one), shown)
            yield f"{name}: {changed or f'no sample changed its {pair.primary_metric}'}"
            if one.errored:
                yield f"{name}: {one.errored:,} samples left out: one side could not measure them"
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

    results = results_of(paired, confidence)
    tasks = [
        {
            "task": pair.name,
            "matched_by": pair.by,
            "samples": len(pair.ids),
            "missing": pair.missing,
            "extra": pair.extra,
            "metrics": _metrics_json(pair, results),
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
        "verdict": verdict_of_results(results),
        "tasks": tasks,
        "left_out": list(left_out),
    }
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _metrics_json(pair: PairedTask, results: Sequence[PairResult]) -> list[dict[str, Any]]:
    known = {one.metric: one for one in results if one.pair is pair}
    return [_metric_json(metric, known.get(metric)) for metric in pair.metrics]


def _metric_json(metric: str, one: PairResult | None) -> dict[str, Any]:
    if one is None:
        return {"metric": metric}
    adjusted = one.adjusted if math.isfinite(one.adjusted) else None
    found = {"metric": metric, **_verdict_json(one.verdict), "p_holm": adjusted, "told": one.told}
    found |= {"worse": one.worse, "better": one.better, "sentence": one.sentence()}
    return found | {"scale": one.scale, "higher_is_better": one.higher_is_better, "errored": one.errored}


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


def _row(one: PairResult) -> GateRow:
    return row_of(one.pair, one.metric, one.verdict, (one.worse, one.better), errored=one.errored)


def _cells(row: GateRow, p: float | None = None) -> list[str]:
    verdict = row.verdict
    return [
        formatting.number(verdict.baseline, row.scale),
        formatting.number(verdict.candidate, row.scale),
        formatting.change(verdict.difference, row.scale),
        sentences.bounds(row),
        formatting.p_value(verdict.p_value if p is None else p),
        f"{verdict.n:,}",
    ]


def _table(first: str, confidence: float, *, p: str = "p", flipped: bool = False, space: int = 2) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, space, 0, 0))
    table.add_column(first, overflow="fold", min_width=12)
    for name in ("A", "B", "B - A", f"{100 * confidence:g} % interval", p, "n", *(["-/+"] if flipped else [])):
        table.add_column(name, justify="right", no_wrap=True)
    return table
