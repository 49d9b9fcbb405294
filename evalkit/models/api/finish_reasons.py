"""Why a text ended, in evalkit's words: what every provider says of it.

Sources: the API references of OpenAI (chat, completions, responses), Anthropic, Google, Mistral, DeepSeek, Cohere,
Amazon Bedrock, watsonx, Moonshot, Zhipu and OpenRouter, and the code of vLLM, SGLang, TGI, llama.cpp and Ollama.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from evalkit.models.api.failures import BadReplyError

__all__ = ["MALFORMED_CALL", "UNKNOWN_FINISH", "finish_of"]

UNKNOWN_FINISH = "unknown-finish"
"""Begins the note of a reply that ended for a reason that this table does not have; the reason follows a colon."""

_SAID = {
    "stop": "stop end_turn stop_sequence stop_sequence_reached complete completed finished normal",
    "eos": "eos eos_token end_of_text end_of_sequence",
    "length": (
        "length max_tokens max_length max_output_tokens max_completion_tokens model_length token_limit error_limit "
        "model_context_window_exceeded context_length_exceeded reason_max_len max_context_length"
    ),
    "refused": (
        "content_filter content_filtered refusal safety recitation blocklist prohibited_content spii image_safety "
        "image_recitation image_prohibited_content image_other language guardrail_intervened guardrails sensitive "
        "error_toxic model_armor content_policy_violation flagged"
    ),
    "tool": "tool_calls tool_call tool_use function_call",
    "broken": (
        "error network_error abort aborted cancelled canceled user_cancel timeout time_limit failed "
        "insufficient_system_resource not_finished engine_error server_error malformed_response load unload "
        "missing_thought_signature"
    ),
    # The model wrote a call that the provider could not read: a reply of the model's, and no call.
    "malformed": (
        "malformed_function_call unexpected_tool_call too_many_tool_calls malformed_tool_use malformed_model_output"
    ),
}
_WORDS: Mapping[str, str] = MappingProxyType({word: ending for ending, said in _SAID.items() for word in said.split()})
MALFORMED_CALL = "malformed-call"


def finish_of(word: object, failure: object = None) -> tuple[str, tuple[str, ...]]:
    """What a provider's word for the end of a text means, and the notes that say more of it: "stop", "eos", "length",
    "refused", "tool" or "unknown". `failure` is an error next to it.

    Raises BadReplyError if the provider broke the text off: the request is then sent again.
    """
    said = _plain(word)
    ending = _WORDS.get(said, "unknown")
    if ending == "broken" or failure:
        told = failure.get("message") if isinstance(failure, Mapping) else failure
        raise BadReplyError(f"it was broken off ({said or 'no reason'}{f': {told}' if told else ''})", failure)
    if ending == "malformed":
        return "stop", (MALFORMED_CALL,)
    return ending, (f"{UNKNOWN_FINISH}:{said[:40] or 'none'}",) if ending == "unknown" else ()


def _plain(word: object) -> str:
    if isinstance(word, dict):  # SGLang's own interface: {"type": "stop", "matched": 2}
        word = word.get("type")
    return _spelled(str(word)) if word not in (None, "", "null") else ""


@lru_cache(256)
def _spelled(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")
