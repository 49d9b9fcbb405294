"""What `evalkit judge` prints: rates with intervals, rankings, an audit in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core import Estimate, Validity
from evalkit.core.terminal import styled
from evalkit.stats import mean_interval
from evalkit.stats.ppi import NO_HELP

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from evalkit.judging.audit import Audit
    from evalkit.judging.human_grades import Corrected
    from evalkit.judging.session import Judged


Control = Callable[[Sequence["Judged"]], Estimate]
"""The verdicts to the first model's win rate at equal length."""


_ONE = {"wins": "win", "ties": "tie", "losses": "loss"}


def length_controlled(model: str, keys: Sequence[str], difficulty: Path | None, anchor: Path | None) -> Control:
    """The control by length, and by difficulty where a file has it; its mistakes are said before anything is judged."""
    from evalkit.stats.tournaments import fit_length
    from evalkit.stats.tournaments.tables import aligned, read_anchor, read_difficulty

    known = None if difficulty is None else read_difficulty(difficulty)
    if known is not None and difficulty is not None:
        aligned(known, keys, difficulty)
    rows = None if anchor is None else read_anchor(anchor)

    def control(judged: Sequence[Judged]) -> Estimate:
        own = np.array([v.chars[v.models.index(model)] for v in judged], dtype=np.float64)
        other = np.array([v.chars[1 - v.models.index(model)] for v in judged], dtype=np.float64)
        hard = None if known is None else np.array([known[v.key] for v in judged])
        return fit_length(np.array([_of(v, model) for v in judged]), own, other, hard, anchor=rows).rate

    return control


def show_pairwise(
    found: Sequence[Judged], one: str, two: str, *, as_json: bool = False, control: Control | None = None
) -> None:
    """Wins, ties and losses of the first model, its win rate, by group, and what the judge's orders say."""
    from evalkit.stats.tournaments.rates import rate_interval

    judged = [verdict for verdict in found if verdict.win is not None]
    rows: list[tuple[str, Any]] = []
    wins = [_of(verdict, one) for verdict in judged]
    groups = sorted({group for verdict in judged for group in verdict.groups})
    rows.append(("win rate", rate_interval(wins)))
    if control is not None and judged:
        rows.append(("at equal length", control(judged)))
    rows += [(f"  {group}", rate_interval([_of(v, one) for v in judged if group in v.groups])) for group in groups]
    consistent = [v.scores["consistent"] for v in judged if "consistent" in v.scores]
    first = [v.scores["first_position"] for v in judged if "first_position" in v.scores]
    rows += [("both orders agree", _mean(consistent)), ("shown first wins", _mean(first))]
    counts = {
        "wins": sum(win > 0.5 for win in wins),
        "ties": sum(win == 0.5 for win in wins),
        "losses": sum(win < 0.5 for win in wins),
        "unjudged": len(found) - len(judged),
    }
    if as_json:
        write({"model": one, "against": two, **counts, **{name.strip(): plain(value) for name, value in rows}})
        return
    out = console()
    out.print(f"{one} against {two}", style="bold")
    out.print(", ".join(f"{count} {_ONE.get(name, name) if count == 1 else name}" for name, count in counts.items()))
    if judged:
        out.print(_table(rows))
    out.print("next: evalkit judge audit RUN_A RUN_B --judge MODEL (is this judge any good?)", style="dim")


def show_answers(
    found: Sequence[Judged], model: str, *, people: Corrected | None = None, as_json: bool = False
) -> None:
    """The mean of every score with its interval, of the first one by group, and as people would give it."""
    judged = [verdict for verdict in found if verdict.validity is Validity.OK]
    names = list(dict.fromkeys(name for verdict in judged for name in verdict.scores))
    rows: list[tuple[str, Any]] = [
        (name, _mean([v.scores[name] for v in judged if name in v.scores])) for name in names
    ]
    for group in sorted({group for verdict in judged for group in verdict.groups}):
        inside = [v.scores[names[0]] for v in judged if group in v.groups and names[0] in v.scores]
        rows.append((f"  {group}", _mean(inside)))
    if people is not None:
        rows.append((f"{people.score} by people", people.corrected))
        rows += [("agreement, α", people.alpha), ("agreement, Spearman", people.rank)]
    unjudged = len(found) - len(judged)
    if as_json:
        write({"model": model, "unjudged": unjudged, **{name.strip(): plain(value) for name, value in rows}})
        return
    out = console()
    out.print(f"{model}: {len(judged)} judged, {unjudged} unjudged", style="bold")
    if judged:
        out.print(_table(rows, proportion=False))
    if people is not None and NO_HELP in people.corrected.how:
        out.print("The judge does not help: the labels alone say as exactly what people would give.", style="yellow")


def show_audit(audit: Audit, *, as_json: bool = False) -> None:
    """Every finding with its interval and what it means."""
    if as_json:
        write({f.name: {"verdict": f.verdict, "words": f.words, **plain(f.estimate)} for f in audit.findings})
        return
    out = console()
    for finding in audit.findings:
        style = {"biased": "red", "poor": "red", "fine": "green"}.get(finding.verdict, "yellow")
        out.print(
            styled((f"{finding.verdict:>8}", style), "  ", (finding.name, "bold"), f": {finding.words}"),
            soft_wrap=False,
        )
    out.print(audit.summary, style="bold")


# ---------------------------------------------------------------- parts


def _of(verdict: Judged, model: str) -> float:
    assert verdict.win is not None
    return verdict.win if verdict.models[0] == model else 1.0 - verdict.win


def _mean(values: Sequence[float]) -> Estimate:
    return mean_interval(list(values))


def console() -> Console:
    from evalkit.cli.rendering import output

    return output.console()


def plain_table(heads: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, overflow="fold", justify="left" if place < 2 else "right")
    return table


def _table(rows: Sequence[tuple[str, Estimate]], *, proportion: bool = True) -> Table:
    table = plain_table(["", "", "95 % interval", "n"])
    table.columns[1].justify = "right"
    scale, form = (100.0, ".1f") if proportion else (1.0, ".3g")
    for name, estimate in rows:
        if estimate.n:
            value = f"{scale * estimate.value:{form}}" + ("%" if proportion else "")
            table.add_row(name, value, ends(estimate, scale, form), f"{estimate.n:,}")
    return table


def ends(estimate: Estimate, scale: float, form: str) -> str:
    if math.isnan(estimate.low):
        return "–"
    ends = [f"{scale * end:{form}}".replace("inf", "∞") for end in (estimate.low, estimate.high)]
    return " – ".join(ends)


def plain(estimate: Estimate) -> dict[str, Any]:
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    known = {name: value if math.isfinite(value) else None for name, value in ends.items()}
    return {**known, "n": estimate.n, "how": estimate.how}


def write(value: object) -> None:
    from evalkit.cli.rendering.output import write_json

    write_json(value)
