"""Scoring of encoder-decoder models: every source is encoded once, however many continuations are scored after it.

The decoder's first token is the same for all continuations of a source, so it is computed once too, and with it what
the decoder's layers make of the source; single-token continuations need nothing more.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch

from evalkit.models.hf.counters import Counters
from evalkit.models.hf.forward.cache_name import cache_name
from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.plan import RowScore, TokenRow, by_length
from evalkit.models.hf.scoring.prefix_sharing import Caller
from evalkit.models.hf.scoring.score import score, tally
from evalkit.models.oom_backoff import TokenBudget, run_with_oom_backoff

__all__ = ["EncoderDecoderStrategy", "by_source", "score_sourced"]

_ROOM = 4
"""Source and decoder tokens whose keys and values a decoder pass holds, as a multiple of a pass's tokens."""
_PROBE = 96
"""Tokens of a source in the trial."""
_SOURCES = 3


def by_source(rows: Sequence[TokenRow]) -> list[list[int]]:
    """Numbers of the rows that share a source and the decoder's first token, in order of appearance."""
    groups: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault((row.source, row.ids[0]), []).append(number)
    return list(groups.values())


def score_sourced(
    strategy: EncoderDecoderStrategy,
    rows: Sequence[TokenRow],
    numbers: Sequence[int],
    budget: TokenBudget,
    caller: Caller,
) -> None:
    """Score `rows[number]` for all `numbers`, whole sources at a time, and settle or fail each of them."""
    groups = [[numbers[place] for place in group] for group in by_source([rows[number] for number in numbers])]

    def run(batch: tuple[int, ...]) -> None:
        begun = time.perf_counter()
        still = [[number for number in groups[place] if caller.is_open(number)] for place in batch]
        still = [group for group in still if group]
        results = strategy.score([[rows[number] for number in group] for group in still], _ROOM * budget.tokens)
        share = (time.perf_counter() - begun) / sum(len(group) for group in still)
        for group, scores in zip(still, results, strict=True):
            for number, result in zip(group, scores, strict=True):
                caller.settle(number, result, share)

    def fail(place: int, error: Exception) -> None:
        for number in groups[place]:
            caller.fail(number, error)

    run_with_oom_backoff(
        [max(rows[number].length for number in group) for group in groups],
        budget,
        plan=by_length,
        run=run,
        is_open=lambda place: any(caller.is_open(number) for number in groups[place]),
        fail=fail,
        release=caller.release,
    )


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Sources side by side: (sources, width) mask, the encoder's output, and the decoder's cache after one token."""

    mask: torch.Tensor
    output: Any
    cache: Any


class EncoderDecoderStrategy:
    """Call it under torch.inference_mode and from one thread."""

    def __init__(self, loaded: Loaded, forward: Forward, counters: Counters) -> None:
        self._loaded = loaded
        self._forward = forward
        self._counters = counters
        self._cache_name = cache_name(loaded.model)

    def score(self, groups: Sequence[Sequence[TokenRow]], room: int) -> list[list[RowScore]]:
        """For every group of rows (see `by_source`) their scores; decoder passes hold up to `room` cached tokens."""
        begun = time.perf_counter()
        rows = [row for group in groups for row in group]
        owners = [number for number, group in enumerate(groups) for _ in group]
        logprobs = [[0.0] * len(row.targets) for row in rows]
        best = [[False] * len(row.targets) for row in rows]

        def note(which: Sequence[tuple[int, int]], inputs: dict[str, Any], places: Sequence[int]) -> None:
            """One pass; target i of row r, for (r, i) in `which`, is wanted at the place next to it."""
            distinct, numbers = torch.unique(torch.tensor(places, dtype=torch.long), return_inverse=True)
            chosen = torch.tensor([rows[row].targets[i] for row, i in which], dtype=torch.long)
            values, flags = tally(self._forward.tiles(inputs, distinct), numbers, chosen)
            for (row, i), value, flag in zip(which, values.tolist(), flags.tolist(), strict=True):
                logprobs[row][i], best[row][i] = value, flag
            self._counters.passes += 1
            self._counters.tokens_computed += inputs["decoder_input_ids"].numel()
            self._counters.logits_computed += len(distinct)

        inputs = self._encode([group[0] for group in groups])
        first = [(r, i) for r, row in enumerate(rows) for i, place in enumerate(row.positions) if place == 0]
        note(first, inputs, [owners[row] for row, _ in first])
        encoded = _Encoded(inputs["attention_mask"], inputs["encoder_outputs"], inputs[self._cache_name])
        longer = sorted((r for r, row in enumerate(rows) if len(row.ids) > 1), key=lambda r: -len(rows[r].ids))
        while longer:
            width = len(rows[longer[0]].ids) - 1
            count = max(1, room // (encoded.mask.shape[1] + width))
            batch, longer = longer[:count], longer[count:]
            which = [(r, i) for r in batch for i, place in enumerate(rows[r].positions) if place]
            beside = {r: number * width - 1 for number, r in enumerate(batch)}
            places = [beside[r] + rows[r].positions[i] for r, i in which]
            note(which, self._decoding(encoded, [owners[r] for r in batch], [rows[r].ids[1:] for r in batch]), places)
        self._counters.forward_seconds += time.perf_counter() - begun
        results = [RowScore(tuple(values), tuple(flags)) for values, flags in zip(logprobs, best, strict=True)]
        ends = list(accumulate(len(group) for group in groups))
        return [results[end - len(group) : end] for group, end in zip(groups, ends, strict=True)]

    def _encode(self, firsts: Sequence[TokenRow]) -> dict[str, Any]:
        """Inputs of the decoder's first token, one row a source, with an empty cache."""
        from transformers import DynamicCache, EncoderDecoderCache

        device = self._loaded.device
        ids, mask = _padded([row.source for row in firsts], device)
        self._counters.tokens_computed += ids.numel()
        return {
            "encoder_outputs": self._loaded.model.get_encoder()(input_ids=ids, attention_mask=mask),
            "attention_mask": mask,
            "decoder_input_ids": torch.tensor([[row.ids[0]] for row in firsts], device=device),
            self._cache_name: EncoderDecoderCache(DynamicCache(), DynamicCache()),
            "use_cache": True,
        }

    def _decoding(self, encoded: _Encoded, sources: Sequence[int], ids: Sequence[tuple[int, ...]]) -> dict[str, Any]:
        """Inputs of the tokens after the first; row r goes on from source `sources[r]`."""
        index = torch.tensor(sources, device=self._loaded.device)
        cache, output = copy.deepcopy(encoded.cache), copy.copy(encoded.output)
        cache.batch_select_indices(index)
        output.last_hidden_state = output.last_hidden_state[index]
        return {
            "encoder_outputs": output,
            "attention_mask": encoded.mask[index],
            # Nothing is read behind a row's last token, so padding needs no mask.
            "decoder_input_ids": _padded(ids, self._loaded.device)[0],
            self._cache_name: cache,
            "use_cache": True,
        }

    def check(self, rows: Sequence[TokenRow]) -> str:
        """Why this can't be used for these rows' model, "" where it can: tried on beginnings of the rows."""
        trial = _trial(rows)
        groups = [[trial[number] for number in numbers] for numbers in by_source(trial)]
        spent = copy.copy(self._counters)
        try:
            expected = [value for group in groups for row in group for value in score(self._forward, [row])[0].logprobs]
            room = 2 * _PROBE
            got = [value for group in self.score(groups, room) for result in group for value in result.logprobs]
            worst = max(abs(a - b) for a, b in zip(expected, got, strict=True))
        except Exception as error:  # noqa: BLE001 (a model's code may raise anything; the plain path then serves)
            return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        finally:
            self._counters.restore(spent)
        bound = 2 * self._forward.tolerance
        return "" if worst <= bound else f"its log-probabilities differ by {worst:.2g}, more than {bound:.2g}"


def _trial(rows: Sequence[TokenRow]) -> list[TokenRow]:
    """Three texts after each of several sources: some of the rows', one cut in half; the texts made of sources."""
    sources = list(dict.fromkeys(row.source[:_PROBE] for row in (*rows[: 4 * _SOURCES], rows[-1]) if row.source))[
        :_SOURCES
    ]
    sources += [source[: len(source) // 2] for source in sources[:1] if len(source) > 1]
    start = rows[0].ids[:1]
    texts = [start, *((start + source)[:9] for source in sources), (start + sources[0][::-1])[:5]] if sources else []
    # The tokens asked for are those that follow; any would do.
    return [
        TokenRow(ids, tuple(range(len(ids))), (*ids[1:], ids[0]), source)
        for source in sources
        for ids in dict.fromkeys(texts)
    ]


def _padded(sequences: Sequence[tuple[int, ...]], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """(ids, mask), padded on the right with token 0."""
    width = max(len(ids) for ids in sequences)
    ids = torch.tensor([[*ids, *([0] * (width - len(ids)))] for ids in sequences], device=device)
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in sequences], device=device)
    return ids, mask
