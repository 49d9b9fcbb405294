"""Perplexity in windows through a server: a text longer than it reads is cut here, by the model's own tokenizer.

The windows are the local backend's (`local/text/encode.py`), so they are lm-evaluation-harness's. They travel as token
ids, which vLLM and SGLang take in the place of a text: a window's text would fall into other tokens by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from evalkit.core import ModelError, Perplexity, Reply, UsageError
from evalkit.models.api.completions import Echoed
from evalkit.models.api.many_requests import summed, together
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.scoring.plan import TokenRow
from evalkit.models.hf.text.encode import Tokens, rolling_rows, strided_rows
from evalkit.models.tokenizers import load_tokenizer

__all__ = ["Windows", "windows_of"]

_WRITTEN = 1
"""Tokens that a server generates after a prompt that it echoes: several refuse none."""
Echo = Callable[[tuple[int, ...]], Awaitable[Echoed]]


def windows_of(tokenizer: str, max_length: int | None) -> Windows:
    """What the options `tokenizer` and `max_length` mean. Raises UsageError; loads nothing yet."""
    if max_length is None or max_length < 4:
        raise UsageError(
            "windows need to know how many tokens the server reads",
            found=f"tokenizer={tokenizer}" + ("" if max_length is None else f", max_length={max_length}"),
            fix="max_length=4096, as the server was started (vLLM: --max-model-len)",
        )
    return Windows(checkpoints.find(tokenizer), max_length)


class Windows:
    """Cuts texts for a server that reads and writes `max_length` tokens at most."""

    def __init__(self, checkpoint: Checkpoint, max_length: int) -> None:
        self._checkpoint, self._length = checkpoint, max_length
        self._loading: asyncio.Task[Tokens] | None = None

    @property
    def digest(self) -> str:
        """What tells one tokenizer and length from another: they change what is scored."""
        return f"{self._checkpoint.tokenizer_digest()}/{self._length}"

    async def rolling(self, request: Perplexity, echo: Echo) -> Reply:
        """The log-likelihood of a text, window by window; the usage counts all that the server read."""
        tokens = await self._tokens()
        key = (request.text, not tokens.has_prefix(request.text))
        ids = tokens.ids([key])[key]
        if isinstance(ids, Exception):
            raise ModelError(f"the tokenizer refused the text: {ids}") from ids
        rows = self._rows(tokens, ids, request.stride)
        if not rows:
            return Reply(loglikelihoods=(0.0,), greedy=(True,))
        echoes = await together([_echoed(row, echo) for row in rows])
        scored = [_scored(row, found) for row, found in zip(rows, echoes, strict=True)]
        values = [value for window, _ in scored for value in window]
        # A begin token that the tokenizer adds is scored, too, but is none of the text's.
        own = values[1:] if rows[0].targets[:1] == rows[0].ids[:1] else values
        return Reply(
            loglikelihoods=(sum(values),),
            greedy=(all(greedy for _, greedy in scored),),
            token_loglikelihoods=tuple(own) if request.tokens else (),
            usage=summed([found.usage for found in echoes]),
            notes=tuple(dict.fromkeys(note for found in echoes for note in found.notes)),
            served=", ".join(dict.fromkeys(found.served for found in echoes if found.served)),
        )

    def _rows(self, tokens: Tokens, ids: tuple[int, ...], stride: int | None) -> list[TokenRow]:
        if not ids:
            return []
        # A window of n tokens is read with the last one that it foresees behind it.
        if stride is None:
            return rolling_rows(ids, tokens.prefix_id, self._length - _WRITTEN - 1)
        return strided_rows(ids, tokens.prefix_id, self._length - _WRITTEN, stride)

    async def _tokens(self) -> Tokens:
        loop = asyncio.get_running_loop()
        if self._loading is None or (not self._loading.done() and self._loading.get_loop() is not loop):
            self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
        return await asyncio.shield(self._loading) if not self._loading.done() else self._loading.result()

    def _load(self) -> Tokens:
        return Tokens(load_tokenizer(self._checkpoint), max_length=self._length)


async def _echoed(row: TokenRow, echo: Echo) -> Echoed:
    return await echo((*row.ids, row.targets[-1]))


def _scored(row: TokenRow, found: Echoed) -> tuple[Sequence[float], bool]:
    """What the window foresees are the last of its tokens."""
    count = len(row.targets)
    values = [value for value in found.values[-count:] if value is not None]
    if len(found.values) != len(row.ids) + 1 or len(values) != count:
        raise ModelError(f"{len(row.ids) + 1} tokens were sent, and {len(found.values)} came back: windows need all")
    return values, all(found.likeliest[-count:])
