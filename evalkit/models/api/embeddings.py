"""Embeddings: OpenAI's format, which most servers speak (POST /embeddings)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.core import Reply, Usage, Vectors
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.token_counts import integer
from evalkit.models.api.wire_format import served_by

__all__ = ["embeddings_call", "read_embeddings"]


def embeddings_call(model: str, texts: Sequence[str], extra: Mapping[str, Any]) -> HttpCall:
    body = {"model": model, "input": list(texts), "encoding_format": "float", **extra}
    return HttpCall("/embeddings", body, sum(len(text) // 4 + 1 for text in texts))


def read_embeddings(count: int, body: Any) -> Reply:
    """One vector a text, in the order of the texts; raises BadReplyError where their number or length is wrong."""
    import numpy as np

    rows = [item["embedding"] for item in sorted(body["data"], key=lambda item: item["index"])]
    if len(rows) != count or len({len(row) for row in rows}) != 1:
        raise BadReplyError(f"{count} texts, but {len(rows)} vectors of {len({len(row) for row in rows})} lengths")
    usage = Usage(integer(body.get("usage"), "prompt_tokens", "total_tokens"))
    return Reply(vectors=Vectors.of(np.array(rows, dtype=np.float32)), usage=usage, served=served_by(body))
