"""The parameters that evalkit sends: what every format calls them, and which of them an error is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from evalkit.models.api.error_bodies import Said
from evalkit.models.api.failures import Change

__all__ = ["PARAMETERS", "Parameter", "change_for", "found_in", "without"]

FEW_LOGPROBS = 5
"""As many are tried where a server refuses a number of likeliest tokens and names no limit (Azure's older models, Groq
and Together take 5 or fewer)."""
LEAST_TEMPERATURE = 0.01
"""Stands for 0 where a server takes no temperature of 0; TGI's own clients send the same."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """`paths`: where it is in a body, one for each format that has it. `others`: more names by which servers complain
    of it. `word`: its name is an ordinary word too, so that it counts only where it is marked as a name. `quiet`: left
    out, it changes no answer, so that no record needs a flag. `bounded`: it can be brought within a limit."""

    paths: tuple[str, ...]
    others: tuple[str, ...] = ()
    word: bool = False
    quiet: bool = False
    bounded: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*(path.rpartition(".")[2] for path in self.paths), *self.others]))


PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "max_tokens": Parameter(
            ("max_tokens", "max_completion_tokens", "max_output_tokens", "generationConfig.maxOutputTokens"),
            ("max_new_tokens", "max_gen_toks", "num_predict", "n_predict"),
            bounded=True,
        ),
        "top_logprobs": Parameter(("top_logprobs",), ("top_n_tokens", "topLogprobs"), bounded=True),
        "logprobs": Parameter(("logprobs",), ("responseLogprobs", "sample logprobs"), bounded=True),
        "temperature": Parameter(("temperature", "generationConfig.temperature")),
        "top_p": Parameter(("top_p", "generationConfig.topP")),
        "seed": Parameter(("seed", "generationConfig.seed"), ("random_seed",), word=True),
        "stop": Parameter(
            ("stop", "stop_sequences", "generationConfig.stopSequences"), ("stop sequences",), word=True, bounded=True
        ),
        "n": Parameter(
            ("n",), ("best_of", "candidateCount", "multiple candidates", "completion choice"), word=True, quiet=True
        ),
        "reasoning_effort": Parameter(
            ("reasoning_effort", "reasoning", "output_config.effort", "generationConfig.thinkingConfig.thinkingLevel"),
            ("reasoning.effort", "thinking_level", "thinking level", "effort"),
            word=True,
        ),
        "thinking_tokens": Parameter(("thinking_token_budget",), ("reasoning_config",)),
        "stream_options": Parameter(("stream_options",), ("include_usage",), quiet=True),
        "stream": Parameter(("stream",), ("streaming",), word=True, quiet=True),
        "store": Parameter(("store",), word=True, quiet=True),
        "encoding_format": Parameter(("encoding_format",), quiet=True),
    }
)

_REFUSED = re.compile(
    r"unsupported|not support|n't support|deprecated|not permitted|forbidden|unrecogni[sz]ed|not recogni[sz]ed|unknown"
    r"|unexpected|not allowed|disallowed|not available|unavailable|not enabled|not accept|n't accept|not implemented"
    r"|not compatible|incompatible|only the default|no longer|cannot (?:both )?be|can not be|can't be|may only be"
    r"|must (?:be|not)\b|should be|is invalid|invalid (?:value|argument|parameter|'|`|\")|only .{1,40} is allowed"
    r"|out of range|greater than|less than|exceed|at most|too (?:large|many|high|big)|range of|supports up to"
    r"|between|the supported range|not (?:a )?valid|> *\d+"
)
"""Words by which a server refuses a parameter or its value."""
_UNKNOWN = re.compile(
    r"unsupported|n(?:o|')t support|unrecogni[sz]ed|not recogni[sz]ed|unknown|unexpected|not permitted|forbidden"
)
_NUMBER = r"(\d[\d,]*)(?![\d,]*\d)"
_MOST = tuple(
    re.compile(form.replace("#", _NUMBER))
    for form in (
        r"(?:less than or equal to|no (?:more|greater|larger) than|at most|not exceed) #",
        r"not be (?:more|greater) than (?:[a-z_]+ ?= ?)?#",
        r"<= ?#",
        r"supports (?:up to|at most|a maximum of) #",
        r"up to #",
        r"max(?:imum)?(?: allowed| value| number)?(?: is| of|:)+ ?#",
        r"[\[(] ?\d+ ?, ?#(?! ?\()",
        r"between \d+ and #",
        r"from \d+ (?:to|\(inclusive\) to) #(?! ?\(exclusive)",
        r"> ?#,? which is the maximum",
        r"exceeds? (?:the )?(?:maximum|limit|max)[a-z ]* #",
    )
)
_BELOW = tuple(
    re.compile(form.replace("#", _NUMBER)) for form in (r"(?<!n)less than #", r"#(?= ?\(exclusive\))", r"< ?#")
)
_POSITIVE = re.compile(
    r"strictly positive|greater than (?:0|zero)\b|> ?0(?:\.0)?\b|must be positive|not be (?:0|zero)\b|\(0(?:\.0)?,"
)
_MARKED = "|".join(
    (
        r"['\"`]#['\"`]",
        r"(?:parameters?|arguments?|params?|fields?|propert(?:y|ies)|options?)(?: supplied)?:? ['\"`]?#(?!\w)",
        r"(?:support|accept|allow|take|permit)s? (?:the )?#(?!\w)",
        r": #\s*[.,]?$",
        r"^#\b(?=:| is| must| does| may| should)",
        r"\b# (?:is|must|may|cannot|can't)\b",
        r"\b# ?(?:=|==|>|>=|<=|!=) ?\d",
        r"[\[({,] ?['\"`]?#['\"`]?(?=[,\])}])",
        r"[\w\]]\.#\b",
    )
)
"""How a parameter is marked as one in a sentence; # stands for its name."""
_BOTH = re.compile(
    r"temperature\W.{0,40}top_p.{0,60}(?:both|together|only one|one of)|both.{0,40}temperature.{0,20}top_p"
)


