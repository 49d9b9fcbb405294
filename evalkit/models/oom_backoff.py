"""Going on where memory runs out: smaller batches, then one row at a time, then one failed request."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from evalkit.core import ModelError
from evalkit.models.hf.tensor_parallel import least

__all__ = ["TokenBudget", "is_out_of_memory", "kv_cache_bytes", "run_with_oom_backoff", "too_large"]

_SHARE = 4
"""Keys and values that are kept take at most one part in so many of the memory that is free."""
_ROOM = 1 << 32
"""The most bytes for them where the device does not say what is free, and on a CPU, whose memory others use too."""


class TokenBudget:
    """How many tokens one batch may have. It only shrinks."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def halve(self, tried: int) -> None:
        """After `tried` tokens were too many: half of them, or of the budget where that is less."""
        self.tokens = max(1, min(self.tokens, tried) // 2)


def kv_cache_bytes(device: str) -> int:
    """Bytes that keys and values may take on a device; where processes compute together, in each of them."""
    return least(_free(device))


def _free(device: str) -> int:
    if device.startswith("cuda"):
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        return int(free) // _SHARE
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _ROOM
    return min(int(free) // _SHARE, _ROOM)


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch ran out of memory, on a GPU or (where it is a plain RuntimeError) on the CPU."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def run_with_oom_backoff(
    lengths: Sequence[int],
    budget: TokenBudget,
    *,
    plan: Callable[[Sequence[int], int], list[tuple[int, ...]]],
    run: Callable[[tuple[int, ...]], None],
    is_open: Callable[[int], bool],
    fail: Callable[[int, Exception], None],
    release: Callable[[], None],
) -> None:
    """Run every item, in batches that `plan(lengths, tokens)` makes (as indices into the lengths it was given).

    `is_open(i)` says whether item i still has to be done: items that end while their batch goes on, or that nobody
    waits for any more, are left out of what follows. Out of memory, `release` is called, the budget halved and the
    open items planned again; any other exception makes the batch's items run one by one, so that the item at fault
    fails alone. `fail` gets the exception of an item that failed by itself.
    """
    todo = _planned(range(len(lengths)), lengths, budget.tokens, plan)
    while todo:
        batch = tuple(index for index in todo.pop(0) if is_open(index))
        if not batch:
            continue
        try:
            run(batch)
            continue
        except Exception as caught:  # noqa: BLE001 (a model's code may raise anything; it fails its own request)
            out_of_memory = is_out_of_memory(caught)
            error = _without_frames(caught)
        # Outside of the except block, where nothing holds on to the tensors of the failed pass.
        release()
        still = tuple(index for index in batch if is_open(index))
        if len(batch) == 1:
            fail(batch[0], too_large(error, lengths[batch[0]]) if out_of_memory else error)
        elif out_of_memory:
            budget.halve(len(batch) * max(lengths[index] for index in batch))
            remaining = [*still, *(index for later in todo for index in later)]
            todo = _planned(remaining, lengths, budget.tokens, plan)
        else:
            todo = [(index,) for index in still] + todo


def _planned(
    indices: Sequence[int],
    lengths: Sequence[int],
    tokens: int,
    plan: Callable[[Sequence[int], int], list[tuple[int, ...]]],
) -> list[tuple[int, ...]]:
    batches = plan([lengths[index] for index in indices], tokens)
    return [tuple(indices[place] for place in batch) for batch in batches]


def _without_frames(error: Exception) -> Exception:
    return error.with_traceback(None)


def too_large(error: Exception, tokens: int) -> ModelError:
    """What a request is told that does not fit into memory by itself."""
    return ModelError(f"out of memory on a single input of {tokens} tokens ({error})")
