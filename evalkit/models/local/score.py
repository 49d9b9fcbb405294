"""Log-probabilities of wanted tokens for one batch of rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from evalkit.models.local.forward import Forward
from evalkit.models.local.plan import Row

__all__ = ["RowScore", "score", "tally"]


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
    numbers, targets = _numbers(rows), [target for row in rows for target in row.targets]
    logprobs, best = tally(forward.logits(rows), torch.tensor(numbers), torch.tensor(targets))
    values, flags = logprobs.tolist(), best.tolist()
    scores, at = [], 0
    for row in rows:
        end = at + len(row.targets)
        scores.append(RowScore(tuple(values[at:end]), tuple(flags[at:end])))
        at = end
    return scores


def tally(
    pieces: Iterable[tuple[int, torch.Tensor]], numbers: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(log-probability of every target, float32; whether it is the most probable token), in the targets' order.

    `pieces` are logits as `Forward.logits` gives them; target i is wanted at position `numbers[i]` of them.
    """
    owners, order = torch.sort(numbers, stable=True)
    sorted_targets = targets[order]
    logprobs = torch.empty(len(targets))
    best = torch.empty(len(targets), dtype=torch.bool)
    done = 0
    for start, logits in pieces:
        stop = int(torch.searchsorted(owners, start + len(logits)))
        place = (owners[done:stop] - start).to(logits.device)
        target = sorted_targets[done:stop].to(logits.device)
        logits = logits.float()
        chosen = logits[place, target] - torch.logsumexp(logits, -1)[place]
        logprobs[order[done:stop]] = chosen.cpu()
        best[order[done:stop]] = (logits.argmax(-1)[place] == target).cpu()
        done = stop
    return logprobs, best


def _numbers(rows: Sequence[Row]) -> list[int]:
    """For every target of every row, the number of its position among the distinct positions that are computed."""
    numbers: list[int] = []
    first = 0
    for row in rows:
        distinct = {position: number for number, position in enumerate(dict.fromkeys(row.positions))}
        numbers.extend(first + distinct[position] for position in row.positions)
        first += len(distinct)
    return numbers
