"""Judges on servers that take a JSON schema, JSON mode or neither; what is kept, and what is advised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.core import ANY_OBJECT, Generate, Judge, Model, ModelError, Reply, Usage, Validity, Verdict
from evalkit.judging.advice import advice, why_silent
from evalkit.judging.reply_forms import object_words, told
from evalkit.models import cached, resolve
from evalkit.models.sqlite_cache import SqliteCache
from evalkit.plugins import load
from tests.judging.scripted import QUESTION, Scripted, replies
from tests.judging.server import Speaking, serving

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    bodies: list[dict[str, Any]] = []

    class Handler(Speaking):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self.path.endswith("/chat/completions"):
                return self.send(404, {"error": {"message": "no"}})
            bodies.append(body)
            status, said = answer(body)
            return self.send(status, said)

    with serving(Handler) as spec:
        yield spec + ",api=chat,attempts=2", bodies


def chat(text: str, finish: str = "stop", **usage: int) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, **usage}}


def form_of(body: dict[str, Any]) -> str:
    return str(body.get("response_format", {}).get("type", "words"))


def taking(*forms: str, refusal: dict[str, Any] | None = None, status: int = 400) -> Answer:
    """A server that answers in the form that was asked for, where it takes it."""
    said = refusal or {"error": {"message": "This response_format type is unavailable now", "code": "invalid_request"}}

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        form = form_of(body)
        if form not in (*forms, "words"):
            return status, said
        prompt = body["messages"][0]["content"]
        if form == "words":
            return 200, chat("It is shorter.\nVerdict: A" if "`Verdict: A`" in prompt else "no form was asked for")
        assert '"reasoning": "…"' in prompt
        assert '"verdict": "A" or "B" or "tie"' in prompt
        return 200, chat('{"reasoning": "It is shorter.", "verdict": "A"}')

    return answer


def verdicts(spec: str, name: str = "pairwise,orders=first", *, times: int = 1, at_once: bool = False,
             cache: SqliteCache | None = None) -> tuple[list[Verdict], Model]:  # fmt: skip
    judge = load("judge", name)
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    model = resolve(spec)
    bound = judge.bound(model if cache is None else cached(model, cache))

    async def work() -> list[Verdict]:
        try:
            asked = [lambda n=n: bound.verdict(QUESTION, replies(f"Lima {n}", "Quito")) for n in range(times)]
            return list(await asyncio.gather(*(ask() for ask in asked))) if at_once else [await ask() for ask in asked]
        finally:
            await model.close()

    return asyncio.run(work()), model


# ---------------------------------------------------------------- which form


@pytest.mark.parametrize(
    ("takes", "tried"),
    [
        (("json_schema", "json_object"), ["json_schema"] * 3),
        (("json_object",), ["json_schema", "json_object", "json_object", "json_object"]),
        ((), ["json_schema", "json_object", "words", "words", "words"]),
    ],
)
def test_the_strongest_form_that_a_server_takes_is_tried_once_and_kept(
    takes: tuple[str, ...], tried: list[str]
) -> None:
    with server(taking(*takes)) as (spec, bodies):
        found, model = verdicts(spec, times=3)
    assert [one.scores[0].value for one in found] == [1.0, 1.0, 1.0]
    assert [form_of(body) for body in bodies] == tried
    assert bool(told(model)) is (len(tried) > 3)


def test_requests_in_flight_wait_for_the_one_that_finds_out() -> None:
    with server(taking()) as (spec, bodies):
        found, _ = verdicts(spec, times=8, at_once=True)
    assert all(one.validity is Validity.OK for one in found)
    assert [form_of(body) for body in bodies].count("json_schema") == 1
    assert len(bodies) == 10


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (400, {"error": {"message": "json_schema is not supported by this model", "param": "response_format"}}),
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "response_format"], "msg": "Extra inputs"}]}),
        (400, {"error": {"message": "'response_format.type' must be 'text'", "type": "invalid_request_error"}}),
        (404, {"error": {"message": "No endpoints found that can handle the requested parameters."}}),
        (400, {"object": "error", "message": "guided decoding is not available", "type": "BadRequestError"}),
        (400, {"error": "unknown format"}),
    ],
)
def test_the_words_of_a_refusal_do_not_matter(status: int, refusal: dict[str, Any]) -> None:
    with server(taking(refusal=refusal, status=status)) as (spec, _):
        found, _ = verdicts(spec, times=2)
    assert [one.validity for one in found] == [Validity.OK, Validity.OK]


def test_a_server_that_fails_over_a_schema_is_believed_the_second_time() -> None:
    model = Scripted(lambda p, s: "Verdict: B", features=frozenset({"schema"}))
    asked: list[str] = []

    async def answer(request: Generate) -> Reply:
        asked.append(request.schema and ("any" if request.schema == ANY_OBJECT else "schema"))
        if request.schema:
            raise ModelError("HTTP 500", "failed")
        return Reply(("Verdict: B",), ("stop",))

    model.answer = answer  # type: ignore[assignment, method-assign]
    judge = load("judge", "pairwise,orders=first")
    for _ in range(4):
        assert judge.bound is not None
        found = asyncio.run(judge.bound(model).verdict(QUESTION, replies("Lima", "Quito")))
        assert found.scores[0].value == 0.0
    assert asked == ["schema", "any", "", "schema", "any", "", "", ""]


def test_a_busy_server_is_not_asked_in_another_form() -> None:
    model = Scripted(lambda p, s: ModelError("HTTP 429: slow down"), features=frozenset({"schema"}))
    judge = load("judge", "pairwise,orders=first")
    assert judge.bound is not None
    found = asyncio.run(judge.bound(model).verdict(QUESTION, replies("Lima", "Quito")))
    assert found.validity is Validity.UNJUDGED
    assert len(model.asked) == 1


def test_where_no_form_is_taken_the_first_refusal_is_told_and_nothing_is_learnt() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 400, {"error": {"message": f"no {form_of(body)} today"}}

    with server(answer) as (spec, bodies):
        found, model = verdicts(spec, times=2)
    assert all("no json_schema today" in one.reason for one in found)
    assert len(bodies) == 6
    assert told(model) == ""


def test_every_field_of_a_schema_is_named_in_words() -> None:
    schema = {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "levels": {"type": "object", "properties": {"clear": {"type": "integer", "enum": [1, 2, 3]}}},
            "rating": {"type": "integer", "minimum": 1, "maximum": 5},
            "claims": {"type": "array", "items": {"type": "object", "properties": {"claim": {"type": "string"}}}},
            "evasive": {"type": "boolean"},
        },
    }
    assert object_words(schema).splitlines()[1] == (
        '{"reasoning": "…", "levels": {"clear": 1 or 2 or 3}, "rating": <a whole number from 1 to 5>, '
        '"claims": [{"claim": "…"}, …], "evasive": true or false}'
    )


@pytest.mark.parametrize("name", ["pairwise", "rating", "helpfulness", "ranking", "faithfulness", "arena_hard"])
@pytest.mark.parametrize("features", [frozenset(), frozenset({"schema"})])
def test_every_judge_says_its_form_in_words(name: str, features: frozenset[str]) -> None:
    model = Scripted(lambda p, s: "…", features=features)
    judge = load("judge", name)
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    sample = QUESTION if judge.name != "faithfulness" else type(QUESTION)("q", "?", data={"contexts": []})
    answers = ("Lima is it.",) if judge.over == "answer" else ("Lima", "Quito")
    asyncio.run(judge.bound(model).verdict(sample, replies(*answers)))
    said = model.asked[0].prompt.text
    fields = {"rating": "rating", "helpfulness": "clarity", "ranking": "ranking", "faithfulness": "claims"}
    assert fields.get(name, "verdict") in said.lower().rpartition("\n\n")[2]


# ---------------------------------------------------------------- what is kept


def test_a_reply_that_could_not_be_read_is_asked_for_again_and_one_that_could_is_not(tmp_path: Path) -> None:
    said = ["Hm.", "Hm.", "Verdict: A"]
    cache = SqliteCache(tmp_path)
    with server(lambda body: (200, chat(said.pop(0)))) as (spec, bodies):
        assert verdicts(spec, cache=cache)[0][0].validity is Validity.UNJUDGED
        cache.flush()
        assert len(bodies) == 2
        assert verdicts(spec, cache=cache)[0][0].scores[0].value == 1.0
        assert len(bodies) == 3
        again = verdicts(spec, cache=cache)[0][0]
        assert again.scores[0].value == 1.0
        assert len(bodies) == 3
    cache.close()


def test_a_run_asks_its_judge_again_for_what_could_not_be_read(tmp_path: Path) -> None:
    """The judge of a run has a way to the cache of its own."""
    import evalkit

    rows = tmp_path / "rows.jsonl"
    row = {"id": "1", "question": "Who?", "contexts": ["Ann built it."], "answer": "Ann built it."}
    rows.write_text(json.dumps(row), encoding="utf-8")
    with server(lambda body: (200, chat("Hm."))) as (spec, bodies):
        for number in (1, 2):
            evalkit.run(f"rag,data={rows},judges=faithfulness,reference_scorers=", model="stored/x", judge=spec,
                        out=tmp_path / f"run{number}", max_failures=1.0)  # fmt: skip
            assert len(bodies) == 2 * number


# ---------------------------------------------------------------- advice


def judged_by_command(tmp_path: Path, spec: str, *options: str) -> tuple[int, str]:
    for model in (1, 2):
        lines = [
            {"id": f"q{n}", "question": f"{n}+1?", "answer": str(n + model), "model": f"m{model}"} for n in range(4)
        ]
        (tmp_path / f"a{model}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    done = CliRunner().invoke(
        cli, ["judge", "pairwise", f"{tmp_path}/a1.jsonl", f"{tmp_path}/a2.jsonl", "--judge", spec, "--no-cache",
              "--out", str(tmp_path / "v.jsonl"), *options]
    )  # fmt: skip
    return done.exit_code, done.stderr


@pytest.mark.parametrize(
    ("reply", "advised"),
    [
        (chat("", "length", completion_tokens_details={"reasoning_tokens": 1024}), "thinking_tokens="),  # type: ignore[arg-type]
        (chat("<think>I wonder", "length"), "thinking_tokens="),
        (chat("First I look at A", "length"), "max_tokens="),
        (chat("", "content_filter"), "another provider"),
        (chat("Both are fine answers."), "stronger judge"),
    ],
)
def test_advice_goes_by_the_cause(tmp_path: Path, reply: dict[str, Any], advised: str) -> None:
    with server(lambda body: (200, reply)) as (spec, bodies):
        code, said = judged_by_command(tmp_path, spec)
    assert code == 3
    assert advised in said
    # What was spent on thought is not asked for once more with the same limit.
    assert len(bodies) == (8 if "thought" in said.partition("try:")[0] else 16)


def test_a_larger_limit_is_what_the_advice_says(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        enough = body["max_tokens"] >= 4096
        return 200, chat("Long.\nVerdict: A") if enough else chat("Lo", "length")

    with server(answer) as (spec, _):
        assert judged_by_command(tmp_path, spec, "--using", "pairwise,max_tokens=4096")[0] == 0
        code, said = judged_by_command(tmp_path, spec + ",thinking_tokens=4096", "--using", "pairwise")
    assert code == 0, said


def test_the_first_cause_of_a_reason_counts_and_the_commonest_of_many() -> None:
    cut = "unjudged: the reply was cut at its token limit"
    assert "thinking_tokens" in advice(
        ["unjudged: its limit of 9 tokens was spent on thought", cut, cut[:-5]], every=True
    )
    assert advice([cut, cut, "x"], every=False).startswith("a longer reply")
    assert advice(["no verdict"], every=False) == "look at the replies"


def test_a_silent_reply_says_why() -> None:
    thought = Reply(("",), ("length",), usage=Usage(1, 9, reasoning_tokens=9))
    assert why_silent(thought, 1024) == "its limit of 1,024 tokens was spent on thought"
    assert "cut at its token limit" in why_silent(Reply(("",), ("length",)), 8)
    assert "withheld" in why_silent(Reply(("I can",), ("refused",)), 8)
    assert why_silent(Reply(("",), ("stop",)), 8) == ""
