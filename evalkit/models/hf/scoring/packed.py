"""Packed passes through a model: every shared token once, in one row without padding.

Whether a model can be computed so is tried on real text against the plain pass; where it can't, or gives other
numbers, the plain pass serves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from typing import Any

import torch

from evalkit.models.hf.counters import Counters
from evalkit.models.hf.forward.attention_patch import UnsupportedError
from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.forward.tree_attention import Kept, packed
from evalkit.models.hf.loading.edges import BEYOND, every_kind, longest_packed, other_layers
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.passes import Pass, plan
from evalkit.models.hf.scoring.plan import TokenRow
from evalkit.models.hf.scoring.score import score, tally
from evalkit.models.oom_backoff import is_out_of_memory

__all__ = ["Packed"]

_log = logging.getLogger(__name__)

_PROBE = 160
"""Tokens of the longest row of the trial."""
_SHORTEST = 8
"""Where even so few tokens are too many for the device's memory, the trial is given up."""
_FAR = 5
"""No difference may be more than this times what rounding explains."""


class Packed:
    """Computes passes of a plan, and holds what they keep. Call it under torch.inference_mode and from one thread."""

    def __init__(self, loaded: Loaded, forward: Forward, counters: Counters) -> None:
        self._loaded = loaded
        self._forward = forward
        self._counters = counters
        self._kept: dict[int, Kept] = {}
        self.bytes_per_token = 0
        """Bytes of a token's keys and values in all layers; 0 before the first were kept."""
        self.covered = 0
        """Tokens of the longest text of the trial; 0 before it."""

    def run(
        self, step: Pass, ids: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> tuple[list[float], list[bool]]:
        """For every wanted place of the pass, in order: the log-probability of its target, and whether that is best.

        The plan was made for the sequences `ids`; `targets[row][which]` is the token whose probability is wanted.
        """
        owners = torch.tensor([place for wanted in step.wanted for place in wanted.places.tolist()], dtype=torch.long)
        chosen = [targets[wanted.row][which] for wanted in step.wanted for which in wanted.which.tolist()]
        places, numbers = torch.unique(owners, return_inverse=True)
        device = self._loaded.device
        row = list(chain.from_iterable(ids[piece.row][piece.start : piece.stop] for piece in step.pieces))
        positions = list(chain.from_iterable(range(piece.start, piece.stop) for piece in step.pieces))
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([row], device=device),
            "position_ids": torch.tensor([positions], device=device),
            "use_cache": False,
        }
        last = self._forward.last
        narrowed = last.narrowed(places, step.tokens) if last else None
        begun = time.perf_counter()
        with packed(self._loaded.model, step, self._kept, last, narrowed) as new:
            tiles = self._forward.tiles(inputs, places)
            logprobs, best = tally(tiles, numbers, torch.tensor(chosen, dtype=torch.long))
        self._counters.forward_seconds += time.perf_counter() - begun
        self._keep(step, new)
        self._counters.passes += 1
        self._counters.tokens_computed += step.tokens
        self._counters.logits_computed += len(places)
        return logprobs.tolist(), best.tolist()

    def _keep(self, step: Pass, new: dict[int, Kept]) -> None:
        self._kept |= new
        for kept in new.values():
            self.bytes_per_token = kept.size // (kept.stop - kept.start)
        size = sum(kept.size for kept in self._kept.values())
        self._counters.most_kept_bytes = max(self._counters.most_kept_bytes, size)
        self.drop(step.drops)

    def drop(self, nodes: Sequence[int]) -> None:
        """Let go of kept nodes, those that were never computed included."""
        for node in nodes:
            self._kept.pop(node, None)

    def release(self) -> None:
        """Let go of everything that is kept."""
        self._kept.clear()

    # ------------------------------------------------------------ the trial

    def check(self, rows: Sequence[TokenRow]) -> str:
        """Why packed passes can't be used for these rows' model, "" where they can.

        Beginnings of the rows, and branches made of them, are computed packed (in one pass, and in several that keep
        keys and values) and plainly, one at a time.
        """
        if kinds := other_layers(self._loaded):
            return f"it has layers of another kind ({kinds})"
        length = min(_PROBE, longest_packed(self._loaded) or _PROBE)

        def shrinking() -> str:
            nonlocal length
            while True:
                try:
                    return self._differs(_trial(rows, length))
                except Exception as error:
                    if not is_out_of_memory(error) or length < _SHORTEST:
                        raise
                    length //= 2

        wrong = self._tried(shrinking)
        self.covered = min(length, max((len(row.ids) for row in rows), default=0))
        return wrong

    def check_beyond(self, window: int, rows: Sequence[TokenRow]) -> str:
        """Why rows longer than a sliding window can't be computed packed, "" where they can. `rows` are some."""
        trial = _trial_beyond(rows, window)
        with every_kind(self._loaded):
            return self._tried(lambda: self._wrong(trial, self._plainly(trial)))

    def _tried(self, trial: Callable[[], str]) -> str:
        """What a trial finds wrong. Nothing of it is kept or counted."""
        counters = replace(self._counters)
        try:
            return trial()
        except UnsupportedError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 (a model's code may raise anything; the plain path then serves)
            return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        finally:
            self.release()
            self._counters.restore(counters)

    def _differs(self, trial: Sequence[TokenRow]) -> str:
        """What is wrong with the trial's rows, "" where nothing is. Decides on the last layer, too."""
        expected = self._plainly(trial)
        if wrong := self._wrong(trial, expected):
            return wrong
        if self._forward.last is not None:
            ends = [replace(row, positions=row.positions[-1:], targets=row.targets[-1:]) for row in trial]
            try:
                wrong = self._wrong(ends, [values[-1:] for values in expected])
            except Exception as error:  # noqa: BLE001 (a model's code may raise anything; the layer then runs whole)
                wrong = str(error) or type(error).__name__
            if wrong:
                self._forward.last = None
                _log.info("the last layer of %s runs whole: %s", type(self._loaded.model).__name__, wrong)
        return ""

    def _plainly(self, trial: Sequence[TokenRow]) -> list[tuple[float, ...]]:
        """The trial's log-probabilities by the plain pass, one row at a time."""
        return [score(self._forward, [row])[0].logprobs for row in trial]

    def _wrong(self, trial: Sequence[TokenRow], expected: Sequence[Sequence[float]]) -> str:
        ids, targets = [row.ids for row in trial], [row.targets for row in trial]
        positions = [row.positions for row in trial]
        firsts = [0, *accumulate(len(values) for values in targets)]
        wanted = torch.tensor(list(chain.from_iterable(expected)))
        longest, total = max(map(len, ids)), sum(map(len, ids))
        for budget, limit in ((total, 0), (longest, 4 * longest)):
            got = torch.full_like(wanted, float("nan"))
            for step in plan(ids, positions, budget=budget, limit=limit):
                values, _ = self.run(step, ids, targets)
                places = [firsts[one.row] + which for one in step.wanted for which in one.which.tolist()]
                got[places] = torch.tensor(values)
            if wrong := _too_far(got - wanted, 2 * self._forward.tolerance, self._loaded.is_exact):
                return wrong
        return ""


def _too_far(differences: torch.Tensor, bound: float, is_exact: bool) -> str:
    """What is wrong with the differences of log-probabilities, "" where they are rounding.

    In coarser numbers than float32 rounding may send a token to another expert, so one in twenty may be further off.
    """
    sizes = differences.abs().sort().values
    usual = sizes[-1] if is_exact else sizes[int(0.95 * (len(sizes) - 1))]
    if usual <= bound and sizes[-1] <= _FAR * bound:
        return ""
    return f"its log-probabilities differ by {float(sizes[-1]):.2g} where at most {bound:.2g} is rounding"


def _trial(rows: Sequence[TokenRow], length: int) -> list[TokenRow]:
    """A long text, branches that leave it at several places, a text that another goes on, and one of its own."""
    by_length = sorted(rows, key=lambda row: len(row.ids))
    text, other = by_length[-1].ids[:length], by_length[0].ids[:length]
    half, quarter = len(text) // 2, len(text) // 4
    sequences = {
        text,
        text[:half] + text[:quarter],
        text[:half] + text[quarter:half] + other[:3],
        text[: half + quarter] + other[:2],
        text[: half + quarter],
        text[:quarter] + other[:quarter],
        other,
        other[1:] + text[:2],
    }
    return [
        # The tokens asked for are those that follow; any would do.
        TokenRow(ids, tuple(range(len(ids))), (*ids[1:], ids[0]))
        for ids in sorted(sequences)
        if ids
    ]


def _trial_beyond(rows: Sequence[TokenRow], window: int) -> list[TokenRow]:
    """A text past the window, one that leaves it past the window, one that leaves it before and goes past it alone.

    What is wanted are tokens at the window's edge and past it, every third of the last `2 * BEYOND` of each text.
    """
    text = max((row.ids for row in rows), key=len)[: window + BEYOND]
    half = window // 2
    sequences = {
        text,
        text[: len(text) - BEYOND // 4] + text[: BEYOND // 2],
        text[:half] + text[half + 1 :],
    }
    trial = []
    for ids in sorted(sequences):
        wanted = tuple(reversed(range(len(ids) - 1, max(-1, len(ids) - 2 * BEYOND - 1), -3)))
        trial.append(TokenRow(ids, wanted, tuple(ids[(place + 1) % len(ids)] for place in wanted)))
    return trial
