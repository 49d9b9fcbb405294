"""A hub that asks for fewer requests (429) is waited for, up to a limit, whichever library sent the request."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["HubBusyError", "be_patient"]

_log = logging.getLogger(__name__)

LONGEST_WAIT_S = 330.0
"""The hub counts requests in windows of five minutes, so whoever waits longer waits for something else."""
_TRIES = 8
_TOO_MANY = 429
_MARK = "_evalkit_waits"
_REMAINING = re.compile(r"r\s*=\s*0\s*;\s*t\s*=\s*(\d+)")


class HubBusyError(OSError):
    """The hub still refused after `waited_s` seconds. `wanted_s` is the wait that it asked for, None where unsaid."""

    def __init__(self, waited_s: float, wanted_s: float | None) -> None:
        super().__init__("429 Too Many Requests")
        self.waited_s, self.wanted_s = waited_s, wanted_s


def be_patient() -> None:
    """Let every request of this process that goes through huggingface_hub wait as the hub asks. Safe to repeat.

    huggingface_hub waits by itself for some requests only, and then for as long as it is told to, be it a day. Its
    shared client carries the requests of transformers and datasets, too.
    """
    try:
        from huggingface_hub import get_session
    except ImportError:  # before 1.0, which asks by another HTTP library
        return
    client = get_session()
    if hasattr(client, "send") and not hasattr(client, _MARK):
        # On the client that is there: a separate factory may come after it, with proxies and certificates.
        # setattr: to type checkers, a method of somebody else's class is not to be replaced.
        for name, value in (("send", _waiting(client.send)), (_MARK, True)):
            setattr(client, name, value)


def _waiting(send: Callable[..., Any]) -> Callable[..., Any]:
    def sent(request: Any, **arguments: Any) -> Any:
        waited = 0.0
        for tries in range(1, _TRIES + 1):
            response = send(request, **arguments)
            if response.status_code != _TOO_MANY:
                return response
            wanted = asked_wait(response.headers)
            response.close()
            pause = 2.0**tries if wanted is None else wanted
            if tries == _TRIES or waited + pause > LONGEST_WAIT_S:
                break
            _log.warning("the hub asks for fewer requests; continuing in %d s", pause)
            time.sleep(pause)
            waited += pause
        raise HubBusyError(waited, wanted)

    return sent


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that a refusal asks to wait: of `Retry-After`, else of `RateLimit` (`"api";r=0;t=55`), else None."""
    with contextlib.suppress(KeyError, ValueError):
        return max(0.0, float(headers["retry-after"]))
    found = _REMAINING.search(headers.get("ratelimit", ""))
    return float(found[1]) if found else None
