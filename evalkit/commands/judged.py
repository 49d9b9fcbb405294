"""What `evalkit judge` prints: rates with intervals, rankings, an audit in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core import Estimate, UsageError, Validity
from evalkit.stats import mean_interval

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from evalkit.judging.audit import Audit
    from evalkit.judging.session import Judged
    from evalkit.tournaments import Battles


def show_pairwise(
    found: Sequence[Judged], one: str, two: str, *, as_json: bool = False, length_control: bool = False
) -> None:
    """Wins, ties and losses of the first model, its win rate, by group, and what the judge's orders say."""
    judged = [verdict for verdict in found if verdict.win is not None]
    rows: list[tuple[str, Any]] = []
    wins = [_of(verdict, one) for verdict in judged]
    groups = sorted({group for verdict in judged for group in verdict.groups})
    rows.append(("win rate", _mean(wins)))
    if length_control and judged:
        rows.append(("at equal length", _controlled(judged, one)))
    rows += [(f"  {group}", _mean([_of(v, one) for v in judged if group in v.groups])) for group in groups]
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
        _write({"model": one, "against": two, **counts, **{name.strip(): _plain(value) for name, value in rows}})
        return
    out = _console()
    out.print(f"{one} against {two}", style="bold", markup=False)
    out.print(", ".join(f"{count} {name}" for name, count in counts.items()))
    out.print(_table(rows))
    out.print("next: evalkit judge audit RUN_A RUN_B --judge MODEL (is this judge any good?)", style="dim")


def show_answers(found: Sequence[Judged], model: str, *, as_json: bool = False) -> None:
    """The mean of every score with its interval, and of the first one by group."""
    judged = [verdict for verdict in found if verdict.validity is Validity.OK]
    names = list(dict.fromkeys(name for verdict in judged for name in verdict.scores))
    rows: list[tuple[str, Any]] = [
        (name, _mean([v.scores[name] for v in judged if name in v.scores])) for name in names
    ]
    for group in sorted({group for verdict in judged for group in verdict.groups}):
        inside = [v.scores[names[0]] for v in judged if group in v.groups and names[0] in v.scores]
        rows.append((f"  {group}", _mean(inside)))
    unjudged = len(found) - len(judged)
    if as_json:
        _write({"model": model, "unjudged": unjudged, **{name.strip(): _plain(value) for name, value in rows}})
        return
    out = _console()
    out.print(f"{model}: {len(judged)} judged, {unjudged} unjudged", style="bold", markup=False)
    out.print(_table(rows, share=False))


def show_tournament(
    found: Sequence[Judged], *, davidson: bool = False, with_elo: bool = False, as_json: bool = False
) -> None:
    """Ranks with their intervals, and who beat whom."""
    from evalkit import tournaments

    battles = battles_of(found)
    places, connection = tournaments.standing(battles)
    ratings = dict(zip(battles.models, tournaments.elo(battles, shuffles=100), strict=True)) if with_elo else {}
    unjudged = sum(verdict.validity is not Validity.OK for verdict in found)
    ties = tournaments.davidson(*battles.counts()) if davidson else None
    theta = dict(zip(battles.models, ties[0], strict=True)) if ties else {}
    if as_json:
        _write(
            {
                "models": [
                    {
                        "model": place.model,
                        "rank": place.rank,
                        "worst": place.worst,
                        "strength": _plain(place.strength),
                        "win_rate": _plain(place.rate),
                        "elo": ratings.get(place.model),
                        "davidson": theta.get(place.model),
                    }
                    for place in places
                ],
                "tie_parameter": ties[1] if ties else None,
                "open": connection.words(battles.models),
                "unjudged": unjudged,
            }
        )
        return
    out = _console()
    heads = ["rank", "model", "strength", "95 % interval", "win rate", *(["elo"] if with_elo else [])]
    table = _plain_table([*heads, *(["davidson"] if davidson else [])])
    for place in places:
        rank = f"{place.rank}" if place.rank == place.worst else f"{place.rank}–{place.worst}"
        strength = place.strength
        cells = [
            rank,
            place.model,
            f"{strength.value:+.2f}",
            _ends(strength, 1.0, "+.2f"),
            f"{100 * place.rate.value:.1f}%",
        ]
        cells += [f"{ratings[place.model]:.0f}"] if with_elo else []
        table.add_row(*cells, *([f"{theta[place.model]:+.2f}"] if davidson else []))
    out.print(table)
    _heads(out, battles)
    words = connection.words(battles.models)
    if words:
        out.print(f"open: {words}", style="yellow", markup=False)
    if ties:
        out.print(f"Davidson's tie parameter ν = {ties[1]:.3g}")
    out.print(f"{len(battles.value):,} comparisons, {unjudged} unjudged; strengths are log-odds against the mean")


