"""Soft verdicts from the log-probabilities of what an API model writes: over HTTP, in the shape OpenAI documents."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from evalkit.core import Judge, UsageError, Validity, Verdict
from evalkit.judging.logprob_grades import SAMPLES
from evalkit.models import cached, resolve
from evalkit.models.sqlite_cache import SqliteCache
from evalkit.plugins import load
from tests.judging.scripted import QUESTION, Scripted, replies, shown
from tests.judging.server import Speaking, serving

Places = list[list[tuple[str, float]]]


@contextmanager
def server(
    says: Callable[[str], tuple[str, Places | None]],
    *,
    refuses: bool = False,
    most: int = 20,
    names_it: bool = True,
) -> Iterator[tuple[str, list[Any]]]:
    """(spec, bodies). `says` gives the text and its places of (token, probability), None for a server that says nothing
    of them; `refuses` is one that does not take the parameter, `most` the number that it takes."""
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
            if body.get("top_logprobs", 0) > most:
                limit = f" must be less than or equal to {most}" if names_it else " is not valid for this model"
                return self.send(400, {"error": {"message": f"'top_logprobs'{limit}", "param": "top_logprobs"}})
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


@pytest.mark.parametrize("refuses", [False, True])
def test_a_server_without_log_probabilities_is_sampled_and_the_verdict_says_so(refuses: bool) -> None:
    """A fair coin of three sides in four: the first order says A in 15 of 20 replies, the second B in 15."""
    said: Counter[str] = Counter()

    def says(prompt: str) -> tuple[str, None]:
        found = shown(prompt)
        better = "A" if len(found["A"]) > len(found["B"]) else "B"
        said[better] += 1
        return (better if said[better] % 4 else "AB".replace(better, "")), None

    with server(says, refuses=refuses) as (spec, bodies):
        verdict = judged("alpaca_eval,soft=yes", spec, "Lima, of course", "Quito")
    sampled = [body for body in bodies if body["temperature"] == 1.0]
    assert len(sampled) == 2 * SAMPLES
    assert verdict.scores[0].flags == ("sampled",)
    assert verdict.scores[0].counts == pytest.approx((0.75, 0.75), abs=0.051)
    # Refused once, the parameter is not sent again.
    assert sum("logprobs" in body for body in bodies) == (1 if refuses else 2)


def test_a_number_of_likeliest_tokens_is_lowered_to_what_the_server_takes() -> None:
    with server(longer, most=5, names_it=False) as (spec, bodies):
        judged("alpaca_eval,soft=yes", spec, "Lima, of course", "Quito")
    assert [body.get("top_logprobs") for body in bodies] == [20, 5, 5]
    with server(longer, most=8, names_it=True) as (spec, bodies):
        verdict = judged("alpaca_eval,soft=yes", spec, "Lima, of course", "Quito")
    assert [body.get("top_logprobs") for body in bodies] == [20, 8, 8]
    assert verdict.scores[0].flags == ()


def test_a_model_that_can_only_write_is_sampled() -> None:
    model = Scripted(lambda prompt, seed: "Verdict: A" if seed % 5 else "B")
    judge = load("judge", "alpaca_eval,soft=yes")
    assert judge.bound is not None
    verdict = asyncio.run(judge.bound(model).verdict(QUESTION, replies("Lima", "Quito")))
    assert verdict.scores[0].counts == pytest.approx((0.8, 0.2))
    silent = Scripted(lambda prompt, seed: "Verdict: A" if seed < 9 else "I cannot say.")
    verdict = asyncio.run(judge.bound(silent).verdict(QUESTION, replies("Lima", "Quito")))
    assert verdict.validity is Validity.UNJUDGED
    assert "only 9 of 20 replies" in verdict.reason


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
