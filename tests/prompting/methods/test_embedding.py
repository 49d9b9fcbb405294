"""Documents ranked by vectors: the order against trec_eval's own, the collection embedded once a model."""

from __future__ import annotations

import asyncio
import json
import random
from functools import partial
from typing import Any

import numpy as np
import pytest

from evalkit.core import (
    Attempt,
    Capabilities,
    Embed,
    Identity,
    ModelError,
    Prompt,
    Reply,
    Request,
    Sample,
    Usage,
    Vectors,
)
from evalkit.prompting.methods import embed
from evalkit.prompting.methods.embedding import retrieve


class Letters:
    """Counts letters: a vector of 26 numbers for a text. Remembers what it was asked."""

    def __init__(self, name: str = "letters", fails: str = "") -> None:
        self.identity = Identity(name)
        self.capabilities = Capabilities(requests=frozenset({Embed}), window=7)
        self.asked: list[Embed] = []
        self._fails = fails

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Embed)
        self.asked.append(request)
        await asyncio.sleep(0)
        if self._fails in request.texts:
            raise ModelError("no vector")
        rows = [[float(text.count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in request.texts]
        return Reply(vectors=Vectors.of(np.array(rows, np.float32)), usage=Usage(prompt_tokens=3))

    async def close(self) -> None: ...


def ask(method: Any, model: Any, *queries: str, ids: tuple[str, ...] = ()) -> list[Reply]:
    async def all_of_them() -> list[Reply]:
        attempts = [
            Attempt(Sample(ids[number] if ids else f"q{number}", query), Prompt(query))
            for number, query in enumerate(queries)
        ]
        return [reply for (reply,) in await asyncio.gather(*(method.ask(attempt, model) for attempt in attempts))]

    return asyncio.run(all_of_them())


def ranked(reply: Reply) -> tuple[str, ...]:
    assert reply.finish == ("stop",)
    return tuple(json.loads(reply.texts[0]))


def collection(rng: random.Random, count: int, alphabet: str) -> list[tuple[str, str]]:
    """Few letters and short texts, so that many documents have the very same vector."""
    return [(f"d{number}", "".join(rng.choices(alphabet, k=rng.randrange(1, 5)))) for number in range(count)]


def test_the_ranking_is_trec_evals_ties_included() -> None:
    pytrec_eval: Any = pytest.importorskip("pytrec_eval", reason="pytrec_eval-terrier is the oracle")
    rng = random.Random(4)
    ties = 0
    for _ in range(60):
        documents, query = collection(rng, 40, "abc"), "".join(rng.choices("abc", k=3))
        [reply] = ask(retrieve(partial(list, documents), depth=40), Letters(), query)
        vectors = {name: np.array([text.count(letter) for letter in "abc"], np.float32) for name, text in documents}
        vectors["q"] = np.array([query.count(letter) for letter in "abc"], np.float32)
        unit = {name: vector / np.float32(np.linalg.norm(vector)) for name, vector in vectors.items()}
        # float32 dot products may differ in the last digit by the order of summation: equal texts have equal ones.
        run = {name: round(float(unit[name] @ unit["q"]), 5) for name, _ in documents}
        ties += len(run) - len(set(run.values()))
        best = rng.choice(documents)[0]
        found = pytrec_eval.RelevanceEvaluator({"q": {best: 1}}, {"recip_rank"}).evaluate({"q": run})
        rank = round(1 / found["q"]["recip_rank"])
        same = {name for name in run if run[name] == run[best]}
        place = ranked(reply).index(best) + 1
        if len({text for name, text in documents if name in same}) == 1:
            assert place == rank
        assert set(ranked(reply)) == set(run)
        values = [run[name] for name in ranked(reply)]
        assert values == sorted(values, reverse=True)
    assert ties > 500


def test_equal_documents_stand_by_id_the_last_first_however_deep_one_looks() -> None:
    documents = [("d1", "ab"), ("d3", "ab"), ("d2", "ab"), ("d0", "z")]
    for depth in (1, 2, 3, 4, 9):
        [reply] = ask(retrieve(lambda: documents, depth=depth), Letters(), "ab")
        assert ranked(reply) == ("d3", "d2", "d1", "d0")[:depth]
    assert reply.usage == Usage(prompt_tokens=3)


def test_a_document_that_is_the_query_is_left_out() -> None:
    documents = [("a", "xy"), ("b", "xyz"), ("c", "q")]
    [reply] = ask(retrieve(lambda: documents, depth=2), Letters(), "xy", ids=("a",))
    assert ranked(reply) == ("b", "c")


@pytest.mark.parametrize(("similarity", "first"), [("cosine", "short"), ("dot", "long")])
def test_the_dot_product_cares_for_length(similarity: Any, first: str) -> None:
    documents = [("short", "a"), ("long", "aaaab")]
    [reply] = ask(retrieve(lambda: documents, similarity=similarity), Letters(), "a")
    assert ranked(reply)[0] == first


def test_the_collection_is_embedded_once_a_model_as_documents_and_again_for_another() -> None:
    documents = collection(random.Random(1), 30, "abcdef")
    method = retrieve(lambda: documents, depth=3)
    one, two = Letters("one"), Letters("two")
    first = [reply.texts for reply in ask(method, one, "a", "b", "c")]
    assert [request.role for request in one.asked].count("document") == 30
    assert [request.role for request in one.asked].count("query") == 3
    # Another event loop: what was made is still good, and nothing is embedded again.
    assert [reply.texts for reply in ask(method, one, "a", "b", "c")] == first
    assert [request.role for request in one.asked].count("document") == 30
    ask(method, two, "a")
    assert [request.role for request in two.asked].count("document") == 30


def test_a_document_without_a_vector_fails_every_query() -> None:
    method = retrieve(lambda: [("d0", "a"), ("d1", "bad")])
    with pytest.raises(ModelError, match="no vector"):
        ask(method, Letters(fails="bad"), "a")
    # A later try asks again instead of failing for good.
    assert ranked(ask(method, Letters(), "a")[0]) == ("d0", "d1")


def test_an_empty_collection_is_an_error() -> None:
    with pytest.raises(ValueError, match="no documents"):
        ask(retrieve(list), Letters(), "a")


def test_a_sample_of_several_texts_is_one_request() -> None:
    model = Letters()

    async def two() -> tuple[Reply, ...]:
        sample = Sample("1", "x", data={"texts": ("ab", "cd")})
        return await embed().ask(Attempt(sample, Prompt("x")), model)

    [reply] = asyncio.run(two())
    assert model.asked == [Embed(("ab", "cd"))]
    assert reply.vectors is not None
    assert reply.vectors.count == 2
