"""What a leaderboard comes to, in sentences: who is ahead, who cannot be told apart, and of which tasks that is."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.core.formatting import number
from evalkit.reporting.endings import plural
from evalkit.reporting.leaderboard.board import Board
from evalkit.reporting.ranking import Rank

_SHOWN = 6


def verdict(made: Board) -> list[str]:
    """The answer first: who is ahead, then who cannot be told apart, then what the ranking is of."""
    if len(made.models) == 1:
        average = made.average[0]
        told = (
            f"{number(average.value, 'proportion')} on average over {plural(len(made.core), 'task')}" if average else ""
        )
        return [f"{made.models[0]} is the only model{': ' + told if told else ''}. There is nothing to rank."]
    if not made.ranks:
        return ["No task gives every model a proportion of right answers, so there is no ranking over tasks."]
    return [_first(made), *_ties(made), basis(made)]


def _first(made: Board) -> str:
    top = [rank for rank in made.ranks if rank.low == 1]
    best = made.average[made.ranks[0].model]
    assert best is not None
    value = f"{number(best.value, 'proportion')}"
    if len(top) == 1:
        return f"{made.models[top[0].model]} is ahead of every other model ({value} on average)."
    highest = f"{made.models[made.ranks[0].model]} has the highest mean ({value})"
    if len(top) == len(made.ranks):
        return f"The {len(top)} models cannot be told apart; {highest}."
    return f"{names(made, top)} cannot be told apart at the top; {highest}."


def _ties(made: Board) -> list[str]:
    """The tie groups below the first one that hold several models."""
    groups: dict[int, list[Rank]] = {}
    for rank in made.ranks:
        if rank.low > 1:
            groups.setdefault(rank.group, []).append(rank)
    tied = [f"{names(made, group)} cannot be told apart either." for group in groups.values() if len(group) > 1]
    return [one.replace(" either", "", 1) if place == 0 and _is_led(made) else one for place, one in enumerate(tied)]


def _is_led(made: Board) -> bool:
    return sum(rank.low == 1 for rank in made.ranks) == 1


def basis(made: Board) -> str:
    """Of which tasks the ranking is, and why the others are not in it."""
    kept = [column.name for column in made.core]
    all_of = "" if made.basis.unranked else " all"
    told = f"Ranked by the mean of {plural(len(kept), 'task')} that{all_of} {len(made.ranks)} models have"
    told += f": {', '.join(kept)}." if len(kept) <= _SHOWN else "."
    whys: dict[str, list[str]] = {}
    for place, why in made.basis.left_out.items():
        whys.setdefault(why, []).append(made.columns[place].name)
    parts = [f"{_some(tasks)} ({why})" for why, tasks in whys.items()]
    parts += [f"{made.models[model]} ({why})" for model, why in made.basis.unranked.items()]
    return f"{told} Left out: {'; '.join(parts)}." if parts else told


def _some(tasks: Sequence[str]) -> str:
    return ", ".join(tasks[:_SHOWN]) + (f" and {len(tasks) - _SHOWN} more" if len(tasks) > _SHOWN else "")


def names(made: Board, ranks: Sequence[Rank]) -> str:
    """`a and b`; `a, b, c and 4 more` where there are many."""
    found = [made.models[rank.model] for rank in ranks]
    if len(found) > _SHOWN:
        return f"{', '.join(found[:_SHOWN])} and {len(found) - _SHOWN} more"
    return f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else found[0]


def span(rank: Rank | None) -> str:
    """`2`, or `1–3` where the data leave several ranks open."""
    if rank is None:
        return "–"
    return str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"


def letter(rank: Rank | None) -> str:
    """A tie group's name: A, B, …, Z, AA, …"""
    if rank is None:
        return ""
    name, group = "", rank.group
    while group >= 0:
        name, group = chr(ord("A") + group % 26) + name, group // 26 - 1
    return name
