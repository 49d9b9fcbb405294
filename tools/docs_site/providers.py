"""The options of every provider, from the annotated classes that read them."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import evalkit.plugins  # noqa: F401 - the user's own models are found through it
from evalkit.core.option_values import wanted
from evalkit.models import providers
from evalkit.models.api.options import CHANGES_ANSWERS as API_ANSWERS
from evalkit.models.api.options import ApiOptions
from evalkit.models.command.options import CHANGES_ANSWERS as COMMAND_ANSWERS
from evalkit.models.command.options import CommandOptions
from evalkit.models.embeddings.options import CHANGES_ANSWERS as EMBEDDING_ANSWERS
from evalkit.models.embeddings.options import EmbeddingOptions
from evalkit.models.hf.options import CHANGES_ANSWERS as HF_ANSWERS
from evalkit.models.hf.options import HfOptions
from evalkit.models.llamacpp.options import CHANGES_ANSWERS as GGUF_ANSWERS
from evalkit.models.llamacpp.options import GgufOptions
from evalkit.models.vllm.options import CHANGES_ANSWERS as VLLM_ANSWERS
from evalkit.models.vllm.options import VllmOptions
from tools.docs_site.tables import code, prose, sentence, table

__all__ = ["pages"]

KINDS: tuple[tuple[str, str, type, tuple[str, ...]], ...] = (
    ("hf/… and tiny", "Models that transformers runs on this machine.", HfOptions, HF_ANSWERS),
    ("vllm/…", "Models that vLLM runs on this machine (without `base_url`).", VllmOptions, VLLM_ANSWERS),
    ("gguf/…", "GGUF files that llama.cpp runs on this machine.", GgufOptions, GGUF_ANSWERS),
    ("Models behind an API", "Every provider of the table below takes these options.", ApiOptions, API_ANSWERS),
    ("cmd/…", "Programs that answer lines of JSON.", CommandOptions, COMMAND_ANSWERS),
    ("st/…", "Embedding models that sentence-transformers runs.", EmbeddingOptions, EMBEDDING_ANSWERS),
)
"""Heading, what the models are, the class of their options, and the options that make it another model."""


def pages() -> Iterator[tuple[str, str]]:
    """(path below docs/, Markdown) of the page of options."""
    parts = [_INTRODUCTION, *(_section(*kind) for kind in KINDS), _providers()]
    yield "reference/provider-options.md", "\n".join(parts)


_INTRODUCTION = """\
# Options of models

Write options after the model's name, `hf/./my-model,dtype=bfloat16,chat=on`, or as `-M dtype=bfloat16`. An option with
**yes** in the last column makes another model: it is part of the model's identity, of the run's signature and of the
key of a cached reply. The others change how the model is reached or how fast it runs. [Models](models.md) describes
what the options do together.
"""


def _section(heading: str, what: str, options: type, answers: tuple[str, ...]) -> str:
    kinds = get_type_hints(options, include_extras=True)
    told = _docstrings(options)
    rows = [
        (
            code(one.name),
            sentence(told.get(one.name, "")),
            prose(re.sub(r"\bstr\b", "text", wanted(kinds[one.name]))),
            _default(one),
            "yes" if one.name in answers else "",
        )
        for one in fields(options)
        if one.metadata.get("option", True)
    ]
    return f"## {heading}\n\n{what}\n\n{table(('Option', 'Does', 'Value', 'Default', 'Another model'), rows)}"


def _default(one: Any) -> str:
    if one.default is MISSING:
        return "–"
    if one.default in ("", None):
        return "–"
    return code(str(one.default).lower() if isinstance(one.default, bool) else one.default)


def _docstrings(options: type) -> dict[str, str]:
    """The text below each field, those of the classes above included."""
    found: dict[str, str] = {}
    for one in reversed(options.__mro__[:-1]):
        (body,) = ast.parse(inspect.getsource(one)).body
        assert isinstance(body, ast.ClassDef)
        for node, after in itertools.pairwise(body.body):
            said = after.value if isinstance(after, ast.Expr) else None
            if isinstance(node, ast.AnnAssign) and isinstance(said, ast.Constant) and isinstance(node.target, ast.Name):
                found[node.target.id] = " ".join(str(said.value).split())
    return found


def _providers() -> str:
    rows = [(code(one.example), sentence(one.summary)) for one in providers() if not one.place]
    return f"## Providers\n\n{table(('Model', 'Is'), rows)}"
