"""Log-probabilities of wanted tokens for one batch of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evalkit.models.local.forward import Forward
from evalkit.models.local.plan import Row

__all__ = ["RowScore", "score"]


@dataclass(frozen=True, slots=True)
class RowScore:
    """For each target of a row: its log-probability in nats, and whether it is the most probable token."""

    logprobs: tuple[float, ...]
    best: tuple[bool, ...]

    def over(self, start: int, stop: int) -> tuple[float, bool]:
        """The log-likelihood of the targets from `start` to `stop`, and whether greedy decoding would write them."""
        return math.fsum(self.logprobs[start:stop]), all(self.best[start:stop])


def score(forward: Forward, rows: Sequence[Row]) -> list[RowScore]:
    """One RowScore a row, from one forward pass. The softmax is computed in float32, a piece at a time."""
    owners, targets = _wanted(rows)
    logprobs = torch.empty(len(targets))
    best = torch.empty(len(targets), dtype=torch.bool)
    done = 0
    for start, logits in forward.logits(rows):
        stop = int(torch.searchsorted(owners, start + len(logits)))
        place = (owners[done:stop] - start).to(logits.device)
        target = targets[done:stop].to(logits.device)
        chosen = logits[place, target] - torch.logsumexp(logits, -1)[place]
        logprobs[done:stop] = chosen.cpu()
        best[done:stop] = (logits.argmax(-1)[place] == target).cpu()
        done = stop
    # Back to each row's own order of targets.
    order, scores, at = _order(rows), [], 0
    values, flags = logprobs[order].tolist(), best[order].tolist()
    for row in rows:
        end = at + len(row.targets)
        scores.append(RowScore(tuple(values[at:end]), tuple(flags[at:end])))
        at = end
    return scores


def _numbers(rows: Sequence[Row]) -> list[int]:
    """For every target of every row, the number of its position among the distinct positions that are computed."""
    numbers: list[int] = []
    first = 0
    for row in rows:
        distinct = {position: number for number, position in enumerate(dict.fromkeys(row.positions))}
        numbers.extend(first + distinct[position] for position in row.positions)
        first += len(distinct)
    return numbers


def _wanted(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """(position numbers, target ids), sorted by position number so that a piece's targets stand together."""
    numbers = torch.tensor(_numbers(rows))
    targets = torch.tensor([target for row in rows for target in row.targets])
    owners, by_position = torch.sort(numbers, stable=True)
    return owners, targets[by_position]


def _order(rows: Sequence[Row]) -> torch.Tensor:
    """Where each target, in its row's order, went when sorted by position."""
    by_position = torch.sort(torch.tensor(_numbers(rows)), stable=True).indices
    order = torch.empty_like(by_position)
    order[by_position] = torch.arange(len(by_position))
    return order
