"""Log-likelihoods through a server that echoes a prompt with the log-probabilities of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.core import Choose, ModelError, Perplexity, Reply, Usage
from evalkit.models.api.completions import Echoed, echo_call, read_echo
from evalkit.models.api.dialect import Sender
from evalkit.models.api.failures import Failed
from evalkit.models.api.many_requests import summed, together

if TYPE_CHECKING:
    from evalkit.models.api.windows import Windows

__all__ = ["FIRST_UNSCORED", "Likelihoods"]

FIRST_UNSCORED = "first-token-unscored"
"""The note of a text whose first token nothing stood before: the server puts no begin token there."""


class Likelihoods:
    """Asks for one text a request: not every server takes several."""

    def __init__(
        self, model: str, begin: str, extra: Mapping[str, Any], sender: Sender, windows: Windows | None = None
    ) -> None:
        self._model = model
        self._windows = windows
        self._begin = begin
        self._extra = extra
        self._sender = sender

    async def choose(self, request: Choose) -> Reply:
        """The log-likelihood of every continuation. White space at a context's end is moved to the continuation, as
        lm-evaluation-harness does (api/model.py, 0.4.13), and a token that spans the join counts."""
        context = request.prompt.text or self._begin
        kept = context.rstrip()
        moved = context[len(kept) :]
        endings = [moved + request.delimiter + text for text in request.continuations]
        echoes = await together([self._echo(kept + ending) for ending in endings])
        firsts = [echo.after(len(kept)) for echo in echoes]
        if None in firsts:
            # Tokens that spell no text: the context's own number of tokens says where a continuation begins.
            alone = await self._echo(kept)
            echoes.append(alone)
            firsts = [
                min(len(alone.tokens), len(echo.tokens) - 1) if n is None else n
                for n, echo in zip(firsts, echoes, strict=False)
            ]
        values, greedy = [], []
        for echo, first in zip(echoes, firsts, strict=False):
            found = echo.values[first:]
            if None in found:
                raise ModelError("the server gives no log-probability of a first token: no context can be empty")
            values.append(sum(value for value in found if value is not None))
            greedy.append(all(echo.likeliest[first:]))
        usage = summed([echo.usage for echo in echoes])
        return Reply(
            loglikelihoods=tuple(values),
            greedy=tuple(greedy),
            usage=usage,
            notes=tuple(dict.fromkeys(note for echo in echoes for note in echo.notes)),
            served=", ".join(dict.fromkeys(echo.served for echo in echoes if echo.served)),
        )

    async def rolling(self, request: Perplexity) -> Reply:
        """The log-likelihood of a text: in windows where the tokenizer is known, else read whole, and a longer one is
        an error of the server's."""
        if self._windows is not None:
            return await self._windows.rolling(request, self._echo)
        if request.stride is not None:
            raise ModelError("a stride needs the model's tokenizer: tokenizer=<folder or hub id>, max_length=<tokens>")
        if not request.text:
            return Reply(loglikelihoods=(0.0,), greedy=(True,))
        echo = await self._echo(self._begin + request.text)
        # Without a begin token, the text's own first token is what the others follow.
        scored = [value for value in echo.values if value is not None]
        own = [value for value in echo.values[echo.after(len(self._begin)) or 0 :] if value is not None]
        begun = bool(self._begin) or echo.has_begin_token or echo.values[0] is not None
        notes = () if begun else (FIRST_UNSCORED,)
        return Reply(
            loglikelihoods=(sum(scored),),
            greedy=(all(top for top, value in zip(echo.likeliest, echo.values, strict=True) if value is not None),),
            token_loglikelihoods=tuple(own) if request.tokens else (),
            notes=(*notes, *echo.notes),
            usage=echo.usage,
            served=echo.served,
        )

    async def _echo(self, prompt: str | tuple[int, ...]) -> Echoed:
        if not prompt:
            return Echoed("", (), (), (), Usage())
        call = echo_call(self._model, prompt, self._extra)
        text = prompt if isinstance(prompt, str) else None
        try:
            echo, notes = await self._sender.send(lambda _: call, lambda body: read_echo(text, body), stream=False)
        except Failed as failed:
            raise failed.as_error(1) from None
        return replace(echo, notes=notes)
