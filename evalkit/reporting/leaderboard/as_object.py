"""A leaderboard as one object of plain values: what JSON holds, what the page computes from, and what programs read."""

from __future__ import annotations

import math
from typing import Any

from evalkit.core import Estimate
from evalkit.reporting.leaderboard.board import Board
from evalkit.reporting.leaderboard.cell import Cell
from evalkit.reporting.leaderboard.column import LeaderboardColumn
from evalkit.reporting.leaderboard.sentences import letter, verdict
from evalkit.reporting.text import finite

FORMAT = 1


def as_object(made: Board) -> dict[str, Any]:
    """The leaderboard with keys that stay (docs/how-to/reports.md lists them); a number that is not known is None.

    Matrices are lists of rows, by the place of each model in `models`: `difference[i][j]` is model i less model j.
    """
    whole = {
        "format": FORMAT,
        "verdict": verdict(made),
        "models": [_model(made, place) for place in range(len(made.models))],
        "tasks": [_task(made, place) for place in range(len(made.columns))],
        "ranked_on": [column.name for column in made.core],
        "difference": made.difference.tolist() if made.difference is not None else None,
        "standard_error": made.error.tolist() if made.error is not None else None,
        "groups": made.groups,
        "win_rates": [
            [made.win_rate(i, j) if i != j else math.nan for j in range(len(made.models))]
            for i in range(len(made.models))
        ],
        "notes": made.notes,
    }
    found: dict[str, Any] = finite(whole)
    return found


def _model(made: Board, place: int) -> dict[str, Any]:
    rank = next((one for one in made.ranks if one.model == place), None)
    memory = made.memory(place)
    return {
        "model": made.models[place],
        "rank": [rank.low, rank.high] if rank else None,
        "tie_group": letter(rank) or None,
        "why_unranked": made.basis.unranked.get(place),
        "average": _estimate(made.average[place]),
        "bradley_terry": made.strengths[place],
        "bradley_terry_error": made.strength_errors[place],
        "seconds_per_sample": made.per_sample(place, "seconds"),
        "cost_per_sample": made.per_sample(place, "cost"),
        "model_cost_per_sample": made.per_sample(place, "model_cost"),
        "weight_bytes": made.weights(place),
        "memory_bytes": memory.size,
        "memory_of": memory.of or None,
    }


def _task(made: Board, place: int) -> dict[str, Any]:
    column: LeaderboardColumn = made.columns[place]
    sizes = [cell.estimate.n for cell in column.cells if cell]
    return {
        "task": column.name,
        "metric": column.metric,
        "scale": column.scale,
        "higher_is_better": column.higher_is_better,
        "counts": column.counts,
        "ranked": place in made.basis.tasks,
        "why_not_ranked": made.basis.left_out.get(place),
        "common": column in made.common,
        "toy": column.toy,
        "n": min(sizes, default=0),
        "cells": [_cell(cell) for cell in column.cells],
        "difference": column.difference.tolist(),
        "low": column.low.tolist(),
        "high": column.high.tolist(),
        "standard_error": column.error.tolist(),
        "paired": column.paired.tolist(),
        "wins": column.wins.tolist(),
        "scatter_of_wins": column.scatter.tolist(),
        "questions": column.questions,
    }


def _estimate(found: Estimate | None) -> dict[str, Any] | None:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n} if found else None


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None or cell.entry.result is None:
        return None
    result = cell.entry.result
    metrics = [
        [m.name, m.estimate.value, m.estimate.low, m.estimate.high, m.estimate.n, m.scale] for m in result.metrics
    ]
    return {
        **(_estimate(cell.estimate) or {}),
        "failed": result.failed,
        "run": str(cell.run.folder),
        "created": cell.run.manifest.created,
        "signature": result.signature,
        "metrics": metrics,
        "seconds_per_sample": cell.seconds,
        "cost_per_sample": cell.cost,
        "judge_cost_per_sample": cell.judge_cost,
    }
