"""What `evalkit judge tournament` prints: ranks with their intervals, at equal style too, and who beat whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.cli.rendering.judging import console, ends, plain, plain_table, write
from evalkit.core import UsageError, Validity, formatting

if TYPE_CHECKING:
    from rich.console import Console

    from evalkit.core import FloatRows
    from evalkit.judging.session import Judged
    from evalkit.stats.tournaments import Battles, Connection, Place, StyleFit

STRONG = 3
"""As many wins is a much better answer, as Arena-Hard counts it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A tournament's results. `elo` and `davidson` are by model, and empty where they were not asked for."""

    battles: Battles
    places: tuple[Place, ...]
    connection: Connection
    unjudged: int
    elo: Mapping[str, float]
    davidson: Mapping[str, float]
    tie: float | None
    style: StyleFit | None


def standing_of(found: Sequence[Judged], *, davidson: bool, elo: bool, style: bool) -> Standing:
    """The standing of the models that the verdicts are about."""
    from evalkit.stats import tournaments

    battles = battles_of(found)
    z = style_of_battles(found) if style else None
    places, connection = tournaments.standing(battles)
    ratings = dict(zip(battles.models, tournaments.elo(battles, shuffles=100), strict=True)) if elo else {}
    ties = tournaments.davidson(*battles.counts()) if davidson else None
    return Standing(
        battles,
        places,
        connection,
        sum(verdict.validity is not Validity.OK for verdict in found),
        {model: float(rating) for model, rating in ratings.items()},
        dict(zip(battles.models, map(float, ties[0]), strict=True)) if ties else {},
        ties[1] if ties else None,
        None if z is None else tournaments.style_standing(battles, z),
    )


def show_tournament(standing: Standing, *, as_json: bool = False) -> None:
    """Ranks with their intervals, and who beat whom."""
    if as_json:
        write(_as_json(standing))
        return
    out = console()
    extra = {"elo": standing.elo, "davidson": standing.davidson}
    shown = {name: values for name, values in extra.items() if values}
    table = plain_table(["rank", "model", "strength", "95 % interval", "win rate", *shown])
    for place in standing.places:
        cells = [*_cells(place), formatting.number(place.rate.value, "proportion")]
        cells += [f"{values[place.model]:{'.0f' if name == 'elo' else '+.2f'}}" for name, values in shown.items()]
        table.add_row(*cells)
    out.print(table)
    _heads(out, standing.battles)
    if standing.style is not None:
        _at_equal_style(out, standing.style)
    words = standing.connection.words(standing.battles.models)
    if words:
        out.print(f"open: {words}", style="yellow")
    if standing.tie is not None:
        out.print(f"Davidson's tie parameter ν = {standing.tie:.3g}")
    n = len(standing.battles.value)
    out.print(f"{n:,} comparisons, {standing.unjudged} unjudged; strengths are log-odds against the mean")


def battles_of(found: Sequence[Judged]) -> Battles:
    """Every judged pair (those of a ranking, too) as a battle; where a verdict was strong, one for each order, and the
    strong one three times."""
    from evalkit.stats.tournaments import Battles

    rows = [(v.models[i], v.models[j], value, v.key) for v, i, j, value in _pairs(found)]
    if not rows:
        raise UsageError(
            "there is no verdict between two models", fix="evalkit judge pairwise RUN_A RUN_B --judge MODEL"
        )
    return Battles.of(rows)


def style_of_battles(found: Sequence[Judged]) -> FloatRows:
    """How the style of the answers differs, for each of `battles_of`."""
    from evalkit.stats.tournaments.style import gaps

    pairs = list(_pairs(found))
    if any(len(verdict.style) != len(verdict.models) for verdict, *_ in pairs):
        raise UsageError("the file of verdicts does not say how the answers were styled", fix="judge them again")
    first = np.array([verdict.style[i] for verdict, i, _, _ in pairs], dtype=np.float64)
    second = np.array([verdict.style[j] for verdict, _, j, _ in pairs], dtype=np.float64)
    return gaps(first, second)


def _pairs(found: Sequence[Judged]) -> Iterator[tuple[Judged, int, int, float]]:
    """(verdict, place of one model, place of the other, value for the one) of every battle."""
    from evalkit.judging.ranking import pairs_of

    for verdict in found:
        if verdict.validity is not Validity.OK or verdict.probe:
            continue
        if verdict.win is not None and not verdict.strong:
            yield verdict, 0, 1, verdict.win
        elif verdict.win is not None:
            for place, value in enumerate(verdict.orders):
                yield from [(verdict, 0, 1, value)] * (STRONG if place in verdict.strong else 1)
        elif len(verdict.models) > 1:
            ranks = [verdict.scores[f"rank_{place + 1}"] for place in range(len(verdict.models))]
            yield from ((verdict, i, j, value) for i, j, value in pairs_of(ranks))


def _cells(place: Place) -> list[str]:
    rank = f"{place.rank}" if place.rank == place.worst else f"{place.rank}–{place.worst}"
    return [rank, place.model, f"{place.strength.value:+.2f}", ends(place.strength, 1.0, "+.2f")]


def _at_equal_style(out: Console, style: StyleFit) -> None:
    from evalkit.stats.tournaments.style import FEATURES

    out.print("at equal style", style="bold")
    table = plain_table(["rank", "model", "strength", "95 % interval"])
    for place in style.places:
        table.add_row(*_cells(place))
    out.print(table)
    told = plain_table(["", "the judge adds", "", "95 % interval"])
    for name, estimate in zip(FEATURES, style.coefficients, strict=True):
        if estimate.low == estimate.high:
            told.add_row("", f"for {name}", "–", "never differ")
        else:
            told.add_row("", f"for {name}", f"{estimate.value:+.2f}", ends(estimate, 1.0, "+.2f"))
    out.print(told)


def _heads(out: Console, battles: Battles) -> None:
    """Who won how often against whom: wins/ties/losses of the row's model."""
    from evalkit.stats.tournaments import head_to_head

    found = head_to_head(battles)
    if len(battles.models) > 6:
        return
    table = plain_table(["win/tie/loss", *battles.models])
    for one in battles.models:
        cells = []
        for two in battles.models:
            met = found.get((one, two))
            cells.append("·" if met is None else "/".join(f"{count:g}" for count in met[:3]))
        table.add_row(one, *cells)
    out.print(table)


def _as_json(standing: Standing) -> dict[str, Any]:
    from evalkit.stats.tournaments.style import FEATURES

    told: dict[str, Any] = {
        "models": [
            {
                **_place(place),
                "win_rate": plain(place.rate),
                "elo": standing.elo.get(place.model),
                "davidson": standing.davidson.get(place.model),
            }
            for place in standing.places
        ],
        "tie_parameter": standing.tie,
        "open": standing.connection.words(standing.battles.models),
        "unjudged": standing.unjudged,
    }
    if standing.style is not None:
        adds = zip(FEATURES, standing.style.coefficients, strict=True)
        told["at_equal_style"] = {
            "models": [_place(place) for place in standing.style.places],
            "coefficients": {name: plain(estimate) for name, estimate in adds},
        }
    return told


def _place(place: Place) -> dict[str, Any]:
    return {"model": place.model, "rank": place.rank, "worst": place.worst, "strength": plain(place.strength)}
