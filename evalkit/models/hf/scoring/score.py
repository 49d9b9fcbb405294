"""Log-probabilities of wanted tokens for one batch of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

import torch

from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.scoring.plan import RowScore, TokenRow

__all__ = ["RowScore", "score", "tally"]


def score(forward: Forward, rows: Sequence[TokenRow]) -> list[RowScore]:
    """One RowScore a row, from one forward pass. The softmax is computed a part of the vocabulary at a time."""
    numbers, targets = _numbers(rows), [target for row in rows for target in row.targets]
    logprobs, best = tally(forward.row_tiles(rows), torch.tensor(numbers), torch.tensor(targets))
    values, flags = logprobs.tolist(), best.tolist()
    scores, at = [], 0
    for row in rows:
        end = at + len(row.targets)
        scores.append(RowScore(tuple(values[at:end]), tuple(flags[at:end])))
        at = end
    return scores


def tally(
    tiles: Iterable[tuple[int, int, torch.Tensor]], numbers: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(log-probability of every target, float64; whether it is the most probable token), in the targets' order.

    `tiles` are logits as `Forward.tiles` gives them, which are written over; target i is wanted at position
    `numbers[i]` of them.
    """
    owners, order = torch.sort(numbers, stable=True)
    sorted_targets = targets[order]
    logprobs = torch.empty(len(targets), dtype=torch.float64)
    best = torch.empty(len(targets), dtype=torch.bool)
    done = 0
    for start, block in groupby(tiles, key=itemgetter(0)):
        sums: _Sums | None = None
        stop = done
        for _, first, logits in block:
            if sums is None:
                stop = int(torch.searchsorted(owners, start + len(logits)))
                sums = _Sums((owners[done:stop] - start).to(logits.device), sorted_targets[done:stop].to(logits.device))
            sums.add(first, logits.float())
        if sums is not None:
            logprobs[order[done:stop]], best[order[done:stop]] = sums.results()
        done = stop
    return logprobs, best


class _Sums:
    """What is kept of the logits at some positions, which come a part of the vocabulary at a time.

    Target i of them is `targets[i]` at position `places[i]`.
    """

    def __init__(self, places: torch.Tensor, targets: torch.Tensor) -> None:
        self._places = places
        self._targets = targets
        self._chosen = torch.full(targets.shape, float("nan"), device=targets.device)
        self._leads = torch.zeros(targets.shape, dtype=torch.bool, device=targets.device)
        self._parts = torch.zeros(targets.shape, dtype=torch.long, device=targets.device)
        self._tops: list[torch.Tensor] = []
        self._totals: list[torch.Tensor] = []

    def add(self, first: int, logits: torch.Tensor) -> None:
        """Take in float32 logits (positions, tokens) of the tokens from `first`; they are used up, so not copied."""
        here = ((self._targets >= first) & (self._targets < first + logits.shape[1])).nonzero()[:, 0]
        places, columns = self._places[here], self._targets[here] - first
        # A part of the vocabulary that is masked away has -inf alone, and adds nothing.
        top = logits.amax(-1).clamp_(min=torch.finfo(torch.float32).min)
        self._chosen[here] = logits[places, columns]
        self._leads[here] = _first_best(logits, places, columns, self._chosen[here] == top[places])
        self._parts[here] = len(self._tops)
        self._tops.append(top)
        self._totals.append(logits.sub_(top[:, None]).exp_().sum(-1))

    def results(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(log-probability of every target, whether it is the first of the largest logits), on the processor."""
        tops, totals = torch.stack(self._tops).cpu().double(), torch.stack(self._totals).cpu().double()
        places, top = self._places.cpu(), tops.amax(0)
        whole = top + (totals * torch.exp(tops - top)).sum(0).log_()
        leading = (tops == top).int().argmax(0)
        return self._chosen.cpu() - whole[places], self._leads.cpu() & (self._parts.cpu() == leading[places])


def _first_best(logits: torch.Tensor, place: torch.Tensor, target: torch.Tensor, reached: torch.Tensor) -> torch.Tensor:
    """Whether each target is the first of the largest logits; `reached` says which ones are as large as those."""
    rows = reached.nonzero()[:, 0]
    reached[rows] = logits[place[rows]].argmax(-1) == target[rows]
    return reached


def _numbers(rows: Sequence[TokenRow]) -> list[int]:
    """For every target of every row, the number of its position among the distinct positions that are computed."""
    numbers: list[int] = []
    first = 0
    for row in rows:
        distinct = {position: number for number, position in enumerate(dict.fromkeys(row.positions))}
        numbers.extend(first + distinct[position] for position in row.positions)
        first += len(distinct)
    return numbers
