"""A method whose texts are drawn as a run says: what it asks is changed on the way to the model."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from evalkit.core import AskModel, Attempt, Generate, Method, Model, Reply, Request, Sampling
from evalkit.models.wrapper import Wrapper

__all__ = ["drawn_as", "features_of", "is_greedy", "temperature_of"]

_WORDS = {"temperature": "t", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p", "repetition_penalty": "penalty"}
"""What `Method.settings["sampling"]` calls a setting: "greedy", or "t=0.7,top_p=1,n=8"."""
_LENGTHS = ("max_tokens", "thinking_tokens")
_UNUSED = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
_APART = ("top_k", "min_p", "repetition_penalty", "thinking_tokens")
"""Settings that not every model takes, which are then among its features."""


@dataclass(frozen=True, slots=True)
class _Drawn(AskModel):
    ask: AskModel
    sampling: Sampling

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return await self.ask(attempt, _Drawing(model, self.sampling, attempt.seed))


class _Drawing(Wrapper):
    """A model that is asked for texts by other settings than the request's."""

    def __init__(self, model: Model, sampling: Sampling, seed: int) -> None:
        super().__init__(model)
        said: dict[str, Any] = {name: value for name, value in sampling.said.items() if name != "samples"}
        self._said, self._seed = said, seed

    async def answer(self, request: Request) -> Reply:
        if not isinstance(request, Generate):
            return await self._model.answer(request)
        changed = replace(request, **self._said)
        # A greedy text does not depend on a seed; a method that asked for one has none of its own.
        seed = (changed.seed or self._seed) if changed.temperature > 0 else 0
        return await self._model.answer(replace(changed, seed=seed))


def drawn_as(method: Method, sampling: Sampling) -> Method:
    """The method with its texts drawn by these settings, where they say something; its `settings` tell of them."""
    said = {name: value for name, value in sampling.said.items() if name != "samples"}
    if Generate not in method.needs or not said:
        return method
    settings = dict(method.settings)
    before = settings.get("sampling", "")
    words = [_words(before, said) if said.keys() & _WORDS.keys() else before]
    for name in _LENGTHS:
        if name in said:
            settings[name] = str(said[name])
            words.append(f"{name}={said[name]}")
    settings["sampling"] = ",".join(filter(None, words))
    return replace(method, ask=_Drawn(method.ask, sampling), settings=settings)


def features_of(sampling: Sampling) -> frozenset[str]:
    """What a model must be able to do to be asked so."""
    said = sampling.said
    return frozenset(name for name in _APART if name in said and said[name] != _UNUSED.get(name))


def temperature_of(method: Method) -> float | None:
    """The temperature of a method's texts; None where it says none, or several."""
    words = method.settings.get("sampling", "")
    found = re.fullmatch(r"t=([\d.e-]+)(,.*)?", words)
    return 0.0 if is_greedy(method) else float(found[1]) if found else None


def is_greedy(method: Method) -> bool:
    """Whether the method says that its texts are the likeliest ones."""
    return method.settings.get("sampling", "").partition(",")[0] == "greedy"


def _words(before: str, said: dict[str, float]) -> str:
    """What a method's settings call its sampling, after what they called it before."""
    parts = dict(part.split("=", 1) for part in before.split(",") if "=" in part)
    if before.partition(",")[0] == "greedy":
        parts["t"] = "0"
    parts |= {word: f"{said[name]:g}" for name, word in _WORDS.items() if name in said}
    for name in ("top_k", "min_p", "repetition_penalty"):
        if said.get(name) == _UNUSED[name]:
            parts.pop(_WORDS[name], None)
    if parts.get("t") == "0":
        return ",".join(["greedy", *(f"penalty={parts[name]}" for name in ("penalty",) if name in parts)])
    parts.setdefault("top_p", "1")
    ordered = [*_WORDS.values(), *(name for name in parts if name not in _WORDS.values())]
    return ",".join(f"{name}={parts[name]}" for name in ordered if name in parts)
