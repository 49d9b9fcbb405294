"""Writing texts token by token, many at once, over a key-value cache.

A batch steps until its last text has ended; ended texts leave it when they are half of it. `Cached` is checked
against the plain pass before it is used, and `Plain`, which computes every text anew at every step, stands in where
an architecture's cache does not work this way.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch

from evalkit.models.hf.forward.cache_name import cache_name
from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.generation.sampling import next_tokens
from evalkit.models.hf.generation.stream import Stream
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.plan import TokenRow

__all__ = ["Cached", "Plain", "Stepper", "decode", "find_stepper"]

_log = logging.getLogger(__name__)


class Stepper(Protocol):
    """Computes the next token's logits, float32 of shape (texts, vocabulary), for a batch of texts."""

    def start(self, prompts: Sequence[tuple[int, ...]]) -> torch.Tensor: ...
    def step(self, tokens: Sequence[int]) -> torch.Tensor: ...
    def keep(self, places: Sequence[int]) -> None:
        """Drop every text but those at `places` of the batch."""
        ...

    def release(self) -> None:
        """Let go of the batch and its memory."""
        ...


def decode(stepper: Stepper, streams: Sequence[Stream], wanted: Callable[[int], bool]) -> Iterator[int]:
    """Write all streams, yielding the place of each as it ends; one that is not `wanted` any more is dropped."""
    live = list(range(len(streams)))
    for stream in streams:
        stream.restart()
    logits = stepper.start([stream.ids for stream in streams])
    while True:
        tokens = next_tokens(logits, [streams[place] for place in live])
        for place, token in zip(live, tokens, strict=True):
            if not streams[place].finish and streams[place].push(token):
                yield place
        going = [row for row, place in enumerate(live) if not streams[place].finish and wanted(place)]
        if not going:
            return
        if len(going) <= len(live) // 2:
            # Ended texts cost a row each until then; copying the cache at every end would cost more.
            stepper.keep(going)
            live = [live[row] for row in going]
            tokens = [tokens[row] for row in going]
        logits = stepper.step(tokens)


class Cached:
    """Prompts padded on the left, one pass over them, then one token a text and step."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._model: Any = loaded.model
        names = inspect.signature(loaded.model.forward).parameters
        self._has_positions = "position_ids" in names
        self._last_only: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in names else {}
        self._cache_name = cache_name(loaded.model)
        self._cache: Any = None
        self._mask = torch.empty(0)
        self._encoded: Any = None

    def start(self, prompts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        width = max(len(prompt) for prompt in prompts)
        device = self._loaded.device
        ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        self._mask = (torch.arange(width, device=device)[None, :] >= width - lengths[:, None]).long()
        self._cache = None
        if self._loaded.start_id is None:
            return self._pass(ids)
        self._encoded = self._model.get_encoder()(input_ids=ids, attention_mask=self._mask)
        return self._pass(torch.full((len(prompts), 1), self._loaded.start_id, device=device))

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        if self._loaded.start_id is None:
            self._mask = torch.cat([self._mask, self._mask.new_ones((len(self._mask), 1))], 1)
        return self._pass(torch.tensor(tokens, device=self._loaded.device)[:, None])

    def keep(self, places: Sequence[int]) -> None:
        index = torch.tensor(places, device=self._loaded.device)
        self._cache.batch_select_indices(index)
        self._mask = self._mask[index]
        if self._encoded is not None:
            self._encoded.last_hidden_state = self._encoded.last_hidden_state[index]

    def release(self) -> None:
        self._cache = self._encoded = None

    def _pass(self, ids: torch.Tensor) -> torch.Tensor:
        inputs: dict[str, Any] = {"attention_mask": self._mask, "use_cache": True, **self._last_only}
        if self._loaded.start_id is None:
            inputs["input_ids"] = ids
            if self._has_positions:
                positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
                inputs["position_ids"] = positions[:, -ids.shape[1] :]
        else:
            inputs["decoder_input_ids"] = ids
            inputs["encoder_outputs"] = self._encoded
        if self._cache is not None:
            inputs[self._cache_name] = self._cache
        output = self._model(**inputs)
        self._cache = getattr(output, self._cache_name)
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits


class Plain:
    """Every text computed from its beginning at every step, through the checked forward pass."""

    def __init__(self, loaded: Loaded, forward: Forward) -> None:
        self._loaded = loaded
        self._forward = forward
        self._texts: list[list[int]] = []
        self._sources: list[tuple[int, ...]] = []

    def start(self, prompts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        if self._loaded.start_id is None:
            self._texts, self._sources = [list(prompt) for prompt in prompts], [()] * len(prompts)
        else:
            self._texts, self._sources = [[self._loaded.start_id] for _ in prompts], list(prompts)
        return self._logits()

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        for text, token in zip(self._texts, tokens, strict=True):
            text.append(token)
        return self._logits()

    def keep(self, places: Sequence[int]) -> None:
        self._texts = [self._texts[place] for place in places]
        self._sources = [self._sources[place] for place in places]

    def release(self) -> None:
        self._texts, self._sources = [], []

    def _logits(self) -> torch.Tensor:
        rows = [
            TokenRow(tuple(text), (len(text) - 1,), (), source)
            for text, source in zip(self._texts, self._sources, strict=True)
        ]
        batches = [[row] for row in rows] if self._forward.way.alone else [rows]
        return torch.cat([piece for batch in batches for _, piece in self._forward.logits(batch)])


def find_stepper(loaded: Loaded, forward: Forward) -> Stepper:
    """The cached stepper where it agrees with the plain one on three steps of a padded batch, else the plain one."""
    short, long = forward.probe()
    cached, plain = Cached(loaded), Plain(loaded, forward)
    try:
        agrees = True
        expected, got = plain.start([short, long]), cached.start([short, long])
        for turn in range(3):
            agrees &= bool((expected - got).abs().max() <= forward.tolerance)
            tokens = [short[0], long[0]]
            if turn == 1:
                plain.keep([0])
                cached.keep([0])
            if turn >= 1:
                tokens = tokens[:1]
            expected, got = plain.step(tokens), cached.step(tokens)
        agrees &= bool((expected - got).abs().max() <= forward.tolerance)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError, NotImplementedError) as error:
        _log.info("the key-value cache of %s can't be used: %s", type(loaded.model).__name__, error)
        agrees = False
    cached.release()
    if agrees:
        return cached
    _log.warning("%s generates without a key-value cache, which is slow", type(loaded.model).__name__)
    return plain
