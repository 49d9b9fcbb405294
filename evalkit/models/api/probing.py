"""What a server can do, found out by one small request before a run: text completions, log-probabilities of a prompt.

Some servers ignore what they don't know (`echo`, `logprobs`) without a word; only their reply tells.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from evalkit.core import UsageError
from evalkit.models.api.completions import echo_call, read_echo
from evalkit.models.api.error_bodies import error_of
from evalkit.models.api.failures import BadReplyError, Failed
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.json_texts import read_json
from evalkit.models.api.secrets import Secret
from evalkit.models.api.signals import classify

__all__ = ["Found", "probe"]

_TEXT = "The quick brown fox jumps over the lazy dog."
_NO_SUCH_PAGE = (404, 405, 501)
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """`texts`: it completes plain texts. `echo`: it gives the log-probabilities of a prompt's tokens; `why` not."""

    texts: bool
    echo: bool
    why: str = ""


def probe(name: str, base_url: str, model: str, headers: Mapping[str, str], secret: Secret, *, timeout: float) -> Found:
    """Ask for one token after a short text, echoed. A server that is busy, or still loads its model, is asked again
    until `timeout` seconds are over. Raises UsageError where nothing answers or the key is refused."""
    call = echo_call(model, _TEXT, {})
    started, wait = time.monotonic(), _FIRST_WAIT
    while True:
        status, said, data = _asked(name, base_url, call, headers, secret, timeout)
        body, failed = _outcome(status, said, data, call)
        if failed is None:
            return _found_in(body)
        pause = max(failed.wait or 0.0, wait)
        if failed.kind != "overloaded" or time.monotonic() - started + pause > timeout:
            return _refused(name, failed, secret)
        time.sleep(pause)
        wait = min(2.0 * wait, _LONGEST_WAIT)


def _asked(
    name: str, base_url: str, call: HttpCall, headers: Mapping[str, str], secret: Secret, timeout: float
) -> tuple[int, Mapping[str, str], bytes]:
    request = urllib.request.Request(
        base_url + call.path,
        data=orjson.dumps(call.body),
        headers={"content-type": "application/json", "user-agent": "evalkit", **headers},
        method="POST",
    )
    try:
        with _opener()(request, timeout=timeout) as reply:
            return reply.status, _lowered(reply.headers), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, _lowered(error.headers), error.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UsageError(
            f"{name} does not answer", found=secret.redact(f"{base_url}: {reason}"), fix="start it, or base_url=…"
        ) from None


def _outcome(status: int, headers: Mapping[str, str], data: bytes, call: HttpCall) -> tuple[Any, Failed | None]:
    try:
        body, _ = read_json(data)
    except ValueError:
        body = None
    if status == 200 and error_of(body) is None:
        return body, None
    return body, classify(status, body, data[:500].decode("utf-8", "replace"), headers=headers, sent=call.body)


def _refused(name: str, failed: Failed, secret: Secret) -> Found:
    words = secret.redact(failed.words)
    if failed.kind == "spent" or (failed.kind == "refused" and failed.status != 404):
        refused = "has no credit left" if failed.kind == "spent" else "refuses the key"
        raise UsageError(f"{name} {refused}", found=f"{failed.where}: {words}", fix="key_env=NAME, or another key")
    if failed.status in _NO_SUCH_PAGE or (failed.status == 200 and failed.kind == "wrong"):
        return Found(texts=False, echo=False, why="it has no text completions")
    # It knows the address, and said what it does not take.
    return Found(texts=failed.status in (400, 422), echo=False, why=f"{failed.where}: {words}")


def _found_in(body: object) -> Found:
    try:
        echoed = read_echo(_TEXT, body)
    except (BadReplyError, LookupError, TypeError, ValueError, AttributeError) as problem:
        return Found(texts=_completes(body), echo=False, why=f"it ignores echo and logprobs ({problem})")
    if sum(value is not None for value in echoed.values) < 2:
        return Found(texts=True, echo=False, why="its log-probabilities are empty")
    return Found(texts=True, echo=True)


def _lowered(headers: Any) -> dict[str, str]:
    return {str(key).lower(): str(value) for key, value in dict(headers or {}).items()}


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