def found_in(body: Mapping[str, Any]) -> Iterator[str]:
    """evalkit's names of the parameters that a body holds."""
    for name, parameter in PARAMETERS.items():
        if any(_at(body, path) is not None for path in parameter.paths):
            yield name


def without(body: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The body without what is at a path."""
    first, _, rest = path.partition(".")
    kept = dict(body)
    if not rest:
        kept.pop(first, None)
    elif isinstance(kept.get(first), Mapping):
        kept[first] = without(kept[first], rest)
    return kept


def value_in(body: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """(path, value) of a parameter in a body; ("", None) where it has none."""
    for path in PARAMETERS[name].paths:
        if (value := _at(body, path)) is not None:
            return path, value
    return "", None


def change_for(said: Said, sent: Mapping[str, Any], needs: frozenset[str]) -> Change | None:
    """What to change of a request that a server refuses for one of its parameters; None where it is not for one, or for
    one that the request needs."""
    here = [name for name in found_in(sent) if name not in needs]
    words = said.lowered
    if "top_p" in here and _BOTH.search(words):
        return Change("top_p", "drop")
    if not _REFUSED.search(_all(said)):
        return None
    for name in _named(said, here):
        if name == "logprobs" and "top_logprobs" in here:
            # The limit is that of the number, which has a separate name.
            bound = _bound(said, _size(sent["top_logprobs"]))
            if bound is not None:
                return Change("top_logprobs", "most", bound)
        if (change := _change(name, said, sent)) is not None:
            return change
    return None


def _named(said: Said, here: Sequence[str]) -> list[str]:
    """The parameters that an error is about, the likeliest first: that which it names apart, then those in its words,
    in their order there."""
    apart = _plain(said.parameter)
    found = [name for name in here if apart and any(_plain(one) in (apart, _last(apart)) for one in _names(name))]
    if found:
        return found
    words = f"{said.words} {said.raw}"
    places = {name: place for name in here if (place := _place(name, words)) is not None}
    return sorted(places, key=lambda name: (places[name], -len(name)))


def _place(name: str, words: str) -> int | None:
    """Where a text names a parameter."""
    found = []
    for one in _names(name):
        is_word = PARAMETERS[name].word and one.isalpha() and one.islower()
        form = _MARKED if is_word else rf"{_MARKED}|(?<![\w.])#(?!\w)"
        if match := re.search(form.replace("#", re.escape(one)), words, re.IGNORECASE | re.MULTILINE):
            found.append(match.start())
    return min(found, default=None)


def _change(name: str, said: Said, sent: Mapping[str, Any]) -> Change | None:
    path, value = value_in(sent, name)
    if name == "temperature" and value == 0 and (_POSITIVE.search(said.lowered) or said.bounds.get("gt") == 0):
        return Change(name, "least", LEAST_TEMPERATURE)
    if PARAMETERS[name].bounded and (bound := _bound(said, _size(value))) is not None:
        return Change(name, "most", bound)
    if name == "max_tokens":
        # Without a limit a text costs what it likes: it goes only where the server does not know its name.
        is_unknown = path in ("max_tokens", "max_completion_tokens") and _UNKNOWN.search(_all(said))
        return Change(name, "rename") if is_unknown else None
    if name == "temperature" and isinstance(value, int | float) and value > 1 and _bound(said, value) is not None:
        return None  # a value of the user's that no server of this kind takes: to leave it out would hide that
    if name == "top_logprobs" and _size(value) > FEW_LOGPROBS:
        return Change(name, "most", float(FEW_LOGPROBS))
    return Change("logprobs" if name == "top_logprobs" else name, "drop")


def _bound(said: Said, value: float) -> float | None:
    """The most that a server takes, below what was sent; None where it does not say."""
    for name, less in (("le", 0), ("lt", 1), ("max_length", 0), ("limit_value", 0)):
        if name in said.bounds and 1 <= said.bounds[name] - less < value:
            return said.bounds[name] - less
    return next((bound for bound in _limits(said.lowered) if 1 <= bound < value), None)


def _all(said: Said) -> str:
    return f"{said.lowered} {' '.join(said.codes)}"


def _limits(words: str) -> list[float]:
    exact = [float(match[1].replace(",", "")) for form in _MOST for match in form.finditer(words)]
    below = [float(match[1].replace(",", "")) - 1 for form in _BELOW for match in form.finditer(words)]
    return exact + below


def _size(value: Any) -> float:
    """What a limit is about: the number, or of stop strings how many."""
    return float(value) if isinstance(value, int | float) else float(len(value))


def _names(name: str) -> tuple[str, ...]:
    return (name, *(one for one in PARAMETERS[name].names if one != name))


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _at(body: Mapping[str, Any], path: str) -> Any:
    found: Any = body
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found
