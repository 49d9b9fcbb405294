"""Whether a model can be written with over slots: a few texts done that way, compared with the plain forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evalkit.models.hf.forward.attention_patch import UnsupportedError
from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.forward.slot_attention import step_logits
from evalkit.models.hf.generation.kv_slots import Slots
from evalkit.models.hf.generation.prefill import Prefill, Prompt, Ready
from evalkit.models.hf.loading.edges import BEYOND, every_kind, other_layers
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.plan import TokenRow
from evalkit.models.oom_backoff import is_out_of_memory

__all__ = ["CheckResult", "judge", "judge_beyond"]

_PROBE = 96
"""Tokens of the longest text of the trial."""
_SHORTEST = 8
_STEPS = 4
_FAR = 5
"""No difference may be more than this times what rounding explains."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Why slots can't be used, "" where they can; the bytes of a token's keys and values in all layers; and the
    tokens of the longest text that was tried."""

    wrong: str
    token_bytes: int = 0
    covered: int = 0


def judge(loaded: Loaded, forward: Forward, prompts: Sequence[Prompt], longest: int) -> CheckResult:
    """Try texts that begin as `prompts` do; none gets longer than `longest` (0: any).

    Out of memory the trial is repeated with shorter texts, and given up where that does not help.
    """
    if loaded.start_id is not None:
        return CheckResult("it is an encoder-decoder")
    if forward.way.alone:
        return CheckResult("its texts can't be computed side by side")
    if kinds := other_layers(loaded):
        # Such a layer's state of a text is no row of keys and values, and little of it may show in a short trial.
        return CheckResult(f"it has layers of another kind ({kinds})")
    length = max(1, min(_PROBE, (longest or loaded.max_length) - _STEPS))
    while True:
        try:
            return _verdict(loaded, forward, _texts(prompts, length))
        except UnsupportedError as error:
            return CheckResult(str(error))
        except Exception as error:  # noqa: BLE001 (a model's code may raise anything; another way then serves)
            if not is_out_of_memory(error) or length < _SHORTEST:
                return CheckResult(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
        length //= 2


def judge_beyond(loaded: Loaded, forward: Forward, prompts: Sequence[Prompt], window: int) -> str:
    """Why slots can't hold texts that go past a sliding window, "" where they can. Their beginnings are the prompts'.

    Two share what lies before and past the window, one shares nothing, and one crosses it while it is written.
    """
    longest = max(prompts, key=len)
    text = tuple(longest[place % len(longest)] for place in range(window + BEYOND))
    past = text[: window + BEYOND // 2]
    texts = [text[1:], past + text[:3], past + text[1:2], text[2 : window + 1]]
    try:
        with every_kind(loaded):
            return _Trial(loaded, forward, texts).verdict().wrong
    except Exception as error:  # noqa: BLE001 (a model's code may raise anything; another way then serves)
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _verdict(loaded: Loaded, forward: Forward, texts: Sequence[Prompt]) -> CheckResult:
    """The trial's verdict; where it is bad with a last layer that runs only where it is wanted, that without."""
    if forward.last is None:
        return _Trial(loaded, forward, texts).verdict()
    try:
        verdict = _Trial(loaded, forward, texts).verdict()
        if not verdict.wrong:
            return verdict
    except Exception as error:
        if is_out_of_memory(error):
            raise
    forward.last = None
    return _Trial(loaded, forward, texts).verdict()


def _texts(prompts: Sequence[Prompt], length: int) -> list[Prompt]:
    """A long prompt, two that leave it halfway, one of these twice, and a separate short one."""
    by_length = sorted(prompts, key=len)
    text, other = by_length[-1][:length], by_length[0][:length]
    half = text[: max(1, len(text) // 2)]
    return [cut[:length] for cut in (text, half + other[:3], half + text[:2], other[-5:], half + text[:2])]


class _Trial:
    """Texts with tokens that are forced on them, so that the plain pass computes each of them at once."""

    def __init__(self, loaded: Loaded, forward: Forward, prompts: Sequence[Prompt]) -> None:
        self._loaded = loaded
        self._forward = forward
        self._prompts = prompts
        # Of different lengths, so that slots are left, filled again and moved.
        self._forced = [
            [ids[(7 * turn + row) % len(ids)] for turn in range(_STEPS - row % 3)] for row, ids in enumerate(prompts)
        ]
        self._got: list[list[torch.Tensor]] = [[] for _ in prompts]

    def verdict(self) -> CheckResult:
        """Whether the logits over slots are the plain pass's, up to rounding."""
        waiting = self._prefilled()
        part = (*waiting[0].own, *waiting[0].shared)[0]
        self._write(waiting)
        worst: list[float] = []
        for ids, forced, got in zip(self._prompts, self._forced, self._got, strict=True):
            whole = (*ids, *forced)
            row = TokenRow(whole, tuple(range(len(ids) - 1, len(whole))))
            expected = torch.cat([piece for _, piece in self._forward.logits([row])])
            worst += (torch.stack(got) - expected).abs().amax(-1).tolist()
        worst.sort()
        bound = 2 * self._forward.tolerance
        # In coarser numbers rounding may send a token to another expert, so one in twenty may be further off.
        usual = worst[-1] if self._loaded.is_exact else worst[int(0.95 * (len(worst) - 1))]
        if usual <= bound and worst[-1] <= _FAR * bound:
            covered = max(map(len, self._prompts))
            return CheckResult("", part.size // (part.stop - part.start), covered)
        return CheckResult(f"its logits differ by {worst[-1]:.2g} where at most {bound:.2g} is rounding")

    def _prefilled(self) -> list[Ready]:
        """The prompts computed, over several passes and with parts that are shared."""
        longest = max(map(len, self._prompts))
        prefill = Prefill(self._prompts, budget=longest // 2 + 1, worth=1, readers=2, room=longest)
        waiting: list[Ready] = []
        while prefill.has_more(lambda row: True):
            readies, logits, places = prefill.run(self._loaded, self._forward)
            waiting += readies
            for ready, place in zip(readies, places, strict=True):
                self._got[ready.number].append(logits[place])
        return waiting

    def _write(self, waiting: list[Ready]) -> None:
        parts = (*waiting[0].own, *waiting[0].shared)
        slots = Slots(len(waiting) - 1, max(map(len, self._prompts)) + _STEPS, parts[0])
        rows: list[int] = []
        while rows or waiting:
            while waiting and slots.used < slots.count:
                ready = waiting.pop()
                slots.add(ready.own, ready.shared)
                rows.append(ready.number)
            # Every other text goes on by two tokens at a time.
            todo = [self._forced[row][len(self._got[row]) - 1 :][: 1 + row % 2] for row in rows]
            logits = step_logits(self._loaded.model, slots, todo)
            counts = [len(some) for some in todo]
            slots.advance(counts)
            for row, got in zip(rows, logits.split(counts), strict=True):
                self._got[row] += got.unbind()
            for slot in reversed(range(len(rows))):
                if len(self._got[rows[slot]]) <= len(self._forced[rows[slot]]):
                    continue
                if waiting:
                    ready = waiting.pop()
                    slots.put(slot, ready.own, ready.shared)
                    rows[slot] = ready.number
                else:
                    slots.drop(slot)
                    rows[slot] = rows[-1]
                    rows.pop()
