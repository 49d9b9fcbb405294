"""What a server can do, found out by one small request before a run: text completions, log-probabilities of a prompt.

Some servers ignore what they don't know (`echo`, `logprobs`) without a word; only their reply tells.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from evalkit.core import UsageError
from evalkit.models.api.completions import echo_call, read_echo
from evalkit.models.api.failures import BadReplyError, said
from evalkit.models.api.secrets import Secret

__all__ = ["Found", "probe"]

_TEXT = "The quick brown fox jumps over the lazy dog."
_NO_SUCH_PAGE = (404, 405, 501)


@dataclass(frozen=True, slots=True)
class Found:
    """`texts`: it completes plain texts. `echo`: it gives the log-probabilities of a prompt's tokens; `why` not."""

    texts: bool
    echo: bool
    why: str = ""


def probe(name: str, base_url: str, model: str, headers: Mapping[str, str], secret: Secret, *, timeout: float) -> Found:
    """Ask for one token after a short text, echoed. Raises UsageError where nothing answers or the key is refused."""
    call = echo_call(model, _TEXT, {})
    request = urllib.request.Request(
        base_url + call.path,
        data=orjson.dumps(call.body),
        headers={"content-type": "application/json", "user-agent": "evalkit", **headers},
        method="POST",
    )
    try:
        with _opener()(request, timeout=timeout) as reply:
            status, data = reply.status, reply.read()
    except urllib.error.HTTPError as error:
        status, data = error.code, error.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UsageError(
            f"{name} does not answer", found=secret.redact(f"{base_url}: {reason}"), fix="start it, or base_url=…"
        ) from None
    return _judged(name, status, data, secret)


def _judged(name: str, status: int, data: bytes, secret: Secret) -> Found:
    try:
        body = orjson.loads(data)
    except ValueError:
        body = None
    words = secret.redact(said(body, data[:500].decode("utf-8", "replace"))[0])
    if status in (401, 403):
        raise UsageError(f"{name} refuses the key", found=f"HTTP {status}: {words}", fix="key_env=NAME, or another key")
    if status in _NO_SUCH_PAGE:
        return Found(texts=False, echo=False, why="it has no text completions")
    if status != 200:
        # It knows the address, and said what it does not take.
        return Found(texts=status in (400, 422), echo=False, why=f"HTTP {status}: {words}")
    try:
        echoed = read_echo(_TEXT, body)
    except (BadReplyError, LookupError, TypeError, ValueError, AttributeError) as problem:
        return Found(texts=_completes(body), echo=False, why=f"it ignores echo and logprobs ({problem})")
    if sum(value is not None for value in echoed.values) < 2:
        return Found(texts=True, echo=False, why="its log-probabilities are empty")
    return Found(texts=True, echo=True)


def _completes(body: object) -> bool:
    try:
        return isinstance(body["choices"][0]["text"], str)  # type: ignore[index]
    except (LookupError, TypeError):
        return False


def _opener() -> Callable[..., Any]:
    """urlopen without redirects, which could carry the key elsewhere."""

    class _Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    return urllib.request.build_opener(_Stay()).open
