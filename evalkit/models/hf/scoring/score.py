"""Log-probabilities of wanted tokens for one batch of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.scoring.plan import RowScore, TokenRow

__all__ = ["RowScore", "score", "tally"]


def score(forward: Forward, rows: Sequence[TokenRow]) -> list[RowScore]:
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

    `pieces` are logits as `Forward.logits` gives them, which are written over; target i is wanted at position
    `numbers[i]` of them.
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
        top = logits.amax(-1)
        chosen = logits[place, target]
        best[order[done:stop]] = _first_best(logits, place, target, chosen == top[place]).cpu()
        logprobs[order[done:stop]] = (chosen - _log_sum_exp(logits, top)[place]).cpu()
        done = stop
    return logprobs, best


def _first_best(logits: torch.Tensor, place: torch.Tensor, target: torch.Tensor, reached: torch.Tensor) -> torch.Tensor:
    """Whether each target is the first of the largest logits; `reached` says which ones are as large as those."""
    rows = reached.nonzero()[:, 0]
    reached[rows] = logits[place[rows]].argmax(-1) == target[rows]
    return reached


def _log_sum_exp(logits: torch.Tensor, top: torch.Tensor) -> torch.Tensor:
    """The log-sum-exp of every row, whose largest value is `top`; the logits are used up, so that none are copied."""
    return top + logits.sub_(top[:, None]).exp_().sum(-1).log_()


def _numbers(rows: Sequence[TokenRow]) -> list[int]:
    """For every target of every row, the number of its position among the distinct positions that are computed."""
    numbers: list[int] = []
    first = 0
    for row in rows:
        distinct = {position: number for number, position in enumerate(dict.fromkeys(row.positions))}
        numbers.extend(first + distinct[position] for position in row.positions)
        first += len(distinct)
    return numbers
