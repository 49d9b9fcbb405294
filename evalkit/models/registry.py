"""Which provider a model's name belongs to, found without importing any of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from evalkit.core import Model, UsageError
from evalkit.core import spec as specs

__all__ = ["ProviderEntry", "providers", "resolve"]

GROUP = "evalkit.models"
"""The entry-point group through which an installed package brings a provider.

The entry's name is the provider's; its object is a function (name: str, options: Mapping[str, str]) -> Model, where
`name` is what stands after the first slash of the spec ("" for a bare provider).
"""

Opener = Callable[[str, Mapping[str, str]], Model]


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A way to get models, as a list shows it. `target` is "module:function", imported when it is first used."""

    name: str
    summary: str
    example: str
    target: str


_BUILT_IN: Mapping[str, ProviderEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            ProviderEntry(
                "tiny",
                "the small model that ships with evalkit, for trials without a network",
                "tiny",
                "evalkit.models.hf.provider:tiny",
            ),
            ProviderEntry(
                "hf",
                "a model of the Hugging Face hub or a folder, run here by transformers",
                "hf/<repo or path>",
                "evalkit.models.hf.provider:hf",
            ),
            ProviderEntry(
                "gguf",
                "a GGUF file, run here by llama.cpp",
                "gguf/<file>",
                "evalkit.models.llamacpp.provider:gguf",
            ),
            ProviderEntry(
                "st",
                "an embedding model of the hub or a folder, run here by sentence-transformers",
                "st/<repo or path>",
                "evalkit.models.embeddings.provider:st",
            ),
            ProviderEntry(
                "tokenizer",
                "a tokenizer alone, without its model, for counting tokens",
                "tokenizer/<repo or path>",
                "evalkit.models.tokenizers:tokenizer",
            ),
            ProviderEntry(
                "stored",
                "answers that were made elsewhere and stand in a task's rows; no model is asked",
                "stored/<who answered>",
                "evalkit.models.stored:stored",
            ),
            ProviderEntry(
                "litellm",
                "any other provider, through the package litellm",
                "litellm/<provider>/…",
                "evalkit.models.api.litellm:litellm",
            ),
            *(
                ProviderEntry(name, summary, f"{name}/<model>", f"evalkit.models.api.provider:{name}")
                for name, summary in (
                    ("openai", "OpenAI, or any server that speaks its format: base_url=…"),
                    ("anthropic", "Anthropic"),
                    ("google", "Google's Gemini"),
                    ("azure", "OpenAI's models on Azure"),
                    ("openrouter", "OpenRouter"),
                    ("together", "Together"),
                    ("groq", "Groq"),
                    ("vllm", "a vLLM server"),
                    ("sglang", "an SGLang server"),
                    ("tgi", "a text-generation-inference server"),
                    ("llamacpp", "a llama.cpp server"),
                    ("ollama", "an Ollama server"),
                    ("lmstudio", "an LM Studio server"),
                )
            ),
        )
    }
)


def providers() -> tuple[ProviderEntry, ...]:
    """The built-in providers, then those of installed packages, each sorted by name. Imports none of them."""
    others = [
        ProviderEntry(point.name, f"from {_origin(point)}", f"{point.name}/NAME", point.value)
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)
        if point.name not in _BUILT_IN
    ]
    return (*_BUILT_IN.values(), *others)


def resolve(spec: str, options: Mapping[str, str] = MappingProxyType({})) -> Model:
    """The model that `provider/name,key=value` names; `options` add to those in the text.

    Loads no weights and imports no torch: a mistake in the name is found before anything slow happens.
    Raises UsageError for an unknown provider, model or option, a bad value, and an option given in both places.
    """
    parsed = specs.parse(spec)
    for key in options:
        if key in parsed.options:
            raise UsageError(
                f"the model option {key!r} is given twice",
                found=f"{parsed.options[key]!r} in {spec!r} and {options[key]!r} beside it",
                fix="give it in one place only",
            )
    provider, _, name = parsed.name.partition("/")
    return _opener(provider, parsed.name)(name, {**parsed.options, **options})


def _opener(provider: str, name: str) -> Opener:
    entry = _BUILT_IN.get(provider)
    if entry is not None:
        module, _, function = entry.target.partition(":")
        opener: Opener = getattr(importlib.import_module(module), function)
        return opener
    points = list(entry_points(group=GROUP, name=provider))
    if len(points) > 1:
        raise UsageError(
            f"two packages bring a model provider named {provider!r}",
            found=" and ".join(_origin(point) for point in points),
            fix="uninstall one of them",
        )
    if points:
        loaded: Opener = points[0].load()
        return loaded
    error = specs.unknown("model provider", provider, [entry.name for entry in providers()])
    fix = error.fix
    if name.startswith((".", "~")) or "/" in name or not provider:
        fix += f"; a folder or a hub model is hf/{name}"
    raise UsageError(error.wrong, found=repr(name), fix=fix)


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
