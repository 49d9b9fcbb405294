"""From text to the token ids that are scored, as lm-evaluation-harness defines them (models/huggingface.py, 0.4.13).

Where it departs on purpose: a token that spans the join of context and continuation costs one token of context
instead of a crash; special tokens that a decoder-only model's tokenizer appends are dropped, since the text goes on;
an empty continuation has log-likelihood 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import ModelError
from evalkit.models.hf.scoring.plan import TokenRow
from evalkit.models.hf.text.splicing import Splicer

__all__ = ["Encoded", "Tokens", "continuations", "prompt_ids", "rolling_rows", "strided_rows"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One continuation (or one window of a text) as a row; `truncated` counts the tokens cut from the left."""

    row: TokenRow
    truncated: int = 0
    notes: tuple[str, ...] = ()


Ids = tuple[int, ...]


class Tokens:
    """A model's tokenizer, asked in batches: every distinct text once, and once what many texts begin with."""

    def __init__(self, tokenizer: Any, *, max_length: int, start_id: int | None = None) -> None:
        """`start_id` is the decoder's first token where the model is an encoder-decoder."""
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.start_id = start_id
        prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._prefix_id: int | None = prefix
        self._prefix_text: str = "" if prefix is None else tokenizer.decode([prefix])
        self._appended = 0 if start_id is not None else _appended(tokenizer)
        self._splicer = Splicer(tokenizer) if start_id is None else None

    @property
    def prefix_id(self) -> int:
        """What stands for an empty context: BOS, else EOS. Raises ModelError where there is neither."""
        if self._prefix_id is None:
            raise ModelError("the tokenizer has neither a BOS nor an EOS token for an empty context")
        return self._prefix_id

    def has_prefix(self, text: str) -> bool:
        """Whether a text brings its own BOS, so that the tokenizer must not add another."""
        return bool(self._prefix_text) and text.startswith(self._prefix_text)

    def ids(self, texts: Iterable[tuple[str, bool]]) -> dict[tuple[str, bool], Ids | Exception]:
        """The ids of (text, with special tokens) pairs; a text that can't be encoded gets its exception."""
        found: dict[tuple[str, bool], Ids | Exception] = {}
        distinct = dict.fromkeys(texts)
        for special in (True, False):
            group = [text for text, wanted in distinct if wanted is special]
            for text, ids in zip(group, self._encode(group, special), strict=True):
                found[text, special] = ids
        return found

    def _encode(self, texts: Sequence[str], special: bool) -> Sequence[Ids | Exception]:
        if not texts:
            return []
        try:
            if self._splicer is not None and (spliced := self._splicer.ids(texts, special, self._appended)) is not None:
                return spliced
            encoded = self.tokenizer(
                list(texts), add_special_tokens=special, return_attention_mask=False, verbose=False
            )["input_ids"]
        except Exception as error:  # noqa: BLE001 (a text that can't be encoded fails its own request only)
            if len(texts) == 1:
                return [ModelError(f"the text can't be tokenised: {error}")]
            return [ids for text in texts for ids in self._encode([text], special)]
        end = -self._appended if special and self._appended else None
        return [tuple(ids[:end]) for ids in encoded]


def _appended(tokenizer: Any) -> int:
    """How many special tokens the tokenizer puts behind a text."""
    bare, full = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return len(full) - start - len(bare)
    return 0


def continuations(tokens: Tokens, asked: Sequence[tuple[str, Sequence[str]]]) -> list[list[Encoded] | Exception]:
    """Rows that score every continuation of every (context, continuations), in order.

    Trailing white space of the context moves to the continuations. An exception stands for a request that can't be
    encoded.
    """
    split: list[tuple[str, list[str]]] = []
    for context, endings in asked:
        stem = context.rstrip()
        split.append((stem, [context[len(stem) :] + ending for ending in endings]))
    wanted: list[tuple[str, bool]] = []
    for stem, endings in split:
        special = bool(stem) and not tokens.has_prefix(stem)
        if stem:
            wanted.append((stem, special))
        if stem and tokens.start_id is None:
            wanted.extend((stem + ending, special) for ending in endings)
        else:
            wanted.extend((ending, False) for ending in endings)
    known = tokens.ids(wanted)
    results: list[list[Encoded] | Exception] = []
    for stem, endings in split:
        try:
            results.append([_continuation(tokens, known, stem, ending) for ending in endings])
        except ModelError as error:
            results.append(error)
    return results


