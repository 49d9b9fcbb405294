"""The providers that are reached over HTTP, one line each: the line is all that names one.

`evalkit list models`, `--model NAME/…`, the look-up of keys and `evalkit doctor` read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

_DRAWS = MappingProxyType({name: name for name in ("top_k", "min_p", "repetition_penalty")})
_LLAMA_DRAWS = MappingProxyType({"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repeat_penalty"})

__all__ = ["LITELLM", "PRESETS", "Preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider. `keys`: the environment variables that may hold its key. `local`: a server that the user runs,
    without a price and, as a rule, without a key. `texts`: whether it completes plain texts; None: it is asked."""

    name: str
    summary: str
    base_url: str
    keys: tuple[str, ...]
    wire: Literal["chat", "anthropic", "google"] = "chat"
    local: bool = False
    texts: bool | None = False
    batches: bool = False
    """Whether it takes many requests as one job, for less."""
    limit_name: str = "max_tokens"
    key_header: str = ""
    """The header that holds the key, where it is not the format's own."""
    address_variable: str = ""
    """The environment variable with the user's own address, where a provider gives each user one."""
    imitated: bool = False
    """Whether other servers speak its format, so that base_url may name one that does more or less than it."""
    draws: Mapping[str, str] = field(default_factory=dict)
    """What it calls top_k, min_p and repetition_penalty, for those that it documents."""
    prefill: Literal["off", "turn", "continue"] = "off"
    """Whether it documents that it continues an assistant's turn that ends a conversation: by itself, or with vLLM's
    continue_final_message."""
    budget: str = ""
    """The field of a request, or path of fields, in which it documents a budget of thought."""
    body: Mapping[str, float] = field(default_factory=dict)
    """Stands in every request where the server's own settings would change what is asked; `extra` overrules it."""


_ALL = (
    Preset(
        "openai",
        "OpenAI, or any server that speaks its format: base_url=…",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        batches=True,
        limit_name="max_completion_tokens",
        imitated=True,
    ),
    Preset(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com",
        ("ANTHROPIC_API_KEY",),
        wire="anthropic",
        batches=True,
        draws={"top_k": "top_k"},
        prefill="turn",
    ),
    Preset(
        "google",
        "Google's Gemini",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        wire="google",
        draws={"top_k": "topK"},
    ),
    Preset(
        "azure",
        "OpenAI's models on Azure",
        "",
        ("AZURE_OPENAI_API_KEY",),
        batches=True,
        limit_name="max_completion_tokens",
        key_header="api-key",
        address_variable="AZURE_OPENAI_ENDPOINT",
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        prefill="turn",
        draws=_DRAWS,
        # https://openrouter.ai/docs/use-cases/reasoning-tokens
        budget="reasoning.max_tokens",
    ),
    Preset("together", "Together", "https://api.together.xyz/v1", ("TOGETHER_API_KEY",), texts=None, draws=_DRAWS),
    Preset("groq", "Groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",), batches=True, prefill="turn"),
    Preset(
        "vllm",
        "a model of the hub or a folder, run here by vLLM; with base_url=…, a vLLM server",
        "http://localhost:8000/v1",
        ("VLLM_API_KEY",),
        local=True,
        texts=None,
        prefill="continue",
        draws=_DRAWS,
        # https://docs.vllm.ai/en/latest/features/reasoning_outputs (from 0.19, with --reasoning-config)
        budget="thinking_token_budget",
    ),
    Preset(
        "sglang",
        "an SGLang server",
        "http://localhost:30000/v1",
        ("SGLANG_API_KEY",),
        local=True,
        texts=None,
        prefill="continue",
        draws=_DRAWS,
    ),
    Preset(
        "tgi",
        "a text-generation-inference server",
        "http://localhost:8080/v1",
        ("TGI_API_KEY",),
        local=True,
        texts=None,
    ),
    Preset(
        "llamacpp",
        "a llama.cpp server",
        "http://localhost:8080/v1",
        ("LLAMA_API_KEY",),
        local=True,
        texts=None,
        # llama-cpp-python's server penalizes repeated tokens by 1.1, so that even greedy texts are not the model's.
        body={"repeat_penalty": 1.0, "top_k": 0, "min_p": 0.0},
        draws=_LLAMA_DRAWS,
    ),
    # Its text completions go through the model's template, so they are no plain texts.
    Preset("ollama", "an Ollama server", "http://localhost:11434/v1", ("OLLAMA_API_KEY",), local=True),
    Preset(
        "lmstudio", "an LM Studio server", "http://localhost:1234/v1", ("LMSTUDIO_API_KEY",), local=True, texts=None
    ),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
LITELLM = Preset("litellm", "any other provider, through the package litellm", "", ())
"""It finds addresses and keys by itself."""
