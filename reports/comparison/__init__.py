"""Two runs compared: a gate's verdict, what flipped, paired differences, replies word by word."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from evalkit import Run
from evalkit.comparing import PairedTask, names_of, pair_tasks
from evalkit.comparing.gates import Opened, gate, open_foreign, open_run, policy_from
from evalkit.comparing.gates.assess import difference
from evalkit.comparing.gates.integrity import IntegrityFinding, findings
from evalkit.comparing.gates.outcomes import GateVerdict
from evalkit.comparing.gates.outputs.sentences import reason, sentence
from evalkit.comparing.gates.report import GateReport
from evalkit.comparing.results import PairResult, left_out, results_of, verdict_of_results
from evalkit.comparing.sample_values import Span
from evalkit.core import UsageError, Validity
from evalkit.reporting import Shards, Sibling, page
from evalkit.reporting.endings import SAYS, WORDS
from evalkit.reporting.pages import BROWSER_SCRIPTS, BROWSER_STYLES, file_of, sibling
from evalkit.reporting.regressions import Regressions, worst_groups, worst_samples
from evalkit.reporting.spending import Paid, pace_words
from evalkit.runs.foreign import ForeignRun

from .walk import Walk, fill

META = {
    "name": "comparison",
    "summary": "two runs: a gate's verdict, what flipped, differences by category, replies word by word",
    "tags": ["html", "comparison", "paged"],
}
_KINDS = {
    "both": "right in both",
    "lost": "right in A alone",
    "gained": "right in B alone",
    "neither": "right in neither",
    "worse": "worse in B",
    "same": "the same",
    "better": "better in B",
    "errored": "not measured in one",
}


def report(
    runs: Sequence[Run | ForeignRun],
    /,
    *,
    policy: str = "",
    pairs: str = "",
    budget: float = 64.0,
    title: str = "Comparison",
    name: str = "",
) -> Iterator[str | Sibling]:
    """A page over exactly two runs or logs, A (before) and B (after), paired by sample.

    `policy` is a gate's policy file, or "default"; its verdict is then shown, with its margins on the plot. `pairs`
    says which task of A is which of B where their names differ, `A=B` on a line each, with patterns as
    `evalkit compare --pair` takes them.
    `budget` and `name`: see the report "html".
    """
    if len(runs) != 2:
        raise UsageError("a comparison takes two runs", found=f"{len(runs)} runs", fix="evalkit report --compare A B")
    if budget < 0:
        raise UsageError("the budget is a size in MB, 0 or more", found=str(budget))
    return _pieces(runs[0], runs[1], policy, pairs.splitlines(), budget, title, name)


@dataclass(frozen=True, slots=True)
class _Group:
    """The difference in a task's primary metric over one of its groups."""

    name: str
    scale: str
    verdict: GateVerdict


@dataclass(frozen=True, slots=True)
class _Part:
    """One task of both runs, as the template asks for it. `kinds` counts its samples by how they changed."""

    pair: PairedTask
    lines: list[PairResult]
    groups: list[_Group]
    kinds: Counter[str]
    findings: list[IntegrityFinding]

    @property
    def spans(self) -> list[tuple[str, str, GateVerdict]]:
        """The differences of its groups, where it has several."""
        return [(one.name, one.scale, one.verdict) for one in self.groups] if len(self.groups) > 1 else []

    @property
    def first(self) -> PairResult | None:
        """What its primary metric says."""
        return next((line for line in self.lines if line.metric == self.pair.primary_metric), None)

    @property
    def binary(self) -> bool:
        """Whether every sample is right or wrong, so that the changes are a matrix."""
        return any(self.kinds[kind] for kind in ("both", "lost", "gained", "neither"))

    @property
    def shares(self) -> list[GateVerdict]:
        """What is drawn in points."""
        every: list[PairResult | _Group] = [*self.lines, *self.groups]
        return [one.verdict for one in every if one.scale == "proportion"]


def _reach(verdicts: Sequence[GateVerdict]) -> float:
    """How far the one axis of the page goes from zero, in points' own steps: a round number."""
    every = [n for verdict in verdicts for n in (verdict.low, verdict.high, verdict.difference)]
    most = max((abs(n) for n in every if math.isfinite(n)), default=0.0)
    return next((step for step in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75) if most <= step), 1.0)


def _pieces(
    a: Run | ForeignRun,
    b: Run | ForeignRun,
    policy: str,
    named: Sequence[str],
    budget: float,
    title: str,
    file: str,
) -> Iterator[str | Sibling]:
    before, after = _opened(a), _opened(b)
    pairs, notes = _paired(before, after, named)
    if named:
        # The gate knows tasks by one name: that of B.
        before = replace(before, sides={pair.name: pair.baseline for pair in pairs})
        after = replace(after, sides={pair.name: pair.candidate for pair in pairs})
    verdict = gate(after, before, policy_from(None if policy == "default" else Path(policy), {})) if policy else None
    with Shards(int(budget * (1 << 20)), paged=bool(file)) as shards:
        walk = Walk(pairs, [Regressions(pair.name, _higher(pair)) for pair in pairs])
        fill(a, b, walk, shards)
        shards.finish()
        results = results_of(pairs)
        parts = [_part(pair, walk.regressions[number].kinds, results) for number, pair in enumerate(pairs)]
        meta = _meta(shards, a, b, pairs, file)
        context = {
            "heading": title,
            "a": a,
            "b": b,
            "parts": parts,
            "verdict": verdict_of_results(results),
            "pace": pace_words(*(Paid.together(paid).pace for paid in (walk.before, walk.after))),
            "paces": [(p.name, a.pace, b.pace) for p, a, b in zip(pairs, walk.before, walk.after, strict=True)],
            "lost_groups": worst_groups(
                [lost for part, found in zip(parts, walk.regressions, strict=True) for lost in found.groups(part.spans)]
            ),
            "lost_samples": worst_samples(walk.regressions),
            "limits": _limits(verdict, parts),
            "results": len(results),
            "reach": _reach([verdict for part in parts for verdict in part.shares]),
            "far": _reach([part.first.verdict for part in parts if part.first and part.first.scale == "proportion"]),
            "gate": verdict,
            "sentence": sentence(verdict) if verdict else "",
            "gate_rows": _gate_rows(verdict),
            "notes": [*notes, *left_out(pairs, results)],
            "shards": shards,
            "budget": budget,
            "kinds": _KINDS,
            "pairs": True,
            "nan": math.nan,
            "in_terminal": f"evalkit compare {a.folder} {b.folder}",
            "file_of": partial(file_of, file),
            "meta": meta | {"part": 0},
        }
        yield from _page("page.html.j2", context)
        for part in range(2, shards.parts + 1):
            yield Sibling(sibling(file, part))
            yield from _page("part.html.j2", context | {"part": part, "meta": meta | {"part": part - 1}})


