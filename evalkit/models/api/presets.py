"""The providers by name: where they are, whose key they take, which format they speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

__all__ = ["LITELLM", "PRESETS", "Preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """`texts`: whether the server completes plain texts; None: it is asked. `local`: run by the user, without a price
    and, as a rule, without a key."""

    name: str
    base_url: str
    keys: tuple[str, ...]
    wire: Literal["chat", "anthropic", "google"] = "chat"
    local: bool = False
    texts: bool | None = False
    limit_name: str = "max_tokens"
    key_header: str = ""
    """The header that holds the key, where it is not the format's own."""
    body: Mapping[str, float] = field(default_factory=dict)
    """Stands in every request where the server's own settings would change what is asked; `extra` overrules it."""


_ALL = (
    Preset("openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",), limit_name="max_completion_tokens"),
    Preset("anthropic", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",), wire="anthropic"),
    Preset(
        "google",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        wire="google",
    ),
    Preset("vllm", "http://localhost:8000/v1", ("VLLM_API_KEY",), local=True, texts=None),
    Preset("sglang", "http://localhost:30000/v1", ("SGLANG_API_KEY",), local=True, texts=None),
    Preset("tgi", "http://localhost:8080/v1", ("TGI_API_KEY",), local=True, texts=None),
    Preset(
        "llamacpp",
        "http://localhost:8080/v1",
        ("LLAMA_API_KEY",),
        local=True,
        texts=None,
        # llama-cpp-python's server penalizes repeated tokens by 1.1, so that even greedy texts are not the model's.
        body={"repeat_penalty": 1.0, "top_k": 0, "min_p": 0.0},
    ),
    # Its text completions go through the model's template, so they are no plain texts.
    Preset("ollama", "http://localhost:11434/v1", ("OLLAMA_API_KEY",), local=True),
    Preset("lmstudio", "http://localhost:1234/v1", ("LMSTUDIO_API_KEY",), local=True, texts=None),
    Preset("openrouter", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)),
    Preset("together", "https://api.together.xyz/v1", ("TOGETHER_API_KEY",), texts=None),
    Preset("groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
    Preset("azure", "", ("AZURE_OPENAI_API_KEY",), limit_name="max_completion_tokens", key_header="api-key"),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
LITELLM = Preset("litellm", "", ())
"""It finds addresses and keys by itself."""
