"""Soft verdicts from the log-probabilities of what an API model writes: over HTTP, in the shape OpenAI documents."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from evalkit.core import Judge, UsageError, Validity, Verdict
from evalkit.models import cached, resolve
from evalkit.models.sqlite_cache import SqliteCache
from evalkit.plugins import load
from tests.judging.scripted import QUESTION, replies, shown
from tests.judging.server import Speaking, serving

Places = list[list[tuple[str, float]]]


@contextmanager
def server(
    says: Callable[[str], tuple[str, Places | None]], *, refuses: bool = False
) -> Iterator[tuple[str, list[Any]]]:
    """(spec, bodies). `says` gives the text and its places of (token, probability), None for a server that says nothing
    of them; `refuses` is one that does not take the parameter."""
    bodies: list[Any] = []

    class Handler(Speaking):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self.path.endswith("/chat/completions"):
                return self.send(404, {"error": {"message": "no"}})
            bodies.append(body)
            if refuses and "logprobs" in body:
                error = {
                    "message": "Unsupported parameter: 'logprobs'",
                    "param": "logprobs",
                    "code": "unsupported_parameter",
                }
                return self.send(400, {"error": error})
            text, places = says(body["messages"][-1]["content"])
            choice: dict[str, Any] = {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
            if places is not None and body.get("logprobs"):
                choice["logprobs"] = {"content": [_place(place, body["top_logprobs"]) for place in places]}
            usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
            return self.send(200, {"model": "judge", "choices": [choice], "usage": usage})

    with serving(Handler) as spec:
        yield spec, bodies


def _place(place: list[tuple[str, float]], most: int) -> dict[str, Any]:
    top = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in place][:most]
    return {**top[0], "top_logprobs": top}


def judged(name: str, spec: str, *texts: str, cache: SqliteCache | None = None) -> Verdict:
    judge = load("judge", name)
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    model = resolve(spec)
    bound = judge.bound(model if cache is None else cached(model, cache))

    async def work() -> Verdict:
        try:
            return await bound.verdict(QUESTION, replies(*texts))
        finally:
            await model.close()

    return asyncio.run(work())


def longer(prompt: str) -> tuple[str, Places]:
    found = shown(prompt)
    a = 0.6 if len(found["A"]) > len(found["B"]) else 0.1
    return "A" if a > 0.5 else "B", [
        sorted([("A", a), (" A", 0.1), ("B", 0.8 - a), ("tie", 0.05)], key=lambda t: -t[1])
    ]


def test_a_preference_is_read_from_the_likeliest_tokens_in_both_orders() -> None:
    with server(longer) as (spec, bodies):
        verdict = judged("alpaca_eval,soft=yes", spec, "Lima, of course", "Quito")
    assert [body["top_logprobs"] for body in bodies] == [20, 20]
    assert all(body["logprobs"] is True and body["max_tokens"] == 8 for body in bodies)
    # First order: (0.6 + 0.1) / (0.6 + 0.1 + 0.2). Second: (0.1 + 0.1) / (0.1 + 0.1 + 0.7) for what stands at A.
    assert verdict.scores[0].counts == pytest.approx((0.7 / 0.9, 1 - 0.2 / 0.9))
    assert verdict.scores[0].value == pytest.approx((0.7 / 0.9 + 0.7 / 0.9) / 2)
    assert verdict.details["transcript"][0]["verdict"] == "A: 0.7778, B: 0.2222"
    assert verdict.details["transcript"][0]["reply"] == "A"


def test_a_grade_is_the_mean_over_its_likely_numbers() -> None:
    """G-Eval's weighting, the numbers not among the likeliest being worth nothing, decoration before it passed over."""
    places = [[("**", 0.9), ("4", 0.1)], [("4", 0.5), ("5", 0.3), ("3", 0.1), ("x", 0.1)]]
    with server(lambda prompt: ("**4**", places)) as (spec, _):
        verdict = judged("g_eval", spec, "Lima")
    assert verdict.scores[0].value == pytest.approx((4 * 0.5 + 5 * 0.3 + 3 * 0.1) / 0.9)


@pytest.mark.parametrize(
    ("places", "why"),
    [
        (None, "gives no log-probabilities"),
        ([[("Well", 0.9), ("A", 0.1)]], "something else"),
        ([[("A", 0.3), ("B", 0.1), ("The", 0.2)]], "less than 50%"),
        ([[("**", 1.0)]], "something else"),
    ],
)
def test_what_is_no_verdict_is_unjudged(places: Places | None, why: str) -> None:
    with server(lambda prompt: ("A", places)) as (spec, _):
        verdict = judged("alpaca_eval,soft=yes", spec, "Lima", "Quito")
    assert verdict.validity is Validity.UNJUDGED
    assert why in verdict.reason


def test_a_server_that_does_not_take_the_parameter_is_unjudged_and_asked_without_it_once() -> None:
    with server(lambda prompt: ("A", None), refuses=True) as (spec, bodies):
        verdict = judged("alpaca_eval,soft=yes", spec, "Lima", "Quito")
    assert "gives no log-probabilities" in verdict.reason
    assert ["logprobs" in body for body in bodies] == [True, False, False]


def test_numbers_that_begin_alike_are_refused_before_anything_is_asked() -> None:
    with server(longer) as (spec, bodies):
        with pytest.raises(UsageError, match="1 and 10 begin alike"):
            judged("g_eval,high=10", spec, "Lima")
        assert not bodies


def test_log_probabilities_come_back_from_the_cache(tmp_path: Any) -> None:
    cache = SqliteCache(tmp_path)
    with server(longer) as (spec, bodies):
        first = judged("alpaca_eval,soft=yes", spec, "Lima, of course", "Quito", cache=cache)
        again = judged("alpaca_eval,soft=yes", spec, "Lima, of course", "Quito", cache=cache)
        assert len(bodies) == 2
    cache.close()
    assert again.scores == first.scores
    assert {reply.source for reply in again.replies} == {"cache"}
