"""Which provider a model's name belongs to, found without importing any of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from evalkit.core import Model, UsageError
from evalkit.core import spec as specs
from evalkit.models.api.providers import PRESETS, Preset

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Finder", "Opener", "ProviderEntry", "find_own_with", "providers", "resolve"]

GROUP = "evalkit.models"
"""The entry-point group through which an installed package brings a provider.

The entry's name is the provider's; its object is a function (name: str, options: Mapping[str, str]) -> Model, where
`name` is what follows the first slash of the spec ("" for a bare provider).
"""

Opener = Callable[[str, Mapping[str, str]], Model]


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A way to get models, as a list shows it.

    `target` is "module:function", imported when it is first used, or the function itself. `preset`: the line of the
    table of API providers that such a function takes first. `place` says where a provider of the user's own lies, and
    `problem` why it cannot be loaded.
    """

    name: str
    summary: str
    example: str
    target: str | Opener
    preset: Preset | None = None
    place: str = ""
    problem: str = ""

    def opener(self) -> Opener:
        """The function that opens its models."""
        if not isinstance(self.target, str):
            return self.target
        module, _, name = self.target.partition(":")
        function = getattr(importlib.import_module(module), name)
        opener: Opener = function if self.preset is None else partial(function, self.preset)
        return opener


Finder = Callable[[Path | None], Iterable[ProviderEntry]]
"""The user's own providers, given the folder of a project (None: the current folder)."""

_finder: Finder = lambda project: ()  # noqa: E731 - replaced by find_own_with


FileOpener = Callable[[str, Mapping[str, str], Path | None], Model]
"""Opens what `path.py:name` names, given options and the folder of a project."""

_opens_file: FileOpener | None = None


def find_own_with(finder: Finder, opens_file: FileOpener) -> None:
    """Have the user's own providers found, and models in files opened, by a room above this one: `evalkit.plugins`
    does so as it is imported."""
    global _finder, _opens_file
    _finder, _opens_file = finder, opens_file


_RUN_HERE_TOO = {"vllm": "evalkit.models.vllm.provider:vllm"}
"""API providers whose models may run on this machine: what opens them takes the provider's line of the table, too."""

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
                "answers that a task's rows contain; evalkit asks no model",
                "stored/<who answered>",
                "evalkit.models.stored:stored",
            ),
            ProviderEntry(
                "cmd",
                "a program of yours, in any language: a line of JSON a request, one a reply",
                "cmd/<program and arguments>",
                "evalkit.models.command.model:cmd",
            ),
            *(
                ProviderEntry(
                    one.name,
                    one.summary,
                    f"{one.name}/<model>",
                    _RUN_HERE_TOO.get(one.name, "evalkit.models.api.opening:opened"),
                    one,
                )
                for one in PRESETS.values()
            ),
            ProviderEntry(
                "litellm",
                "any other provider, through the package litellm",
                "litellm/<provider>/…",
                "evalkit.models.api.litellm:litellm",
            ),
        )
    }
)


def providers(project: Path | None = None) -> tuple[ProviderEntry, ...]:
    """The built-in providers, then those of installed packages, then those in the models/ of a project (default: the
    current folder) and of installed packs. Imports none of them.

    Raises UsageError where two of the user's own, or one and a built-in one, have one name.
    """
    others = [
        ProviderEntry(point.name, f"from {_origin(point)}", f"{point.name}/NAME", point.value)
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)
        if point.name not in _BUILT_IN
    ]
    return (*_BUILT_IN.values(), *others, *_own(project).values())


def entry_points(**wanted: str) -> tuple[EntryPoint, ...]:
    """importlib.metadata's, imported when it is first used: it takes as long as all of `evalkit --help`."""
    from importlib.metadata import entry_points as found

    selected: Any = found(**wanted)  # another type in every Python
    return tuple(selected)


def _own(project: Path | None) -> dict[str, ProviderEntry]:
    """The user's own, by name."""
    found: dict[str, ProviderEntry] = {}
    for entry in _finder(project):
        other = found.get(entry.name) or _BUILT_IN.get(entry.name)
        if other is not None:
            raise UsageError(
                f"two model providers are named {entry.name!r}",
                found=f"{other.place or 'a built-in one'} and {entry.place}",
                fix="rename yours in its META",
            )
        found[entry.name] = entry
    return found


def resolve(spec: str, options: Mapping[str, str] = MappingProxyType({}), *, project: Path | None = None) -> Model:
    """The model that `provider/name,key=value` or `path.py:name,key=value` names; `options` add to those in the text.
    `project` is the folder whose models/ may hold the provider (default: the current folder).

    Loads no weights and imports no torch: a mistake in the name is found before anything slow happens.
    Raises UsageError for an unknown provider, model or option, a bad value, and an option given in both places.
    """
    parsed = specs.parse(spec)
    for key in options:
        if key in parsed.options:
            raise UsageError(
                f"the model option {key!r} is given twice",
                found=f"{parsed.options[key]!r} in {spec!r} and {options[key]!r} next to it",
                fix="give it in one place only",
            )
    if _opens_file is not None and specs.IN_FILE.fullmatch(parsed.name):
        return _opens_file(parsed.name, {**parsed.options, **options}, project)
    provider, _, name = parsed.name.partition("/")
    return _opener(provider, parsed.name, project)(name, {**parsed.options, **options})


def _opener(provider: str, name: str, project: Path | None) -> Opener:
    entry = _own(project).get(provider) or _BUILT_IN.get(provider)
    if entry is not None:
        return entry.opener()
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
    error = specs.unknown("model provider", provider, [entry.name for entry in providers(project)])
    fix = error.fix
    if name.startswith((".", "~")) or "/" in name or not provider:
        fix += f"; a folder or a hub model is hf/{name}"
    raise UsageError(error.wrong, found=repr(name), fix=fix)


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
