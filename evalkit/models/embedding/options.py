"""What can be set on an embedding model, read from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from evalkit.core import UsageError
from evalkit.spec import nearest, unknown

__all__ = ["CHANGES_ANSWERS", "Options"]

CHANGES_ANSWERS = ("dtype", "revision", "trust_remote_code", "max_length", "pooling", "query_prompt", "document_prompt")
"""The options that make it another model; the others only say where and how it is run."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "dtype": ("auto", "float32", "bfloat16", "float16"),
    "pooling": ("auto", "mean", "cls", "max"),
}
_YES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `st/…`."""

    device: str = "auto"
    """auto (cuda, else mps, else cpu), cpu, mps, cuda or cuda:N."""
    dtype: str = "auto"
    """The numbers' type; auto takes what the checkpoint says of itself."""
    revision: str = ""
    """A hub model's branch, tag or commit."""
    trust_remote_code: bool = False
    """Run Python code that lies beside the weights."""
    max_length: int | None = None
    """The longest input in tokens, special ones included, where it is not what the model says of itself."""
    pooling: str = "auto"
    """How a plain encoder's token vectors become one (auto: their mean). A sentence-transformers model has its own."""
    query_prompt: str | None = None
    """Stands before every query, in place of the model's own prompt for queries."""
    document_prompt: str | None = None
    """Stands before every document, in place of the model's own prompt for documents."""
    batch_tokens: int | None = None
    """Tokens in one forward pass: 4,096 on a CPU and 32,768 on a GPU, halved where memory runs out."""

    @staticmethod
    def parse(texts: Mapping[str, str]) -> Options:
        """Read options from text. Raises UsageError for an unknown key or a value that can't be meant."""
        names = [field.name for field in fields(Options)]
        values: dict[str, Any] = {}
        for key, text in texts.items():
            if key not in names:
                error = unknown("option of an embedding model", key, names)
                raise UsageError(error.wrong, found=f"{key}={text}", fix=f"{error.fix}; there are {', '.join(names)}")
            values[key] = _value(key, text)
        return Options(**values)


def _value(key: str, text: str) -> object:
    if key in ("max_length", "batch_tokens"):
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise UsageError(f"{key} is a number of tokens, 1 or more", found=f"{key}={text}", fix=f"{key}=512")
        return int(text)
    if key == "trust_remote_code":
        if text.lower() not in _YES:
            raise UsageError(f"{key} is true or false", found=f"{key}={text}", fix=f"{key}=true")
        return _YES[text.lower()]
    if key in _CHOICES and text not in _CHOICES[key]:
        close = nearest(text, _CHOICES[key]) or _CHOICES[key][0]
        raise UsageError(f"{key} is one of {', '.join(_CHOICES[key])}", found=f"{key}={text}", fix=f"{key}={close}")
    return text
