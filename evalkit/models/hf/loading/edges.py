"""The lengths at which an architecture begins to compute differently, and how far fast paths may go past them.

A trial on short texts says nothing about a sliding window of 512 tokens. So each window holds the fast paths back
until a trial has crossed it, on the first batch that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evalkit.models.hf.loading.loaded_model import Loaded

__all__ = ["BEYOND", "Reach", "every_kind", "longest_packed", "other_layers", "windows"]

BEYOND = 48
"""How many tokens past a window the texts of a trial go."""
_COST = 8
"""What a trial through all layers costs, in tokens, as a multiple of the window."""
_SMALL = 128
"""Up to such a window a trial costs no more than the one on the first texts, and is worth it for a single text."""
_KINDS = frozenset({"full_attention", "sliding_attention", "chunked_attention"})


def longest_packed(loaded: Loaded) -> int:
    """The longest text that may be computed packed, 0 for any: beyond it a model attends or embeds differently."""
    # Attention in chunks has no parameter of its own that would tell its layers from others.
    chunk = getattr(loaded.model.config.get_text_config(), "attention_chunk_size", None)
    return min((limit for limit in (loaded.border, chunk) if limit), default=0)


def other_layers(loaded: Loaded) -> str:
    """The kinds of layers that are not attention over single tokens, by their names in the config."""
    kinds = set(getattr(loaded.model.config.get_text_config(), "layer_types", None) or ())
    return ", ".join(sorted(kinds - _KINDS))


def windows(loaded: Loaded) -> tuple[int, ...]:
    """How many tokens back its layers see, where that is less than the longest text; ascending."""
    config = loaded.model.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds and "sliding_attention" not in kinds:
        return ()
    found = {getattr(config, name, None) for name in ("sliding_window", "attention_window_size")}
    return tuple(sorted(size for size in found if isinstance(size, int) and 0 < size < loaded.max_length))


@contextmanager
def every_kind(loaded: Loaded) -> Iterator[None]:
    """Within the block the model computes its first layers only, as many as hold every kind that its config lists.

    All layers of a kind see past a window in the same way, so a trial of the window needs no more of them. A model
    that goes through its layers without asking its config computes all of them, which is right and slower.
    """
    config = loaded.model.config.get_text_config()
    whole = config.num_hidden_layers
    config.num_hidden_layers = round(whole * _share(config))
    try:
        yield
    finally:
        config.num_hidden_layers = whole


def _share(config: Any) -> float:
    """The part of a model's layers that hold every kind; 1 where its config does not list them."""
    kinds = getattr(config, "layer_types", None)
    if not kinds:
        return 1.0
    # Two at least, so that one layer reads what another wrote.
    needed: int = max(2, 1 + max(kinds.index(kind) for kind in set(kinds)))
    return needed / max(2, len(kinds))


class Reach:
    """Up to which length a fast path may be used."""

    def __init__(self, loaded: Loaded) -> None:
        self._untried = list(windows(loaded))
        self._cost = _COST * _share(loaded.model.config.get_text_config())
        self._limit = 0
        self.wrong = ""
        """Why texts beyond a window can't be computed fast, "" where none was found to be wrong."""

    def crossed(self, length: int) -> None:
        """A trial with texts of that length went well; its branches left one another halfway."""
        self._untried = [window for window in self._untried if length < 2 * window]

    def within(
        self, numbers: Sequence[int], length: Callable[[int], int], trial: Callable[[int, list[int]], str]
    ) -> list[int]:
        """The texts, by number, that may be computed fast.

        `trial(window, beyond)` says what is wrong with texts that cross the window, "" for nothing. It is called once
        for each window, when the texts beyond it are as many tokens as the trial (or the window is small); until then
        they are not fast.
        """
        while self._untried and not self._limit:
            window = self._untried[0]
            beyond = [number for number in numbers if length(number) > window]
            if sum(map(length, beyond)) < (self._cost * window if window > _SMALL else 1):
                return [number for number in numbers if length(number) <= window]
            if wrong := trial(window, beyond):
                self._limit, self.wrong = window, f"beyond its window of {window} tokens, {wrong}"
            else:
                self._untried.pop(0)
        return [number for number in numbers if not self._limit or length(number) <= self._limit]
