"""Opens `st/<hub id or folder>`; imports no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from evalkit.core import Model, UsageError
from evalkit.core.distribution import pip_install
from evalkit.models.embeddings.files import find
from evalkit.models.embeddings.model import EmbeddingModel
from evalkit.models.embeddings.options import EmbeddingOptions

__all__ = ["st"]


def st(name: str, options: Mapping[str, str]) -> Model:
    """The embedding model of a hub id or a folder. Raises UsageError (see `EmbeddingOptions` and `files.find`)."""
    parsed = EmbeddingOptions.parse(options)
    found = find(name, parsed)
    if importlib.util.find_spec("sentence_transformers") is None:
        raise UsageError(f"running {found.name} needs sentence-transformers", fix=pip_install("embeddings"))
    return EmbeddingModel(found, parsed)
