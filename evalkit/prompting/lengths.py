"""Lengths by a tokenizer: how many tokens a text has, and its beginning and end where it is too long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evalkit.core import UsageError
from evalkit.core.distribution import pip_install


@dataclass(frozen=True, slots=True)
class TokenLengths:
    """A tokenizer by its folder or its name on the hub; it is loaded when the first text is measured. No code of its
    folder is run."""

    name: str
    _loaded: list[Any] = field(default_factory=list, compare=False, repr=False)

    def count(self, text: str) -> int:
        """The number of tokens, with those that the tokenizer puts around a text. Raises UsageError where it cannot be
        loaded."""
        return len(self._ids(text))

    def plain(self, text: str) -> int:
        """The number of tokens of the text alone. Raises UsageError as `count` does."""
        return len(self._tokenizer().tokenize(text))

    def middle_cut(self, text: str, most: int) -> str:
        """The text where it has no more than `most` tokens, else the text of its first and its last half of as many,
        as LongBench cuts what is too long."""
        ids = self._ids(text)
        if len(ids) <= most:
            return text
        kept = ids[: most // 2] + ids[-(most // 2) :]
        return str(self._tokenizer().decode(kept, skip_special_tokens=True))

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer()(text, verbose=False)["input_ids"])

    def _tokenizer(self) -> Any:
        if not self._loaded:
            try:
                from transformers import AutoTokenizer

                self._loaded.append(AutoTokenizer.from_pretrained(self.name))
            except ImportError as error:
                raise UsageError("a tokenizer needs transformers", found=str(error), fix=pip_install("local")) from None
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"the tokenizer {self.name!r} cannot be read",
                    found=str(error).splitlines()[0],
                    fix="a folder with a tokenizer, or the name of a model on the hub",
                ) from None
        return self._loaded[0]
