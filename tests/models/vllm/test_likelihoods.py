"""What is asked of vLLM for a row, against a scripted engine that leaves garbage where its cache was read."""

from __future__ import annotations

import asyncio
import random

import pytest

from evalkit.core import ModelError
from evalkit.models.hf.scoring.plan import RowScore, TokenRow
from evalkit.models.vllm.likelihoods import MOST_TARGETS, Likelihoods, Output, Question, Way

BLOCK = 4


def value(ids: tuple[int, ...], token: int) -> float:
    """The log-probability of a token after others: some number that depends on all of them."""
    return -((hash((ids, token)) % 1000) / 100)


def top(ids: tuple[int, ...]) -> int:
    """The most probable token after others."""
    return hash(ids) % 6


class Engine:
    """Keeps full blocks of what it computed, as vLLM does. What comes from the cache has log-probability 99, or none
    where it `leaves_out` such positions."""

    def __init__(self, *, leaves_out: bool = False) -> None:
        self.leaves_out = leaves_out
        self.kept: set[tuple[int, ...]] = set()
        self.questions: list[Question] = []
        self.computed = 0

    async def __call__(self, asked: Question) -> Output:
        assert len(asked.after) <= MOST_TARGETS
        self.questions.append(asked)
        ids = asked.ids
        ends = range(BLOCK, len(ids), BLOCK)
        cached = max((end for end in ends if asked.cached and ids[:end] in self.kept), default=0)
        self.kept |= {ids[:end] for end in range(BLOCK, len(ids) + 1, BLOCK)}
        self.computed += len(ids) - cached
        await asyncio.sleep(0)
        inside = []
        if asked.inside:
            computed = [(value(ids[:n], ids[n]), ids[n] == top(ids[:n])) for n in range(cached + 1, len(ids))]
            inside = computed if self.leaves_out else [(99.0, True)] * (cached + 1) + computed
        return Output(cached, top(ids), {token: value(ids, token) for token in asked.after}, inside)


def expected(row: TokenRow) -> RowScore:
    places = list(zip(row.positions, row.targets, strict=True))
    values = tuple(value(row.ids[: position + 1], token) for position, token in places)
    return RowScore(values, tuple(token == top(row.ids[: position + 1]) for position, token in places))


def continuation(context: tuple[int, ...], ending: tuple[int, ...]) -> TokenRow:
    ids = (*context, *ending)[:-1]
    return TokenRow(ids, tuple(range(len(ids) - len(ending), len(ids))), ending)


def scored(engine: Engine, rows: list[TokenRow], *, cached: bool = True, inside: bool = True) -> list[RowScore]:
    async def ask() -> list[RowScore]:
        ways = Likelihoods(engine, Way(cached, BLOCK, inside))
        return [await ways.score(row) for row in rows]

    return asyncio.run(ask())


def test_choices_of_one_token_are_one_question_that_reads_the_cache() -> None:
    engine = Engine()
    context = tuple(range(10))
    row = TokenRow(context, (9,) * 4, (20, 21, 22, 23))
    assert scored(engine, [row]) == [expected(row)]
    assert engine.questions == [Question(context, (20, 21, 22, 23), inside=False, cached=True)]


def test_more_tokens_than_one_request_may_name_are_asked_for_in_several() -> None:
    engine = Engine()
    targets = tuple(range(100, 100 + 2 * MOST_TARGETS + 5))
    row = TokenRow(tuple(range(10)), (9,) * len(targets), targets)
    assert scored(engine, [row]) == [expected(row)]
    assert [len(question.after) for question in engine.questions] == [MOST_TARGETS, MOST_TARGETS, 5]


@pytest.mark.parametrize("leaves_out", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_any_rows_in_any_order_have_the_values_of_the_plain_way(seed: int, leaves_out: bool) -> None:
    """Contexts and continuations that begin alike, whole texts and repeated rows: the cache reaches into some."""
    draw = random.Random(seed)
    words = [tuple(draw.choices(range(6), k=draw.randint(1, 9))) for _ in range(4)]
    rows = []
    for _ in range(12):
        context = tuple(token for _ in range(draw.randint(1, 3)) for token in draw.choice(words))
        rows.append(continuation(context, draw.choice(words)))
        text = (0, *context)
        rows.append(TokenRow(text[:-1], tuple(range(len(text) - 1)), text[1:]))
    cached, plain = Engine(leaves_out=leaves_out), Engine()
    assert scored(cached, rows) == scored(plain, rows, cached=False) == [expected(row) for row in rows]
    assert any(question.cached for question in cached.questions)
    assert not any(question.cached for question in plain.questions if question.inside)
    under_adapter = Engine(leaves_out=leaves_out)
    assert scored(under_adapter, rows, inside=False) == [expected(row) for row in rows]
    assert not any(question.inside for question in under_adapter.questions)


@pytest.mark.parametrize(("length", "computed"), [(41, 43 + 3 * 3), (40, 42 + 3 * (2 + BLOCK))])
def test_a_shared_context_is_computed_once(length: int, computed: int) -> None:
    """Where a context ends with a block, its last token is read again, of which the continuation's first one hangs."""
    context = tuple(range(length))
    rows = [continuation(context, (50 + n, 60 + n, 70 + n)) for n in range(4)]
    engine, plain = Engine(), Engine()
    assert scored(engine, rows) == scored(plain, rows, cached=False)
    assert (engine.computed, plain.computed) == (computed, 4 * (length + 2))


def test_a_position_without_a_value_is_a_failure_and_no_number() -> None:
    async def none(asked: Question) -> Output:
        return Output(0, 0, dict.fromkeys(asked.after, -1.0), [])

    with pytest.raises(ModelError, match="no log-probability for token"):
        asyncio.run(Likelihoods(none, Way(True, BLOCK)).score(continuation(tuple(range(9)), (1, 2))))
