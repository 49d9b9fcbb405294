"""What is sent and what is read, format by format, against shapes written after the providers' documentation."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from evalkit.core import ANY_OBJECT, Generate, Message, ModelError, Prompt, Reply, Tool, ToolCall, Usage, Validity
from evalkit.models.api.anthropic import AnthropicWire
from evalkit.models.api.chat import ChatWire
from evalkit.models.api.completions import CompletionsWire, read_echo
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.google import GoogleWire
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.responses import ResponsesWire
from evalkit.models.registry import resolve
from evalkit.scoring.extraction import final_answer

TOOL = Tool.of("weather", "The weather", {"type": "object", "properties": {"city": {"type": "string"}}})
TALK = Prompt(
    messages=(
        Message("system", "Be short."),
        Message("user", "Hello"),
        Message("assistant", "Hi"),
        Message("user", "2+2?"),
    )
)
ASKED = Generate(TALK, max_tokens=20, stop=("\n", "END"), temperature=0.5, top_p=0.9, seed=7, tools=(TOOL,))


def chat_body(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **more}


def read_chat(body: Any, request: Generate = ASKED) -> Reply:
    return ChatWire("m", ApiOptions()).read(request, body)


def test_chat_completions_are_sent_as_documented() -> None:
    call = ChatWire("gpt", ApiOptions(effort="low"), limit_name="max_completion_tokens").call(ASKED, folds=False)
    assert call.path == "/chat/completions"
    assert call.body == {
        "model": "gpt",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "2+2?"},
        ],
        "max_completion_tokens": 20,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["\n", "END"],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "The weather", "parameters": TOOL.schema},
            }
        ],
        "reasoning_effort": "low",
    }


def test_a_greedy_request_sends_neither_seed_nor_top_p() -> None:
    body = ChatWire("m", ApiOptions()).call(Generate(Prompt("a"), top_p=0.5, seed=3), folds=False).body
    assert body["temperature"] == 0.0
    assert not {"seed", "top_p", "n"} & set(body)


AT = "base_url=http://localhost:8000/v1"
DRAWN = Generate(Prompt("a"), temperature=0.6, top_k=20, min_p=0.1, repetition_penalty=1.1, thinking_tokens=64)


@pytest.mark.parametrize(
    ("spec", "sent"),
    [
        (f"vllm/m,{AT}", {"top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1}),
        ("llamacpp/m", {"top_k": 20, "min_p": 0.1, "repeat_penalty": 1.1}),
        ("openai/m", {}),
    ],
)
def test_settings_are_sent_by_the_names_that_a_server_has_for_them(
    spec: str, sent: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(key, "k")
    model = resolve(f"{spec},logprobs=off" if spec.startswith(("vllm", "llamacpp")) else spec)
    body = model._interfaces.wire.call(DRAWN, folds=False).body  # type: ignore[attr-defined]
    names = {"top_k", "min_p", "repetition_penalty", "repeat_penalty"}
    assert {name: body[name] for name in names & body.keys()} == sent
    known = {"repetition_penalty" if name == "repeat_penalty" else name for name in sent}
    assert model.capabilities.features & {"top_k", "min_p", "repetition_penalty"} == known
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    assert limit == DRAWN.max_tokens + 64


@pytest.mark.parametrize(
    ("spec", "sent"),
    [
        (f"vllm/m,{AT}", {"thinking_token_budget": 64}),
        ("openrouter/m", {"reasoning": {"max_tokens": 64}}),
        ("openrouter/m,effort=low", {"reasoning_effort": "low"}),
        ("openai/m", {}),
        ("openai/m,base_url=http://localhost:1/v1", {}),
        ("anthropic/m", {"thinking": {"type": "enabled", "budget_tokens": 64}}),
    ],
)
def test_a_budget_of_thought_is_sent_by_the_name_that_a_server_has_for_it(
    spec: str, sent: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(key, "k")
    model = resolve(f"{spec},logprobs=off" if "vllm" in spec or "base_url" in spec else spec)
    body = model._interfaces.wire.call(DRAWN, folds=False).body  # type: ignore[attr-defined]
    names = {"thinking_token_budget", "reasoning", "reasoning_effort", "thinking"}
    assert {name: body[name] for name in names & body.keys()} == sent


def test_what_anthropic_does_not_take_along_with_thought_is_left_out_and_said() -> None:
    wire = AnthropicWire("m", ApiOptions(draws={"top_k": "top_k"}))
    plain = wire.call(replace(DRAWN, thinking_tokens=None), folds=False)
    assert (plain.body["top_k"], plain.body["temperature"], plain.notes) == (20, 0.6, ())
    thinking = wire.call(replace(DRAWN, top_p=0.9), folds=False)
    assert not {"top_k", "top_p", "temperature"} & thinking.body.keys()
    assert thinking.notes == ("temperature-not-taken", "top-p-not-taken", "top-k-not-taken")
    assert wire.call(replace(DRAWN, top_k=0, temperature=1.0), folds=False).notes == ()


BEGUN = Generate(Prompt(messages=(Message("user", "1+1?"), Message("assistant", "The sum is"))))


def test_a_turn_that_is_begun_is_the_last_message_and_vllm_is_told_to_continue_it() -> None:
    by_itself = ChatWire("m", ApiOptions(prefill="turn")).call(BEGUN, folds=False).body
    told = ChatWire("m", ApiOptions(prefill="continue")).call(BEGUN, folds=False).body
    assert by_itself["messages"][-1] == told["messages"][-1] == {"role": "assistant", "content": "The sum is"}
    assert "continue_final_message" not in by_itself
    assert (told["continue_final_message"], told["add_generation_prompt"]) == (True, False)
    asked = ChatWire("m", ApiOptions(prefill="continue")).call(Generate(Prompt("1+1?")), folds=False).body
    assert "continue_final_message" not in asked


@pytest.mark.parametrize(
    ("spec", "continues"),
    [
        (f"vllm/m,{AT}", True),
        (f"vllm/m,{AT},prefill=off", False),
        ("anthropic/m", True),
        ("anthropic/m,thinking_tokens=1024", False),
        ("openai/m", False),
        ("openai/m,base_url=http://localhost:1/v1", False),
        ("openai/m,base_url=http://localhost:1/v1,prefill=continue", True),
        ("google/m", False),
    ],
)
def test_who_continues_a_turn_that_is_begun(spec: str, continues: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(key, "k")
    model = resolve(f"{spec},logprobs=off" if "vllm" in spec or "base_url" in spec else spec)
    assert ("prefill" in model.capabilities.features) is continues
    if not continues:
        with pytest.raises(ModelError, match="does not continue an assistant's turn"):
            asyncio.run(model.answer(BEGUN))


def test_a_schema_is_a_strict_response_format() -> None:
    asked = Generate(Prompt("a"), schema='{"type":"object","required":["a"]}')
    form = ChatWire("m", ApiOptions()).call(asked, folds=False).body["response_format"]
    schema = {"type": "object", "required": ["a"]}
    assert form == {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}}
    asked = Generate(Prompt("a"), schema=ANY_OBJECT)
    form = ChatWire("m", ApiOptions()).call(asked, folds=False).body["response_format"]
    assert form == {"type": "json_object"}


def test_a_chat_completion_is_read() -> None:
    details = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    reply = read_chat(chat_body({"content": "4 END more"}, usage=details))
    assert reply.texts == ("4 ",)
    assert reply.finish == ("stop",)
    assert reply.usage == Usage(10, 5, cached_tokens=4, reasoning_tokens=3)


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "stop", "stop_reason": None}, "eos"),  # vLLM
        ({"finish_reason": "stop", "stop_reason": "END"}, "stop"),
        ({"finish_reason": "eos_token"}, "eos"),  # text-generation-inference
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "tool_calls"}, "tool"),
    ],
)
def test_why_a_text_ended(choice: dict[str, Any], finish: str) -> None:
    body = chat_body({"content": "four"})
    body["choices"][0] |= choice
    assert read_chat(body).finish == (finish,)


def test_a_text_that_was_cut_behind_its_stop_string_was_stopped() -> None:
    assert read_chat(chat_body({"content": "four\nand then"}, "length")).finish == ("stop",)


@pytest.mark.parametrize(
    ("arguments", "text"), [({"a": 1, "é": []}, '{"a": 1, "é": []}'), ({}, "{}"), (None, ""), ("{", "{")]
)
def test_a_calls_arguments_are_text_also_where_a_server_gives_an_object(arguments: object, text: str) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    reply = read_chat(chat_body({"content": None, "tool_calls": [call]}, "tool_calls"))
    assert reply.calls == ((ToolCall("f", text, "1"),),)
    assert reply.finish == ("tool",)


def test_tool_calls_are_kept_beside_an_empty_text() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    reply = read_chat(chat_body({"content": None, "tool_calls": [call]}, "tool_calls"))
    assert reply.texts == ("",)
    assert reply.calls == ((ToolCall("weather", '{"city": "Rome"}', "call_1"),),)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thought_is_kept_apart(field: str) -> None:
    reply = read_chat(chat_body({"content": "4", field: "two and two"}))
    assert reply.texts == ("4",)
    assert reply.reasoning == ("two and two",)


def test_a_limit_within_the_thought_cuts_the_thought_and_is_no_wrong_answer() -> None:
    reply = read_chat(chat_body({"content": None, "reasoning_content": "let me"}, "length"))
    assert reply.notes == ("cut-in-reasoning",)
    assert final_answer([reply]).validity is Validity.CUT_THOUGHT
    hidden = {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 9}}
    assert read_chat(chat_body({"content": ""}, "length", usage=hidden)).notes == ("cut-in-reasoning",)


def test_what_was_withheld_is_refused() -> None:
    for body in (chat_body({"content": ""}, "content_filter"), chat_body({"content": None, "refusal": "I can't."})):
        assert final_answer([read_chat(body)]).validity is Validity.REFUSED


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"choices": [{"index": 0}]}, {"choices": None}, chat_body({"content": 4})]
)
def test_another_shape_is_no_reply(body: Any) -> None:
    with pytest.raises((BadReplyError, LookupError, TypeError, ValueError)):
        read_chat(body)


def test_completions() -> None:
    wire = CompletionsWire("m", ApiOptions())
    call = wire.call(Generate(Prompt("question", "preamble "), stop=("\n",), n=2, temperature=1.0), folds=False)
    assert (call.path, call.body["prompt"], call.body["n"]) == ("/completions", "preamble question", 2)
    choices = [
        {"index": 1, "text": "b", "finish_reason": "length"},
        {"index": 0, "text": "a\n", "finish_reason": "stop"},
    ]
    reply = wire.read(ASKED, {"choices": choices, "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    assert reply.texts == ("a", "b")
    assert reply.finish == ("stop", "length")


def echo_body(text: str, tokens: list[str], values: list[float | None]) -> dict[str, Any]:
    top = [None if value is None else {"?": value + 1.0} for value in values]
    logprobs = {"tokens": tokens, "token_logprobs": values, "top_logprobs": top, "text_offset": [0] * len(tokens)}
    usage = {"prompt_tokens": len(tokens) - 1, "completion_tokens": 1}
    return {"choices": [{"text": text + tokens[-1], "logprobs": logprobs}], "usage": usage}


def test_an_echo_without_a_begin_token_has_none_for_its_first() -> None:
    echo = read_echo("a cat", echo_body("a cat", ["a", " cat", "!"], [None, -1.0, -2.0]))
    assert echo.tokens == ("a", " cat")
    assert not echo.has_begin_token
    assert (echo.after(0), echo.after(1), echo.after(2)) == (0, 1, 1)
    assert echo.likeliest == (False, False)


def test_an_echo_with_a_begin_token_has_room_for_it() -> None:
    echo = read_echo("a cat", echo_body("a cat", ["<s>", "a", " cat", "!"], [None, -1.0, -2.0, -3.0]))
    assert echo.has_begin_token
    assert (echo.after(0), echo.after(1)) == (1, 2)


def test_parts_of_characters_are_read_from_the_other_end() -> None:
    tokens = ["a", " cat", "\ufffd", "\ufffd", "!"]
    echo = read_echo("a cat東", echo_body("a cat東", tokens, [None, -1.0, -1.0, -1.0, -1.0]))
    assert echo.after(5) == 2
    assert read_echo("東京", echo_body("東京", ["\ufffd", "\ufffd", "!"], [None, -1.0, -1.0])).after(1) is None


def test_an_echo_whose_tokens_do_not_line_up_is_none() -> None:
    """llama-cpp-python 0.3.36 with SmolLM2, whose tokenizer puts no begin token: the token that was written is missing,
    and " Paris" and " Berlin" both had the log-probability of " is" (-11.795)."""
    tokens = ["The", " capital", " of", " France", " is", " Paris"]
    values = [None, -9.600, -10.462, -11.226, -11.795, -8.453]
    body = echo_body("The capital of France is Paris", tokens, values)
    body["choices"][0]["text"] = "The capital of France is Paris."
    with pytest.raises(BadReplyError, match="nothing lines up"):
        read_echo("The capital of France is Paris", body)
    body = echo_body("The capital of France is Paris", [*tokens, "."], [*values, -0.4])
    assert read_echo("The capital of France is Paris", body).tokens[-1] == " Paris"


def test_anthropic_messages_are_sent_as_documented() -> None:
    call = AnthropicWire("claude", ApiOptions()).call(ASKED, folds=False)
    assert call.path == "/v1/messages"
    assert call.body == {
        "model": "claude",
        "max_tokens": 20,
        "system": "Be short.",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "2+2?"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "tools": [{"name": "weather", "description": "The weather", "input_schema": TOOL.schema}],
    }


def test_anthropic_marks_the_shared_preamble_for_its_cache() -> None:
    body = AnthropicWire("claude", ApiOptions()).call(Generate(Prompt("Q?", "Examples. ")), folds=False).body
    shared = {"type": "text", "text": "Examples. ", "cache_control": {"type": "ephemeral"}}
    assert body["messages"] == [{"role": "user", "content": [shared, {"type": "text", "text": "Q?"}]}]


def test_anthropic_thinking_takes_no_temperature_and_room_of_its_own() -> None:
    body = AnthropicWire("claude", ApiOptions(thinking_tokens=1024)).call(ASKED, folds=False).body
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert body["max_tokens"] == 1044
    assert "temperature" not in body
    body = AnthropicWire("claude", ApiOptions(effort="high")).call(ASKED, folds=False).body
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})


@pytest.mark.parametrize(
    ("reason", "finish", "notes"),
    [
        ("end_turn", "eos", ()),
        ("stop_sequence", "stop", ()),
        ("max_tokens", "length", ()),
        ("tool_use", "tool", ()),
        ("refusal", "refused", ("refused",)),
    ],
)
def test_an_anthropic_message_is_read(reason: str, finish: str, notes: tuple[str, ...]) -> None:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "text", "text": "four"},
            {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
        ],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 1000,
            "output_tokens": 5,
        },
    }
    reply = AnthropicWire("claude", ApiOptions()).read(ASKED, body)
    assert (reply.texts, reply.finish, reply.notes, reply.reasoning) == (("four",), (finish,), notes, ("hm",))
    assert reply.calls == ((ToolCall("weather", '{"city": "Rome"}', "t1"),),)
    assert reply.usage == Usage(1110, 5, cached_tokens=1000, written_tokens=100)


def test_gemini_contents_are_sent_as_documented() -> None:
    call = GoogleWire("gemini", ApiOptions(thinking_tokens=0)).call(ASKED, folds=False)
    assert call.path == "/v1beta/models/gemini:generateContent"
    assert call.body == {
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Hi"}]},
            {"role": "user", "parts": [{"text": "2+2?"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be short."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "weather", "description": "The weather", "parametersJsonSchema": TOOL.schema}
                ]
            }
        ],
        "generationConfig": {
            "maxOutputTokens": 20,
            "temperature": 0.5,
            "topP": 0.9,
            "seed": 7,
            "stopSequences": ["\n", "END"],
            "thinkingConfig": {"thinkingBudget": 0, "includeThoughts": True},
        },
    }


@pytest.mark.parametrize(
    ("reason", "finish", "notes"),
    [("STOP", "stop", ()), ("MAX_TOKENS", "length", ()), ("SAFETY", "refused", ("refused",))],
)
def test_a_gemini_candidate_is_read(reason: str, finish: str, notes: tuple[str, ...]) -> None:
    parts = [
        {"text": "hm", "thought": True},
        {"text": "four"},
        {"functionCall": {"name": "weather", "args": {"city": "Rome"}}},
    ]
    body = {
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 7,
            "totalTokenCount": 22,
        },
        "modelVersion": "gemini-1",
    }
    reply = GoogleWire("gemini", ApiOptions()).read(ASKED, body)
    assert (reply.texts, reply.finish, reply.notes, reply.reasoning) == (("four",), (finish,), notes, ("hm",))
    assert reply.calls == ((ToolCall("weather", '{"city": "Rome"}'),),)
    assert reply.usage == Usage(10, 12, reasoning_tokens=7)


def test_a_prompt_that_gemini_blocks_is_refused_not_failed() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 10}}
    assert final_answer([GoogleWire("gemini", ApiOptions()).read(ASKED, body)]).validity is Validity.REFUSED


def test_responses() -> None:
    wire = ResponsesWire("gpt", ApiOptions(effort="high"))
    body = wire.call(Generate(TALK, max_tokens=100, schema='{"type":"object","required":["a"]}'), folds=False).body
    assert (body["reasoning"], body["store"], body["max_output_tokens"]) == ({"effort": "high"}, False, 100)
    assert body["text"]["format"]["type"] == "json_schema"
    answer = {
        "id": "resp_1",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "fo", "annotations": []}]},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 8, "output_tokens_details": {"reasoning_tokens": 6}},
    }
    reply = wire.read(ASKED, answer)
    assert (reply.texts, reply.finish, reply.reasoning) == (("fo",), ("length",), ("hm",))
    assert reply.usage == Usage(9, 8, reasoning_tokens=6)
    with pytest.raises(BadReplyError):
        wire.read(ASKED, {**answer, "status": "failed"})


def test_extra_fields_are_added_to_every_request() -> None:
    options = ApiOptions.parse({"extra": json.dumps({"provider": {"order": ["x"]}})})
    assert ChatWire("m", options).call(ASKED, folds=False).body["provider"] == {"order": ["x"]}