def _continuation(tokens: Tokens, known: dict[tuple[str, bool], Ids | Exception], stem: str, ending: str) -> Encoded:
    special = bool(stem) and not tokens.has_prefix(stem)
    notes: tuple[str, ...] = ()
    context = _known(known, stem, special) if stem else ()
    if not ending:
        return Encoded(TokenRow(context), notes=("empty-continuation",))
    if not stem or tokens.start_id is not None:
        goes_on = _known(known, ending, False)
        if not context and goes_on:
            # The text may bring its own BOS; there is then no need for another.
            own = goes_on[0] == tokens.prefix_id
            context, goes_on = (goes_on[:1], goes_on[1:]) if own else ((tokens.prefix_id,), goes_on)
    else:
        whole = _known(known, stem + ending, special)
        goes_on = whole[len(context) :]
        if whole and not goes_on:
            # A token spans the join: the last token is scored after what comes before it.
            context, goes_on, notes = whole[:-1], whole[-1:], ("join-backed-off",)
        context = context or (tokens.prefix_id,)
    if not goes_on:
        return Encoded(TokenRow(context), notes=("empty-continuation",))
    return _row(tokens, context, goes_on, notes)


def _known(known: dict[tuple[str, bool], Ids | Exception], text: str, special: bool) -> Ids:
    ids = known[text, special]
    if isinstance(ids, Exception):
        raise ids
    return ids


def _row(tokens: Tokens, context: Ids, goes_on: Ids, notes: tuple[str, ...]) -> Encoded:
    """The row that scores `goes_on` after `context`, truncated from the left to what the model can read."""
    longest = tokens.max_length
    if len(goes_on) > longest:
        raise ModelError(
            f"a continuation of {len(goes_on)} tokens is longer than the model's {longest}, so it can't be scored"
        )
    count = len(goes_on)
    if tokens.start_id is not None:
        row = TokenRow((tokens.start_id, *goes_on[:-1]), tuple(range(count)), goes_on, context[-longest:])
        return Encoded(row, max(0, len(context) - longest), notes)
    ids = (context + goes_on)[-(longest + 1) :][:-1]
    truncated = max(0, len(context) + count - (longest + 1))
    return Encoded(TokenRow(ids, tuple(range(len(ids) - count, len(ids))), goes_on), truncated, notes)


def rolling_rows(ids: Ids, prefix_id: int, length: int) -> list[TokenRow]:
    """Rows that score every token of a text once, in windows of `length` tokens.

    The first window reads the prefix token and scores the first `length` tokens; each later one has one token of
    context, and the last as much of the text before it as fits: 0…9 with length 4 is scored as prefix→0123, 3→4567,
    567→89.
    """
    if not ids:
        return []
    first = ids[:length]
    rows = [TokenRow((prefix_id, *first[:-1]), tuple(range(len(first))), first)]
    for start in range(length, len(ids), length):
        end = min(start + length, len(ids))
        read = ids[end - length - 1 : end - 1]
        rows.append(TokenRow(read, tuple(range(len(read) - (end - start), len(read))), ids[start:end]))
    return rows


def strided_rows(ids: Ids, prefix_id: int, length: int, stride: int) -> list[TokenRow]:
    """Rows that score a text in windows of `length` tokens that move on by `stride`, each for what is new in it.

    The windows are those of transformers' guide to the perplexity of fixed-length models: of the tokens that a window
    holds the last can't foresee anything, and the first of all is only read. It is the prefix token, put before a text
    that does not begin with it.
    """
    if stride >= length:
        raise ModelError(f"a stride of {stride} tokens is no less than the {length} that the model reads")
    whole = ids if ids[:1] == (prefix_id,) else (prefix_id, *ids)
    rows, done, begin = [], 1, 0
    while done < len(whole):
        end = min(begin + length, len(whole))
        if end > done:
            rows.append(
                TokenRow(whole[begin : end - 1], tuple(range(done - 1 - begin, end - 1 - begin)), whole[done:end])
            )
        done, begin = end, begin + stride
    return rows


def prompt_ids(tokens: Tokens, ids: Ids, max_tokens: int) -> tuple[Ids, int, int, tuple[str, ...]]:
    """What a text to be continued is given: (ids, tokens to write, tokens cut from the left, notes).

    The prompt leaves room for `max_tokens` in the model's length. Where that alone would take all of it, the prompt
    keeps up to half, and the note says how many tokens can be written.
    """
    ids = ids or (tokens.prefix_id,)
    longest = tokens.max_length
    if tokens.start_id is not None:
        kept = ids[-longest:]
        return kept, max_tokens, len(ids) - len(kept), ()
    if max_tokens < longest:
        kept = ids[-(longest - max_tokens) :]
        return kept, max_tokens, len(ids) - len(kept), ()
    kept = ids[-max(1, longest // 2) :]
    room = max(1, longest - len(kept))
    return kept, room, len(ids) - len(kept), (f"max-tokens-reduced-to-{room}",)
