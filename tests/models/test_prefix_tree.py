"""The plan of shared prefixes: everything wanted is computed once, seeing exactly the sequence before it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("numpy")

from evalkit.models.hf.scoring.passes import Pass, plan
from evalkit.models.hf.scoring.prefix_tree import build
from tests.examples import examples

Sequences = list[tuple[int, ...]]

# Few letters, so that much is shared; some begin with a text that is the same for many.
_words = st.lists(st.integers(0, 2), max_size=12).map(tuple)
_preambles = st.sampled_from([(), (7, 7, 7, 7, 7), (7, 7, 7, 8, 8, 8, 8), (9,) * 9])
sequences = st.lists(st.builds(lambda head, tail: head + tail, _preambles, _words), max_size=14)


def positions_of(rows: Sequences, seed: int) -> list[tuple[int, ...]]:
    """Some positions of every sequence, in any order and some of them twice; the last one where there are any."""
    chance = random.Random(seed)
    chosen: list[tuple[int, ...]] = []
    for ids in rows:
        places = [chance.randrange(len(ids)) for _ in range(chance.randint(0, 3))] if ids else []
        chosen.append(tuple([*places, len(ids) - 1] if places else []))
    return chosen


def nodes(rows: Sequences) -> int:
    """How many distinct prefixes the sequences have: what has to be computed at least."""
    return len({ids[: end + 1] for ids in rows for end in range(len(ids))})


def execute(rows: Sequences, steps: Sequence[Pass], limit: int) -> dict[tuple[int, int], tuple[int, ...]]:
    """What a model whose output is the sequence of tokens that it sees would answer: (row, which) to that sequence."""
    kept: dict[int, list[tuple[int, int]]] = {}
    answers: dict[tuple[int, int], tuple[int, ...]] = {}
    for step in steps:
        seen = [
            [(position, rows[piece.row][position]) for position in range(piece.start, end + 1)]
            for piece in step.pieces
            for end in range(piece.start, piece.stop)
        ]
        assert len(seen) == step.tokens
        own = [seen[piece.at + piece.length - 1] for piece in step.pieces]
        outputs = [list(tokens) for tokens in seen]
        for number, first, last in step.blocks:
            for place in range(first, last):
                outputs[place] = own[number] + outputs[place]
        for node, last in step.reads:
            for place in range(last):
                outputs[place] = kept[node] + outputs[place]
        for number, node in step.keeps:
            assert node not in kept
            kept[node] = own[number]
        assert sum(len(tokens) for tokens in kept.values()) <= limit
        for node in step.drops:
            del kept[node]
        for wanted in step.wanted:
            for which, place in zip(wanted.which.tolist(), wanted.places.tolist(), strict=True):
                assert (wanted.row, which) not in answers, "computed twice"
                tokens = sorted(outputs[place])
                assert [position for position, _ in tokens] == list(range(len(tokens)))
                answers[wanted.row, which] = tuple(token for _, token in tokens)
    assert not kept
    return answers


@examples(400)
@given(sequences, st.integers(0, 99), st.integers(1, 60), st.integers(0, 60), st.integers(0, 8), st.integers(0, 5))
@example([(1, 2, 3), (1, 2, 3), (1, 2), (1,), ()], 3, 1, 0, 0, 0)
# Cut between two nodes of a path that isn't kept and in which no sequence had ended: 16 tokens instead of 13.
@example([(0,), (7, 7, 7, 7, 7), (7, 7, 7, 8, 8, 8, 8)], 0, 4, 0, 0, 0)
def test_every_wanted_position_is_computed_once_and_sees_its_own_prefix(
    rows: Sequences, seed: int, budget: int, limit: int, worth: int, longest: int
) -> None:
    wanted = positions_of(rows, seed)
    steps = plan(rows, wanted, budget=budget, limit=limit, worth=worth, longest=longest)
    expected = {
        (row, which): rows[row][: position + 1]
        for row, places in enumerate(wanted)
        for which, position in enumerate(places)
    }
    assert execute(rows, steps, limit) == expected
    needed = [ids[: max(places) + 1] if places else () for ids, places in zip(rows, wanted, strict=True)]
    computed = sum(step.tokens for step in steps)
    assert nodes(needed) <= computed <= sum(len(ids) for ids in needed)
    for step in steps:
        # Beyond the budget there is one node only, or one path that can't be kept.
        assert step.tokens <= budget or all(
            after.start == before.stop > limit // 2 for before, after in pairwise(step.pieces)
        )


@examples(200)
@given(sequences, st.integers(1, 60))
def test_with_room_for_a_path_every_distinct_prefix_is_computed_once(rows: Sequences, budget: int) -> None:
    wanted = [(len(ids) - 1,) if ids else () for ids in rows]
    limit = 2 * max((len(ids) for ids in rows), default=0)
    steps = plan(rows, wanted, budget=budget, limit=limit)
    assert sum(step.tokens for step in steps) == nodes(rows)
    longest = max((piece.length for step in steps for piece in step.pieces), default=0)
    assert all(step.tokens <= max(budget, longest) for step in steps)


@examples(200)
@given(sequences, st.integers(0, 9), st.integers(0, 5))
def test_the_tree_spells_every_sequence(rows: Sequences, worth: int, longest: int) -> None:
    tree = build(rows, worth=worth, longest=longest)
    if longest:
        assert all(stop - start <= longest for start, stop in zip(tree.starts, tree.stops, strict=True))
    for ids, node in zip(rows, tree.ends, strict=True):
        spelt: tuple[int, ...] = ()
        while node >= 0:
            parent = tree.parents[node]
            assert parent < node
            assert tree.starts[node] == (tree.stops[parent] if parent >= 0 else 0)
            spelt = rows[tree.rows[node]][tree.starts[node] : tree.stops[node]] + spelt
            node = parent
        assert spelt == ids
    if not worth:
        assert tree.tokens == nodes(rows)


def test_too_little_in_common_is_not_kept_apart() -> None:
    rows = [(1, *range(10, 40)), (1, *range(50, 90)), (2, *range(10, 20), 3), (2, *range(10, 20), 4)]
    tree = build(rows, worth=8)
    assert sorted(zip(tree.starts, tree.stops, strict=True)) == [(0, 11), (0, 31), (0, 41), (11, 12), (11, 12)]


def few_shot(subjects: int, questions: int, choices: int) -> Sequences:
    chance = random.Random(0)

    def text(length: int) -> tuple[int, ...]:
        return tuple(chance.randrange(30_000) for _ in range(length))

    return [
        preamble + question + text(30)
        for preamble in [text(600) for _ in range(subjects)]
        for question in [text(170) for _ in range(questions)]
        for _ in range(choices)
    ]


def test_preambles_and_questions_are_computed_once_in_full_passes() -> None:
    rows = few_shot(subjects=4, questions=40, choices=4)
    wanted = [tuple(range(len(ids) - 30, len(ids))) for ids in rows]
    steps = plan(rows, wanted, budget=2048, limit=1600, worth=8)
    assert sum(step.tokens for step in steps) == 4 * (600 + 40 * (170 + 4 * 30))
    assert all(step.tokens > 1500 for step in steps[:-1])


def test_planning_takes_little_time_and_no_recursion() -> None:
    rows = few_shot(subjects=40, questions=26, choices=4)[:4096]
    wanted = [tuple(range(len(ids) - 30, len(ids))) for ids in rows]
    begun = time.process_time()
    plan(rows, wanted, budget=2048, limit=8000, worth=8)
    assert time.process_time() - begun < 2  # about 0.2 s; what is quadratic takes minutes
    chain: Sequences = [(1,) * length for length in range(1, 3000)]
    steps = plan(chain, [(len(ids) - 1,) for ids in chain], budget=100, limit=10_000)
    assert sum(step.tokens for step in steps) == 2999
