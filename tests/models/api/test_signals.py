"""What servers say when they give no answer, row by row. The bodies are written after the documentation, the code or a
public report of the server that is named; none is quoted whole."""

from typing import Any

import pytest

from evalkit.models.api.failures import Change, Kind
from evalkit.models.api.parameters import PARAMETERS
from evalkit.models.api.signals import ROWS, classify

SENT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "What is n? Then stop."}],
    "max_tokens": 4096,
    "temperature": 0.0,
    "top_p": 0.9,
    "seed": 7,
    "stop": ["\n"] * 6,
    "n": 3,
    "logprobs": True,
    "top_logprobs": 20,
    "reasoning_effort": "low",
    "stream": True,
    "stream_options": {"include_usage": True},
}


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}


def fastapi(place: list[Any], message: str, kind: str, **context: Any) -> dict[str, Any]:
    return {"detail": [{"type": kind, "loc": place, "msg": message, "input": "…", "ctx": context}]}


SIGNALS: list[tuple[str, int, Any, Kind]] = [
    # filter
    ("Azure", 400, openai("The response was filtered", code="content_filter", param="prompt"), "filtered"),
    (
        "Azure",
        400,
        {"error": {"message": "Filtered.", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        "filtered",
    ),
    ("OpenAI", 400, openai("Invalid prompt: your prompt was flagged as potentially violating our policy"), "filtered"),
    (
        "Anthropic",
        400,
        {"type": "error", "error": {"message": "Output blocked by content filtering policy"}},
        "filtered",
    ),
    ("xAI", 403, {"code": "forbidden", "error": "Content violates usage guidelines. Failed check"}, "filtered"),
    (
        "OpenRouter",
        403,
        {"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}},
        "filtered",
    ),
    (
        "DashScope",
        400,
        {"error": {"code": "data_inspection_failed", "message": "Input data may contain bad content."}},
        "filtered",
    ),
    (
        "MiniMax",
        200,
        {"base_resp": {"status_code": 1027, "status_msg": "output sensitive"}, "choices": None},
        "filtered",
    ),
    # credit
    ("OpenAI", 429, openai("You exceeded your current quota", code="insufficient_quota"), "spent"),
    ("DeepSeek", 402, openai("Insufficient Balance"), "spent"),
    ("OpenRouter", 402, {"error": {"code": 402, "message": "This request requires more credits"}}, "spent"),
    ("Moonshot", 429, openai("Your account is suspended", type="exceeded_current_quota_error"), "spent"),
    ("Zhipu", 429, {"error": {"code": "1113", "message": "Your account is in arrears"}}, "spent"),
    ("LiteLLM", 400, openai("Budget has been exceeded! Current cost: 12", type="budget_exceeded"), "spent"),
    ("xAI", 403, {"code": "denied", "error": "Your team doesn't have any credits yet."}, "spent"),
    ("Together", 402, {}, "spent"),
    # key
    ("xAI", 400, {"code": "invalid", "error": "Incorrect API key provided: xa***. See the console."}, "refused"),
    ("Google", 400, {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}, "refused"),
    (
        "Google",
        400,
        {"error": {"code": 400, "message": "User location is not supported for the API use."}},
        "refused",
    ),
    ("OpenAI", 401, openai("no", code="invalid_api_key"), "refused"),
    ("Anthropic", 401, {"type": "error", "error": {"type": "authentication_error", "message": "x"}}, "refused"),
    ("vLLM", 401, {"error": "Unauthorized"}, "refused"),
    ("OpenRouter", 404, openai("No endpoints found that can handle the requested parameters.", code=404), "wrong"),
    ("vLLM", 404, openai("The model `m` does not exist.", type="NotFoundError", code=404), "refused"),
    ("Ollama", 404, openai('model "m" not found, try pulling it first', type="not_found_error"), "refused"),
    # too long
    ("OpenAI", 400, openai("no", code="context_length_exceeded"), "too long"),
    ("Anthropic", 400, {"type": "error", "error": {"message": "prompt is too long: 210 tokens > 200"}}, "too long"),
    (
        "Google",
        400,
        {"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}},
        "too long",
    ),
    ("SGLang", 400, openai("The input (9 tokens) is longer than the model's context length (8 tokens)."), "too long"),
    ("llama.cpp", 400, openai("the request exceeds the available context size", type="x"), "too long"),
    ("llama.cpp", 400, openai("no room", type="exceed_context_size_error"), "too long"),
    ("TGI", 422, {"error": "Input validation error: `inputs` must have less than 8 tokens. Given: 9"}, "too long"),
    ("xAI", 400, {"code": "x", "error": "This model's maximum prompt length is 8 but the request has 9"}, "too long"),
    ("LM Studio", 400, {"error": "Trying to keep the first 9 tokens when context the overflows."}, "too long"),
    ("Cohere", 400, {"message": "too many tokens: total is 9, size limit exceeded by 1"}, "too long"),
    ("Cerebras", 400, {"message": "Current length is 9 while limit is 8", "code": "x"}, "too long"),
    ("LiteLLM", 400, openai("litellm.ContextWindowExceededError: BadRequestError"), "too long"),
    ("Groq", 413, openai("Request too large for model m on tokens per minute (TPM): Limit 8, Requested 9"), "too long"),
    ("OpenAI", 429, openai("Request too large for m on tokens per min (TPM): Limit 8, Requested 9."), "too long"),
    ("Anthropic", 413, {"type": "error", "error": {"type": "request_too_large", "message": "too big"}}, "too long"),
    ("nginx", 413, "<html>413 Request Entity Too Large</html>", "too long"),
    # overloaded
    ("OpenAI", 429, openai("Rate limit reached for m on tokens per min (TPM): Limit 8, Used 7"), "overloaded"),
    ("Anthropic", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded"),
    ("Anthropic", 429, openai("Number of request tokens has exceeded your per-minute rate limit"), "overloaded"),
    (
        "Google",
        429,
        {
            "error": {
                "code": 429,
                "message": "You exceeded your current quota, please check your plan. head to ai.google.dev",
            }
        },
        "overloaded",
    ),
    ("Google", 503, {"error": {"code": 503, "message": "high demand", "status": "UNAVAILABLE"}}, "overloaded"),
    ("Bedrock", 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}, "overloaded"),
    ("Bedrock", 400, {"message": "Too many tokens, please wait before trying again."}, "overloaded"),
    ("Mistral", 429, {"message": "Service tier capacity exceeded for this model.", "code": "3505"}, "overloaded"),
    ("Groq", 498, {}, "overloaded"),
    ("Ollama", 503, openai("server busy, please try again. maximum pending requests exceeded"), "overloaded"),
    ("TGI", 429, {"error": "Model is overloaded", "error_type": "overloaded"}, "overloaded"),
    ("llama.cpp", 503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, "overloaded"),
    ("SGLang", 503, {"error": "The request queue is full."}, "overloaded"),
    ("Hugging Face", 503, {"error": "Model m is currently loading", "estimated_time": 20.0}, "overloaded"),
    ("LiteLLM", 500, openai("No deployments available for selected model", code="429"), "overloaded"),
    ("OpenRouter", 200, {"error": {"code": "503", "message": "No instances"}}, "overloaded"),
    ("MiniMax", 200, {"base_resp": {"status_code": 1002, "status_msg": "RPM"}, "choices": None}, "overloaded"),
    ("Moonshot", 429, openai("The engine is overloaded", type="engine_overloaded_error"), "overloaded"),
    # broken
    ("TGI", 424, {"error": "Request failed during generation: CUDA", "error_type": "generation"}, "broken"),
    ("Cloudflare", 522, "<html>Connection timed out</html>", "broken"),
    ("OpenRouter", 200, {"error": {"message": "Provider returned error"}, "choices": None}, "broken"),
    ("OpenAI", 500, openai("The server had an error", type="server_error"), "broken"),
    ("vLLM", 200, {"object": "error", "message": "EngineCore died", "code": 500}, "broken"),
    # wrong
    ("Anthropic", 200, {"type": "error", "error": {"type": "invalid_request_error", "message": "tools: bad"}}, "wrong"),
    ("LM Studio", 200, {"error": "Unexpected endpoint or method. (POST /v1/x)"}, "wrong"),
    ("Ollama", 400, openai('"m" does not support tools'), "wrong"),
    (
        "llama-cpp-python",
        500,
        openai("1 validation error: {'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}"),
        "wrong",
    ),
    (
        "OpenRouter",
        404,
        {"error": {"code": 404, "message": "No endpoints found that can handle the requested parameters."}},
        "wrong",
    ),
    ("any", 418, {}, "wrong"),
]


def identity(value: Any) -> str:
    return str(value)[:60]


@pytest.mark.parametrize(("server", "status", "body", "kind"), SIGNALS, ids=identity)
def test_a_signal_means_one_thing(server: str, status: int, body: Any, kind: Kind) -> None:
    text = body if isinstance(body, str) else ""
    assert classify(status, None if text else body, text, sent=SENT).kind == kind


@pytest.mark.parametrize(
    ("header", "status", "kind"),
    [("false", 429, "wrong"), ("false", 500, "wrong"), ("true", 400, "broken"), ("true", 429, "overloaded")],
)
def test_a_server_that_says_whether_to_try_again_is_believed(header: str, status: int, kind: Kind) -> None:
    """The header of OpenAI's and Anthropic's own clients."""
    assert classify(status, openai("hm"), headers={"x-should-retry": header}).kind == kind


PARAMETER_SIGNALS: list[tuple[str, int, Any, Change]] = [
    (
        "OpenAI",
        400,
        openai("Unsupported value: 'temperature' does not support 0 with this model.", param="temperature"),
        Change("temperature", "drop"),
    ),
    (
        "OpenAI",
        400,
        openai("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"),
        Change("max_tokens", "rename"),
    ),
    ("OpenAI", 400, openai("max_tokens is too large: 4096. This model supports at most 2,048 completion tokens"),
     Change("max_tokens", "most", 2048)),
    ("Azure", 400, openai("Unrecognized request arguments supplied: seed, top_k"), Change("seed", "drop")),
    ("Azure", 400, openai("Invalid value for 'top_logprobs': must be less than or equal to 5."),
     Change("top_logprobs", "most", 5)),
    ("vLLM", 400, openai("Requested sample logprobs of 20, which is greater than max allowed: 10", param="logprobs"),
     Change("top_logprobs", "most", 10)),
    ("vLLM", 400, openai("max_tokens=4096 cannot be greater than max_model_len=1024. (parameter=max_tokens)"),
     Change("max_tokens", "most", 1024)),
    ("vLLM", 400, openai("n must be 1 when using greedy sampling, got 3."), Change("n", "drop")),
    ("Ollama", 400, {"error": "top_logprobs must be between 0 and 15"}, Change("top_logprobs", "most", 15)),
    ("TGI", 422, {"error": "Input validation error: `top_n_tokens` must be >= 0 and <= 5. Given: 20"},
     Change("top_logprobs", "most", 5)),
    ("TGI", 422, {"error": "Input validation error: `temperature` must be strictly positive"},
     Change("temperature", "least", 0.01)),
    ("TGI", 422, {"error": "Input validation error: `stop` supports up to 4 stop sequences. Given: 6"},
     Change("stop", "most", 4)),
    ("Anthropic", 400, openai("`temperature` and `top_p` cannot both be specified for this model. Use only one."),
     Change("top_p", "drop")),
    ("Anthropic", 400, openai("max_tokens: 4096 > 1024, which is the maximum allowed number of output tokens for m"),
     Change("max_tokens", "most", 1024)),
    ("Anthropic", 400, openai("This model does not support the effort parameter."), Change("reasoning_effort", "drop")),
    ("DeepSeek", 400, openai("Invalid max_tokens value, the valid range of max_tokens is [1, 2048]"),
     Change("max_tokens", "most", 2048)),
    ("DeepSeek", 400, openai("this model does not support this parameter: logprobs"), Change("logprobs", "drop")),
    ("xAI", 400, {"code": "invalid", "error": "Model m does not support parameter stop."}, Change("stop", "drop")),
    ("xAI", 400, {"code": "invalid", "error": "Argument not supported on this model: seed"}, Change("seed", "drop")),
    ("Groq", 400, openai("`logprobs` is not supported with this model"), Change("logprobs", "drop")),
    ("Groq", 400, openai("property 'reasoning_effort' is unsupported"), Change("reasoning_effort", "drop")),
    ("Moonshot", 400, openai("invalid temperature: only 1 is allowed for this model"), Change("temperature", "drop")),
    ("Fireworks", 400, openai("Extra inputs are not permitted, field: 'seed', value: 7"), Change("seed", "drop")),
    (
        "Mistral",
        422,
        {"object": "error", "message": fastapi(["body", "stream_options"], "Extra inputs", "extra_forbidden")},
        Change("stream_options", "drop"),
    ),
    (
        "FastAPI",
        422,
        fastapi(["body", "top_logprobs"], "Input should be less than or equal to 8", "less_than_equal", le=8),
        Change("top_logprobs", "most", 8),
    ),
    ("FastAPI", 422, fastapi(["body", "temperature"], "Input should be greater than 0", "greater_than", gt=0),
     Change("temperature", "least", 0.01)),
    (
        "FastAPI",
        422,
        fastapi(["body", "stop"], "List should have at most 4 items", "too_long", max_length=4),
        Change("stop", "most", 4),
    ),
    ("LiteLLM", 400, openai("litellm.UnsupportedParamsError: p does not support parameters: ['seed'], for model=m"),
     Change("seed", "drop")),
    ("llama.cpp", 500, {"error": {"code": 500, "message": "Unsupported param: logprobs"}}, Change("logprobs", "drop")),
    ("a gateway", 400, {"error": "stream_options is not supported"}, Change("stream_options", "drop")),
    (
        "OpenRouter",
        400,
        {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": "n > 1 is not supported"}}},
        Change("n", "drop"),
    ),
    ("a gateway", 422, openai("only one completion choice is allowed"), Change("n", "drop")),
    # roles
    ("Google", 400, {"error": {"message": "Developer instruction is not enabled for models/gemma"}},
     Change("system", "fold")),
    ("OpenAI", 400, openai("Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                           param="messages[0].role"), Change("system", "fold")),
    ("vLLM", 400, openai("After the optional system message, conversation roles must alternate user/assistant/…"),
     Change("system", "fold")),
    ("llama.cpp", 500, {"error": {"code": 500, "message": "System role not supported"}}, Change("system", "fold")),
    ("TGI", 422, {"error": "Template error: syntax error: Conversation roles must alternate user/assistant"},
     Change("system", "fold")),
    ("LM Studio", 400, {"error": "Error rendering prompt: Only user and assistant roles are supported!"},
     Change("system", "fold")),
    ("Bedrock", 400, {"message": "This model doesn't support system messages. Try again without."},
     Change("system", "fold")),
    ("Anthropic", 400, openai('messages: Unexpected role "system". Use the top-level `system` parameter'),
     Change("system", "fold")),
    ("FastAPI", 422, fastapi(["body", "messages", 0, "role"], "Input should be 'user' or 'assistant'", "literal_error"),
     Change("system", "fold")),
    # a prompt that fits, with fewer tokens of reply
    ("vLLM", 400, openai("'max_tokens' is too large: 4096. This model's maximum context length is 2048 tokens and your"
                         " request has 48 input tokens"), Change("max_tokens", "once", 2000)),
    ("OpenAI", 400, openai("This model's maximum context length is 4097 tokens. However, you requested 4196 tokens (100"
                           " in the messages, 4096 in the completion)."), Change("max_tokens", "once", 3997)),
    ("SGLang", 400, openai("Requested token count exceeds the model's maximum context length of 4096 tokens. You"
                           " asked for a total of 4196 tokens: 100 tokens from the input messages and 4096 for it."),
     Change("max_tokens", "once", 3996)),
    ("Anthropic", 400, openai("input length and `max_tokens` exceed context limit: 190 + 4096 > 4200, decrease"),
     Change("max_tokens", "once", 4010)),
    ("TGI", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 96"
                           " `inputs` tokens and 4096 `max_new_tokens`"}, Change("max_tokens", "once", 4000)),
]  # fmt: skip


@pytest.mark.parametrize(("server", "status", "body", "change"), PARAMETER_SIGNALS, ids=identity)
def test_a_refused_parameter_is_changed_as_the_server_says(server: str, status: int, body: Any, change: Change) -> None:
    failed = classify(status, body, sent=SENT)
    assert (failed.kind, failed.change) == ("unsupported", change)


@pytest.mark.parametrize(
    ("server", "body", "change"),
    [
        (
            "Google",
            "Unable to submit request because it has a maxOutputTokens value of 4096 but the supported range is from 1"
            " (inclusive) to 1025 (exclusive).",
            Change("max_tokens", "most", 1024),
        ),
        ("Google", "Thinking level is not supported for this model.", Change("reasoning_effort", "drop")),
        ("Google", "stopSequences is not supported", Change("stop", "drop")),
    ],
    ids=identity,
)
def test_names_of_another_format_are_known(server: str, body: str, change: Change) -> None:
    config = {"maxOutputTokens": 4096, "stopSequences": ["a"], "thinkingConfig": {"thinkingLevel": "low"}}
    assert classify(400, {"error": {"message": body}}, sent={"generationConfig": config}).change == change


@pytest.mark.parametrize(
    "message",
    [
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        "response_format is not supported",
        "This model does not support tools",
        "Please stop sending n requests: the seed of the problem is not supported",
        "Unsupported parameter: 'frequency_penalty'",
        "max_tokens must be a whole number",
    ],
)
def test_what_is_not_for_a_parameter_of_ours_to_change_is_wrong(message: str) -> None:
    """A value that the user chose, what a request is about, and ordinary words that parameters are named like."""
    assert classify(400, openai(message), sent={**SENT, "temperature": 3.0}).kind == "wrong"


def test_a_parameter_that_was_not_sent_or_is_needed_is_not_left_out() -> None:
    error = openai("Unsupported parameter: 'seed'", param="seed")
    assert classify(400, error, sent={"messages": []}).kind == "wrong"
    assert classify(400, error, sent=SENT, needs=frozenset({"seed"})).kind == "wrong"
    assert classify(400, error, sent=SENT).kind == "unsupported"


def test_every_row_of_the_table_decides_something() -> None:
    """A row that no signal above reaches could be anything."""
    plain: list[tuple[int, Any, dict[str, str]]] = [(status, body, {}) for _, status, body, _ in SIGNALS]
    changes: list[tuple[int, Any, dict[str, str]]] = [(status, body, {}) for _, status, body, _ in PARAMETER_SIGNALS]
    told: list[tuple[int, Any, dict[str, str]]] = [
        (500, openai("hm"), {"x-should-retry": value}) for value in ("true", "false")
    ]
    told += [(400, openai("hm"), {"x-should-retry": "true"}), (429, {}, {}), (401, {}, {})]
    reached = {
        classify(status, body, body if isinstance(body, str) else "", headers=headers, sent=SENT).row
        for status, body, headers in (*plain, *changes, *told)
    }  # fmt: skip
    assert reached == {row.name for row in ROWS}


def test_every_parameter_that_is_sent_can_be_refused() -> None:
    for name, parameter in PARAMETERS.items():
        path = parameter.paths[0]
        failed = classify(400, openai(f"Unsupported parameter: '{path}'"), sent={path: 1 if name == "n" else "low"})
        assert failed.change is not None and failed.change.parameter in (name, "logprobs"), name


def test_every_row_names_the_servers_on_which_it_was_seen() -> None:
    assert all(row.seen for row in ROWS)
    known = "|".join(row.seen for row in ROWS)
    for server in (
        "OpenAI", "Azure", "Anthropic", "Google", "Mistral", "xAI", "Groq", "DeepSeek", "OpenRouter", "Together",
        "Fireworks", "vLLM", "SGLang", "TGI", "Ollama", "llama.cpp", "LM Studio", "LiteLLM", "FastAPI",
    ):  # fmt: skip
        assert server in known, server
