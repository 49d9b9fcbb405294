"""Log-likelihoods by llama.cpp: rows sorted into waves that fit its cache, each wave one prefix tree."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from evalkit.core import ModelError
from evalkit.models.hf.scoring.plan import RowScore, TokenRow
from evalkit.models.hf.scoring.requests import Scoring
from evalkit.models.llamacpp.sequences import Logits, Output, Sequences

__all__ = ["score", "waves"]

Wave = tuple[int, ...]


def score(work: Scoring, sequences: Sequences, *, most: int, room: int, leaves: int) -> None:
    """Score every open row: `most` tokens in the cache at a time (more for a longer row, `room` at the very most)."""
    open_ = [number for number in range(len(work.rows)) if work.is_open(number)]
    for number in [number for number in open_ if len(work.rows[number].ids) > room]:
        work.fail(number, ModelError(f"no memory for an input of {len(work.rows[number].ids)} tokens"))
    open_ = [number for number in open_ if len(work.rows[number].ids) <= room]
    for wave in waves([work.rows[number].ids for number in open_], most=most, leaves=leaves):
        numbers = tuple(number for number in (open_[place] for place in wave) if work.is_open(number))
        if not numbers:
            continue
        try:
            _wave(work, sequences, numbers)
        except ModelError as error:
            sequences.clear()
            if len(numbers) == 1:
                work.fail(numbers[0], error)
                continue
            for number in numbers:
                _alone(work, sequences, number)


def waves(ids: Sequence[tuple[int, ...]], *, most: int, leaves: int) -> Iterator[Wave]:
    """Indices of sequences in an order in which those that begin alike are neighbours, cut into waves.

    A wave has at most `leaves` sequences, and its prefix tree at most `most` tokens unless one sequence has more.
    """
    # The order of bytes is not that of numbers, but what begins alike is together.
    keys = [array("I", tokens).tobytes() for tokens in ids]
    wave: list[int] = []
    size, before = 0, b""
    for number in sorted(range(len(ids)), key=keys.__getitem__):
        fresh = len(ids[number]) - _common(before, keys[number])
        if wave and (len(wave) == leaves or size + fresh > most):
            yield tuple(wave)
            wave, size = [], len(ids[number]) - fresh
        wave.append(number)
        size += fresh
        before = keys[number]
    if wave:
        yield tuple(wave)


def _common(one: bytes, other: bytes) -> int:
    length = min(len(one), len(other)) // 4
    differ = np.frombuffer(one, np.uint32, length) != np.frombuffer(other, np.uint32, length)
    place = int(differ.argmax()) if length else 0
    return place if length and differ[place] else length


def _wave(work: Scoring, sequences: Sequences, numbers: Wave) -> None:
    begun = time.perf_counter()
    rows = {number: work.rows[number] for number in numbers}
    _make_room(sequences, rows)
    places = dict(zip(sequences.free()[: len(numbers)], numbers, strict=True))
    outputs = sequences.extend(
        {sequence: rows[number].ids for sequence, number in places.items()},
        {sequence: rows[number].positions for sequence, number in places.items()},
    )
    logprobs = {number: [math.nan] * len(row.targets) for number, row in rows.items()}
    best = {number: [False] * len(row.targets) for number, row in rows.items()}
    missing = {number: len(row.targets) for number, row in rows.items()}
    seconds = time.perf_counter() - begun
    for output in outputs:
        asked = [(places[sequence], which) for sequence, which in output.asked]
        values, flags = tally(output, [rows[number].targets[which] for number, which in asked])
        for (number, which), value, flag in zip(asked, values, flags, strict=True):
            logprobs[number][which], best[number][which] = value, flag
            missing[number] -= 1
        seconds, begun = seconds + time.perf_counter() - begun, time.perf_counter()
        done = [number for number in {number for number, _ in asked} if not missing[number]]
        for number in done:
            result = RowScore(tuple(logprobs[number]), tuple(best[number]))
            work.settle(number, result, seconds / len(numbers))
    # The last begins most like what comes next.
    for sequence in set(sequences.held) - {list(places)[-1]}:
        sequences.drop(sequence)


def _make_room(sequences: Sequences, rows: dict[int, TokenRow]) -> None:
    """Of what an earlier wave left, keep what the next one begins with; one place at most stays taken."""
    for sequence, ids in list(sequences.held.items()):
        key = array("I", ids).tobytes()
        keep = max(_common(key, array("I", row.ids).tobytes()) for row in rows.values())
        sequences.trim(sequence, keep)
    for sequence in sorted(sequences.held, key=lambda sequence: len(sequences.held[sequence]))[:-1]:
        sequences.drop(sequence)


def _alone(work: Scoring, sequences: Sequences, number: int) -> None:
    if not work.is_open(number):
        return
    try:
        _wave(work, sequences, (number,))
    except ModelError as error:
        sequences.clear()
        work.fail(number, error)


def tally(output: Output, targets: Sequence[int]) -> tuple[list[float], list[bool]]:
    """(log-probability of each target, whether it is the first of the most probable tokens), in float32."""
    logits: Logits = output.logits
    top = logits.argmax(-1)
    highest = logits[np.arange(len(logits)), top]
    sums = np.empty(len(logits), np.float32)
    for row, values in enumerate(logits):
        # TokenRow by row, so that a large vocabulary is not copied as a whole.
        sums[row] = highest[row] + np.log(np.exp(values - highest[row]).sum())
    places, chosen = np.asarray(output.places), np.asarray(targets)
    values = logits[places, chosen] - sums[places]
    return values.tolist(), (top[places] == chosen).tolist()
