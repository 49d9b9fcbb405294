"""Why a text ended, as the providers say it: whole, cut, withheld, broken off, or for a reason that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.core import Generate, ModelError, Prompt, Reply
from evalkit.models import resolve
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import finish_of
from tests.models.api.scriptserver import ScriptServer
from tests.models.oracle import outcomes


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.models.api.client._FIRST_WAIT", 0.01)


# As the API references of the providers have them (see finish_reasons).
@pytest.mark.parametrize(
    ("said", "ending"),
    [
        *[(word, "stop") for word in ("stop", "STOP", "end_turn", "COMPLETE", "stop_sequence", "STOP_SEQUENCE")],
        *[(word, "eos") for word in ("eos", "eos_token")],
        *[(word, "length") for word in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")],
        ("model_context_window_exceeded", "length"),
        *[(word, "refused") for word in ("content_filter", "refusal", "SAFETY", "RECITATION", "PROHIBITED_CONTENT")],
        *[
            (word, "refused")
            for word in ("guardrail_intervened", "content_filtered", "ERROR_TOXIC", "sensitive", "SPII")
        ],
        *[(word, "tool") for word in ("tool_calls", "function_call", "tool_use", "TOOL_CALL")],
        ({"type": "length", "length": 16}, "length"),  # SGLang
    ],
)
def test_a_known_reason(said: object, ending: str) -> None:
    assert finish_of(said) == (ending, ())


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ("pause_turn", "unknown-finish:pause_turn"),
        ("OTHER", "unknown-finish:other"),
        ("Some new reason!", "unknown-finish:some_new_reason"),
        ("x" * 100, f"unknown-finish:{'x' * 40}"),
        *[(nothing, "unknown-finish:none") for nothing in (None, "", "null")],
    ],
)
def test_an_unknown_reason_is_kept_and_said(said: object, note: str) -> None:
    assert finish_of(said) == ("unknown", (note,))


def test_a_call_that_the_provider_could_not_read_is_a_reply_of_the_models() -> None:
    assert finish_of("MALFORMED_FUNCTION_CALL") == ("stop", ("malformed-call",))


@pytest.mark.parametrize(
    "said", ["error", "ERROR", "network_error", "abort", "insufficient_system_resource", "cancelled", "time_limit"]
)
def test_what_was_broken_off_is_no_answer(said: str) -> None:
    with pytest.raises(BadReplyError, match=said.lower()):
        finish_of(said)
    with pytest.raises(BadReplyError, match="upstream died"):
        finish_of("stop", {"message": "upstream died", "code": 502})


def outcome(*ends: str, **options: Any) -> tuple[Any, int]:
    """What becomes of a request whose attempts end so, the last for all others, and the number of attempts."""
    with ScriptServer("Paris", ends=ends) as server:
        model = resolve(f"openai/m,base_url={server.url},api=chat", options)
        (found,) = outcomes(model, [Generate(Prompt("?"), stop=())])
    return found, len(server.bodies)


@pytest.mark.parametrize("options", [{}, {"stream": "on"}])
def test_a_reply_that_is_broken_off_once_is_asked_for_again(
    options: dict[str, str],
) -> None:
    reply, attempts = outcome("network_error", "stop", **options)
    assert isinstance(reply, Reply), reply
    assert (reply.texts, reply.finish, attempts) == (("Paris",), ("stop",), 2)


def test_one_that_is_always_broken_off_fails_its_request() -> None:
    error, attempts = outcome("error", attempts="3")
    assert isinstance(error, ModelError) and "broken off" in str(error)
    assert attempts == 3


def test_one_that_ended_for_an_unknown_reason_is_asked_for_once() -> None:
    reply, attempts = outcome("hiccup")
    assert (reply.texts, reply.finish, reply.notes) == (("Paris",), ("unknown",), ("unknown-finish:hiccup",))
    assert attempts == 1
