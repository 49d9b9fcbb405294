"""The text of token ids that a model wrote, decoded together with the ids before them.

Written ids alone read differently: a SentencePiece tokenizer drops the blank that begins a text, and the bytes of one
character may lie on both sides of the join.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Detokenizer", "Written"]

Ids = Sequence[int]
_BEFORE = 8
"""How many ids before the text are decoded with it."""
_FURTHEST = 64
"""How far back an id that is a text's own is looked for: a prompt may end with several special tokens."""


@dataclass(frozen=True, slots=True)
class Written:
    """A text with its special tokens spelled out, which those are, and the text without them."""

    text: str
    special: tuple[str, ...]
    plain: str


class Detokenizer:
    """Decodes for one tokenizer, transformers' or `llamacpp.vocabulary`'s. From one thread at a time."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = _special_ids(tokenizer)
        self._known: dict[str, tuple[int, ...]] = {}

    @property
    def special_ids(self) -> Collection[int]:
        """The ids of tokens that are no text."""
        return self._special

    def ids(self, text: str) -> tuple[int, ...]:
        """The ids of a text that follows another; marks that are tokens are read as such. Looked up once a text."""
        if text not in self._known:
            self._known[text] = tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return self._known[text]

    def before(self, prompt: Ids) -> tuple[int, ...]:
        """The end of a prompt, which a text after it is decoded with; empty if the prompt is special tokens alone."""
        for length in (_BEFORE, _FURTHEST):
            if any(token not in self._special for token in prompt[-length:]):
                return tuple(prompt[-length:])
        return ()

    def tail(self, before: Ids, written: Ids, length: int) -> str:
        """The text of the last `length` ids, with those before the text if it has fewer: enough to look for a mark in.

        Its first characters may be wrong.
        """
        if len(written) >= length:
            return self._decode(list(written[-length:]))
        return self._decode([*before, *written])

    def text(self, before: Ids, written: Ids) -> Written:
        """What was written, whole."""
        found = sorted({token for token in written if token in self._special})
        text = self._after(before, written)
        if not found:
            return Written(text, (), text)
        special = tuple(spelled for token in found if (spelled := self._decode([token])))
        return Written(text, special, self._after(before, [token for token in written if token not in self._special]))

    def _after(self, before: Ids, written: Ids) -> str:
        if before:
            head, whole = self._decode([*before]), self._decode([*before, *written])
            if whole.startswith(head):
                return whole[len(head) :]
        # A tokenizer that writes a text anew as it grows, such as one that tidies blanks.
        return self._decode([*written])

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def _special_ids(tokenizer: Any) -> frozenset[int]:
    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", None) or {}
    flagged = [token for token, said in added.items() if getattr(said, "special", False)]
    return frozenset((*getattr(tokenizer, "all_special_ids", ()), *flagged))
