"""What a server refuses is left out, renamed, lowered or folded, in the request that it refused and in later ones."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Message, Model, ModelError, Prompt, Reply, Request, RunError
from evalkit.models import resolve

Refusal = tuple[int, Any] | None
Body = dict[str, Any]
TALK = Prompt("", messages=(Message("system", "Be brief."), Message("user", "Say hello.")))


@dataclass
class Strict:
    """A server that answers "hello" in the format that it is asked in, but for what `refuse` says of a request."""

    refuse: Callable[[Body], Refusal]
    bodies: list[Body] = field(default_factory=list)
    url: str = ""

    def reply(self, path: str, body: Body) -> Body:
        usage = {"prompt_tokens": 2, "completion_tokens": 1}
        if path.endswith("/messages"):
            content = [{"type": "text", "text": "hello"}]
            return {"type": "message", "model": "m", "content": content, "stop_reason": "end_turn", "usage": {}}
        if "generateContent" in path:
            parts = {"parts": [{"text": "hello"}]}
            return {"modelVersion": "m", "candidates": [{"content": parts, "finishReason": "STOP"}]}
        if path.endswith("/responses"):
            output = [{"type": "message", "content": [{"type": "output_text", "text": "hello"}]}]
            return {"model": "m", "status": "completed", "output": output}
        if body.get("echo"):
            words = body["prompt"].split(" ")
            tokens = [word if n == 0 else f" {word}" for n, word in enumerate(words)] + ["!"]
            values = [None] + [-1.0] * (len(tokens) - 1)
            logprobs = {"tokens": tokens, "token_logprobs": values, "top_logprobs": [None] * len(tokens)}
            return {"choices": [{"text": body["prompt"] + "!", "logprobs": logprobs}], "usage": usage}
        message = {"role": "assistant", "content": "hello"}
        choice = {"message": message, "finish_reason": "stop"}
        place = {"token": "hello", "logprob": -0.1, "top_logprobs": [{"token": "hello", "logprob": -0.1}]}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [place]}
        choices = [{"index": number, **choice} for number in range(body.get("n", 1))]
        return {"model": "m", "choices": choices, "usage": usage}


@contextmanager
def strict(refuse: Callable[[Body], Refusal]) -> Iterator[Strict]:
    made = Strict(refuse)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.bodies.append(body)
            status, said = refuse(body) or (200, made.reply(self.path, body))
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


def opened(server: Strict, provider: str = "openai", **options: str) -> Model:
    version = "" if provider in ("anthropic", "google") else "/v1"
    api = {} if provider in ("anthropic", "google") else {"api": "chat"}
    return resolve(f"{provider}/m", {**api, "base_url": server.url + version, "key_env": "FAKE", **options})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE", "not-a-key")


def ask(model: Model, *requests: Request) -> list[Reply | BaseException]:
    async def work() -> list[Reply | BaseException]:
        try:
            return await asyncio.gather(*map(model.answer, requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(work())


def answered(model: Model, *requests: Request) -> list[Reply]:
    found = ask(model, *requests)
    assert all(isinstance(reply, Reply) for reply in found), found
    return [reply for reply in found if isinstance(reply, Reply)]


def facts(model: Model) -> str:
    found: dict[str, str] = model.facts  # type: ignore[attr-defined]
    return found.get("not taken by the server", "")


def says(words: str, **more: Any) -> Refusal:
    return 400, {"error": {"message": words, "type": "invalid_request_error", **more}}


FULL = Generate(
    TALK, max_tokens=900, stop=("\n\n", "Q:"), temperature=0.7, top_p=0.9, seed=3, top_logprobs=20
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("temperature", "temperature-not-taken"),
        ("top_p", "top-p-not-taken"),
        ("seed", "seed-not-taken"),
        ("stop", "stop-not-taken"),
        ("logprobs", "logprobs-not-taken"),
        ("stream_options", ""),
    ],
)
@pytest.mark.parametrize("stream", ["off", "on"])
def test_a_parameter_is_left_out_named_and_flagged(name: str, note: str, stream: str) -> None:
    if name == "stream_options" and stream == "off":
        return
    with strict(lambda body: says(f"'{name}' is not supported by this model") if name in body else None) as server:
        model = opened(server, stream=stream)
        # Of a drawn reply stop strings stay here.
        replies = answered(model, *[replace(FULL, temperature=0.0) if name == "stop" else FULL] * 5)
    assert [reply.texts for reply in replies] == [("hello",)] * 5
    assert facts(model) == name
    assert name not in server.bodies[-1]
    if note:
        assert all(note in reply.notes for reply in replies)
    else:
        assert all(reply.notes == () for reply in replies)
    if name == "logprobs":
        assert "top_logprobs" not in server.bodies[-1]


@pytest.mark.parametrize(
    ("provider", "first", "then"),
    [("openai", "max_tokens", "max_completion_tokens"), ("azure", "max_completion_tokens", "max_tokens")],
)
def test_the_limit_goes_by_its_other_name(provider: str, first: str, then: str) -> None:
    refused = says(f"Unrecognized request argument supplied: {first}")
    with strict(lambda body: refused if first in body else None) as s:
        reply, _ = answered(opened(s, provider), FULL, FULL)
    assert s.bodies[-1][then] == 900 and first not in s.bodies[-1]
    assert reply.notes == ()  # it has its effect


def test_a_limit_that_no_name_gets_through_is_left_out_with_a_flag() -> None:
    def refuse(body: Body) -> Refusal:
        name = next((one for one in ("max_tokens", "max_completion_tokens") if one in body), "")
        return (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "no"}]}) if name else None

    with strict(refuse) as server:
        (reply,) = answered(opened(server), FULL)
    assert "max-tokens-not-taken" in reply.notes


def test_limits_are_lowered_to_what_the_server_says() -> None:
    def refuse(body: Body) -> Refusal:
        if body["top_logprobs"] > 5:
            return says("top_logprobs must be between 0 and 5", param="top_logprobs")
        if body["max_tokens"] > 512:
            return says("Range of max_tokens should be [1, 512]")
        return None

    with strict(refuse) as server:
        model = opened(server)
        (reply,) = answered(model, FULL)
        assert reply.top_logprobs
    assert (server.bodies[-1]["top_logprobs"], server.bodies[-1]["max_tokens"]) == (5, 512)
    assert set(reply.notes) == {"top-logprobs-lowered", "max-tokens-lowered"}
    assert facts(model) == "max_tokens above 512, top_logprobs above 5"


def test_a_prompt_that_leaves_little_room_is_asked_with_what_is_left_and_others_as_before() -> None:
    def refuse(body: Body) -> Refusal:
        taken = 1000 if "long" in str(body["messages"]) else 10
        if taken + body["max_tokens"] <= 1500:
            return None
        asked = body["max_tokens"]
        return says(
            f"This model's maximum context length is 1,500 tokens. However, you requested {taken + asked:,} tokens"
            f" ({taken:,} in the messages, {asked} in the completion)."
        )

    with strict(refuse) as server:
        model = opened(server, concurrency="1")
        long, short = answered(
            model, Generate(Prompt("long"), max_tokens=900), Generate(Prompt("short"), max_tokens=900)
        )
    assert sorted(body["max_tokens"] for body in server.bodies) == [500, 900, 900]
    assert (long.notes, short.notes) == (("max-tokens-lowered",), ())


def test_several_texts_are_asked_for_one_by_one_where_n_is_refused() -> None:
    def refuse(body: Body) -> Refusal:
        return says("'n' : number must be at most 1") if body.get("n", 1) > 1 else None

    with strict(refuse) as server:
        model = opened(server)
        replies = answered(model, *[Generate(Prompt("Say."), n=4, temperature=1.0)] * 2)
    assert [reply.texts for reply in replies] == [("hello",) * 4] * 2
    assert facts(model) == "n" and all(reply.notes == () for reply in replies)


def test_a_temperature_of_0_becomes_the_least_that_a_server_takes() -> None:
    words = "Input validation error: `temperature` must be strictly positive"
    with strict(lambda body: (422, {"error": words}) if body["temperature"] == 0 else None) as server:
        (reply,) = answered(opened(server), Generate(Prompt("Say.")))
    assert server.bodies[-1]["temperature"] == 0.01
    assert reply.notes == ("temperature-raised",)


def test_of_temperature_and_top_p_the_temperature_stays() -> None:
    words = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    with strict(lambda body: says(words) if {"temperature", "top_p"} <= body.keys() else None) as server:
        (reply,) = answered(opened(server, "anthropic"), FULL)
    assert server.bodies[-1]["temperature"] == 0.7 and "top-p-not-taken" in reply.notes


def test_what_the_user_asked_for_by_name_is_never_left_out() -> None:
    with strict(lambda body: says("Unsupported parameter: 'seed'") if "seed" in body else None) as server:
        (reply,) = ask(opened(server, extra='{"seed": 5}'), Generate(Prompt("Say.")))
    assert isinstance(reply, ModelError) and "Unsupported parameter: 'seed'" in str(reply)


def test_a_refusal_that_nothing_makes_good_ends_with_the_servers_words() -> None:
    with strict(lambda body: says("Conversation roles must alternate user/assistant")) as server:
        (reply,) = ask(opened(server), Generate(Prompt("Say.")))
    assert isinstance(reply, ModelError) and "must alternate" in str(reply)
    assert len(server.bodies) == 1  # nothing was to be folded


SYSTEM_REFUSALS = {
    "openai": lambda body: any(turn["role"] == "system" for turn in body["messages"]),
    "anthropic": lambda body: "system" in body,
    "google": lambda body: "systemInstruction" in body,
    "responses": lambda body: any(turn["role"] == "system" for turn in body["input"]),
}


@pytest.mark.parametrize("form", SYSTEM_REFUSALS)
def test_the_systems_words_go_into_the_first_turn_in_every_format(form: str) -> None:
    words = "Developer instruction is not enabled for models/m"
    with strict(lambda body: says(words) if SYSTEM_REFUSALS[form](body) else None) as server:
        model = opened(server, "openai", api="responses") if form == "responses" else opened(server, form)
        replies = answered(model, Generate(TALK), Generate(TALK))
    sent = json.dumps(server.bodies[-1])
    assert "Be brief.\\n\\nSay hello." in sent
    assert all("system-in-first-turn" in reply.notes for reply in replies)
    assert facts(model) == "system"


def test_turns_of_the_same_side_become_one_where_roles_must_alternate() -> None:
    def refuse(body: Body) -> Refusal:
        roles = [turn["role"] for turn in body["messages"]]
        alternate = roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
        return None if alternate else says("Conversation roles must alternate user/assistant/user/assistant/...")

    turns = (*TALK.messages, Message("user", "In French."), Message("assistant", "Bonjour."), Message("user", "Again."))
    with strict(refuse) as server:
        answered(opened(server), Generate(Prompt("", messages=turns)))
    assert [turn["content"] for turn in server.bodies[-1]["messages"]] == [
        "Be brief.\n\nSay hello.\n\nIn French.",
        "Bonjour.",
        "Again.",
    ]


def test_log_likelihoods_are_asked_without_what_the_server_refuses_but_not_without_what_they_are() -> None:
    def refuse(body: Body) -> Refusal:
        return says("Unrecognized request argument supplied: temperature") if "temperature" in body else None

    with strict(refuse) as server:
        model = opened(server, api="completions", logprobs="on")
        (reply,) = answered(model, Choose(Prompt("one two"), ("three", "four five")))
    assert reply.loglikelihoods == (-1.0, -2.0)
    assert reply.notes == ("temperature-not-taken",)
    with strict(lambda body: says("logprobs is not supported") if "logprobs" in body else None) as server:
        (failed,) = ask(opened(server, api="completions", logprobs="on"), Choose(Prompt("one"), ("two",)))
    assert isinstance(failed, ModelError) and "logprobs is not supported" in str(failed)


@pytest.mark.parametrize("status", [400, 403])
def test_what_the_providers_filter_withholds_is_an_outcome_of_the_model(status: int) -> None:
    error = {"message": "The prompt triggered the content management policy", "code": "content_filter"}
    with strict(lambda body: (status, {"error": error})) as server:
        replies = answered(opened(server), *[Generate(Prompt("Say."), n=2)] * 30)
    assert all(reply.finish == ("refused", "refused") and reply.texts == ("", "") for reply in replies)
    assert all({"refused", "withheld-by-filter"} <= set(reply.notes) for reply in replies)


def test_a_text_that_a_server_puts_into_an_error_is_read() -> None:
    error = {"message": "Failed to generate JSON.", "code": "json_validate_failed", "failed_generation": "hello {"}
    with strict(lambda body: (400, {"error": error})) as server:
        (reply,) = answered(opened(server), Generate(Prompt("Say."), schema='{"type": "object"}'))
    assert reply.texts == ("hello {",) and "read-from-error" in reply.notes
    assert len(server.bodies) == 1


def test_credit_that_is_used_up_ends_the_run_at_once() -> None:
    def refuse(body: Body) -> Refusal:
        return None if "first" in str(body) else (402, {"error": {"message": "Insufficient Balance"}})

    with strict(refuse) as server:
        model = opened(server, concurrency="1")
        first, *rest = ask(model, Generate(Prompt("first")), *[Generate(Prompt(f"{n}")) for n in range(20)])
    assert isinstance(first, Reply)
    assert all(isinstance(one, RunError) and "Insufficient Balance" in str(one) for one in rest)
    assert len(server.bodies) == 2


def test_a_model_that_is_still_loading_is_waited_for_before_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.models.api.probing._FIRST_WAIT", 0.01)
    loading = [(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})] * 3
    with strict(lambda body: loading.pop() if loading else None) as server:
        model = opened(server, api="auto")
        assert Choose in model.capabilities.requests
    assert len(server.bodies) == 4