def _meta(
    shards: Shards, a: Run | ForeignRun, b: Run | ForeignRun, pairs: Sequence[PairedTask], file: str
) -> dict[str, Any]:
    """What the page's scripts read, in the order in which the samples' numbers point into it."""
    higher = {pair.name: _higher(pair) for pair in pairs}
    spans = {pair.name: _span(pair) for pair in pairs}
    return {
        "failed": [validity.value for validity in Validity if validity.is_measurement_failure],
        "runs": [{"model": run.model, "folder": str(run.folder)} for run in (a, b)],
        "tasks": shards.tasks,
        "higher": [higher[task] for task in shards.tasks],
        "spans": [spans[task] for task in shards.tasks],
        "groups": shards.groups,
        "marks": shards.marks,
        "words": WORDS,
        "says": SAYS,
        "kinds": _KINDS,
        "omitted": shards.omitted,
        "name": file,
        "parts": shards.starts,
    }


def _paired(before: Opened, after: Opened, named: Sequence[str]) -> tuple[list[PairedTask], list[str]]:
    """The tasks of both, and what is to be said of names. Raises UsageError where they have no sample in common."""
    names = names_of(named, before.sides, after.sides)
    pairs, only_a, only_b = pair_tasks(before.sides, after.sides, names=names)
    empty = [pair for pair in pairs if not pair.ids]
    if (empty and (named or len(empty) == len(pairs))) or not pairs:
        tried = [f"{pair.baseline.name} and {pair.name}" for pair in empty]
        raise UsageError(
            "the two runs share no sample",
            found="; ".join(tried) or f"{', '.join(before.sides)} and {', '.join(after.sides)}",
            fix="--pair A=B says which tasks are the same; each may be a pattern with *",
        )
    twice = [name for name, count in Counter(pair.name for pair in pairs).items() if count > 1]
    if twice:
        raise UsageError(f"B's task {twice[0]!r} is paired twice", fix="a page for each pair")
    notes = [f"{n}: only in A" for n in only_a] + [f"{n}: only in B" for n in only_b]
    notes += [f"{p.name}: in A it is {p.baseline.name}" for p in pairs if p.baseline.name != p.name]
    return pairs, notes


def _higher(pair: PairedTask) -> bool:
    """Whether more is better in the task's primary metric."""
    return not pair.primary_metric or pair.candidate.columns[pair.primary_metric].higher_is_better


def _span(pair: PairedTask) -> Span:
    """The worst and the best value of the task's primary metric."""
    if not pair.primary_metric:
        return None, None
    low, high = pair.candidate.columns[pair.primary_metric].ends
    return (low, high) if _higher(pair) else (high, low)


def _page(template: str, context: Mapping[str, Any]) -> Iterator[str]:
    styles, scripts = [*BROWSER_STYLES, "page.css"], [*BROWSER_SCRIPTS, "page.js"]
    return page(Path(__file__).parent, template, context, styles=styles, scripts=scripts)


def _opened(run: Run | ForeignRun) -> Opened:
    return open_foreign(run) if isinstance(run, ForeignRun) else open_run(run)


def _gate_rows(verdict: GateReport | None) -> list[tuple[str, str, str]]:
    if verdict is None:
        return []
    return [(row.name, row.verdict.outcome.value, f"{row.metric}: {reason(row)}") for row in verdict.rows]


def _part(pair: PairedTask, kinds: Counter[str], results: Sequence[PairResult]) -> _Part:
    groups = []
    if pair.primary_metric:
        scale = pair.candidate.columns[pair.primary_metric].scale
        for name, places in pair.groups().items():
            groups.append(_Group(name, scale, difference(pair, pair.primary_metric, 0.95, places)))
    return _Part(pair, [one for one in results if one.pair is pair], groups, kinds, findings(pair))


def _limits(verdict: GateReport | None, parts: Sequence[_Part]) -> dict[str, float]:
    """Where a gate's margin ends on the axis, by task: a drop below zero, or a rise where lower is better."""
    found = {}
    rows = {(row.task, row.metric): row for row in verdict.rows if row.kind == "score"} if verdict else {}
    for part in parts:
        row = rows.get((part.pair.name, part.pair.primary_metric))
        if row is not None:
            found[part.pair.name] = -row.verdict.margin if row.higher_is_better else row.verdict.margin
    return found