def show_audit(audit: Audit, *, as_json: bool = False) -> None:
    """Every finding with its interval and what it means."""
    if as_json:
        _write({f.name: {"verdict": f.verdict, "words": f.words, **_plain(f.estimate)} for f in audit.findings})
        return
    out = _console()
    for finding in audit.findings:
        style = {"biased": "red", "poor": "red", "fine": "green"}.get(finding.verdict, "yellow")
        out.print(f"[{style}]{finding.verdict:>8}[/]  [bold]{finding.name}[/]: {finding.words}", soft_wrap=False)
    out.print(audit.summary, style="bold", markup=False)


def battles_of(found: Sequence[Judged]) -> Battles:
    """Every judged pair (those of a ranking, too) as one battle for each order; a strong one counts three times."""
    from evalkit.judging.ranking import pairs_of
    from evalkit.tournaments import Battles

    rows: list[tuple[str, str, float, str]] = []
    for verdict in found:
        if verdict.validity is not Validity.OK or verdict.probe:
            continue
        models = verdict.models
        if verdict.win is not None:
            if not verdict.strong:
                rows.append((models[0], models[1], verdict.win, verdict.key))
            else:
                for place, value in enumerate(verdict.orders):
                    rows += [(models[0], models[1], value, verdict.key)] * (3 if place in verdict.strong else 1)
        elif len(models) > 1:
            ranks = [verdict.scores[f"rank_{place + 1}"] for place in range(len(models))]
            rows += [(models[i], models[j], value, verdict.key) for i, j, value in pairs_of(ranks)]
    if not rows:
        raise UsageError(
            "there is no verdict between two models", fix="evalkit judge pairwise RUN_A RUN_B --judge MODEL"
        )
    return Battles.of(rows)


# ---------------------------------------------------------------- parts


def _of(verdict: Judged, model: str) -> float:
    assert verdict.win is not None
    return verdict.win if verdict.models[0] == model else 1.0 - verdict.win


def _controlled(judged: Sequence[Judged], model: str) -> Estimate:
    from evalkit.tournaments import fit_length

    own = np.array([v.chars[v.models.index(model)] for v in judged], dtype=np.float64)
    other = np.array([v.chars[1 - v.models.index(model)] for v in judged], dtype=np.float64)
    return fit_length(np.array([_of(v, model) for v in judged]), own, other).rate


def _mean(values: Sequence[float]) -> Estimate:
    return mean_interval(list(values))


def _console() -> Console:
    from evalkit.commands.output import console

    return console()


def _plain_table(heads: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, overflow="fold", justify="left" if place < 2 else "right")
    return table


def _table(rows: Sequence[tuple[str, Estimate]], *, share: bool = True) -> Table:
    table = _plain_table(["", "", "95 % interval", "n"])
    table.columns[1].justify = "right"
    scale, form = (100.0, ".1f") if share else (1.0, ".3g")
    for name, estimate in rows:
        if estimate.n:
            value = f"{scale * estimate.value:{form}}" + ("%" if share else "")
            table.add_row(name, value, _ends(estimate, scale, form), f"{estimate.n:,}")
    return table


def _ends(estimate: Estimate, scale: float, form: str) -> str:
    if math.isnan(estimate.low):
        return "–"
    ends = [f"{scale * end:{form}}".replace("inf", "∞") for end in (estimate.low, estimate.high)]
    return " – ".join(ends)


def _heads(out: Console, battles: Battles) -> None:
    """Who won how often against whom: wins/ties/losses of the row's model."""
    from evalkit.tournaments import head_to_head

    found = head_to_head(battles)
    if len(battles.models) > 6:
        return
    table = _plain_table(["win/tie/loss", *battles.models])
    for one in battles.models:
        cells = []
        for two in battles.models:
            met = found.get((one, two))
            cells.append("·" if met is None else "/".join(f"{count:g}" for count in met[:3]))
        table.add_row(one, *cells)
    out.print(table)


def _plain(estimate: Estimate) -> dict[str, Any]:
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    known = {name: value if math.isfinite(value) else None for name, value in ends.items()}
    return {**known, "n": estimate.n, "how": estimate.how}


def _write(value: object) -> None:
    from evalkit.commands.judge import write_json

    write_json(value)
