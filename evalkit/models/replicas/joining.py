"""Joining Ray: once a process, however many models and sandboxes use it. Imports Ray when the first one asks."""

from __future__ import annotations

import importlib.util
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any

from evalkit.core import UnavailableError, UsageError
from evalkit.core.distribution import pip_install

__all__ = ["address_of", "join", "leave"]

_REACH = 10.0
"""Seconds in which a cluster's head has to take a connection."""


@dataclass(slots=True)
class _Begun:
    """Whether this process has joined Ray by itself, and how many users it has: the last one leaves."""

    here: bool = False
    users: int = 0


_begun = _Begun()
_joining = threading.Lock()


def address_of(said: str) -> str:
    """The cluster's address: what the user says, else RAY_ADDRESS; "" where a Ray of this machine's is begun."""
    found = said or os.environ.get("RAY_ADDRESS", "")
    return "" if found == "local" else found


def join(address: str, option: str) -> Any:
    """The module `ray`, joined to the cluster at `address` or to one begun here. Every call needs a `leave`.

    Raises UsageError where Ray is not installed (`option` is what needs it) or the address leads nowhere.
    """
    if importlib.util.find_spec("ray") is None:
        raise UnavailableError(f"{option} needs ray, which is not installed", fix=pip_install("ray"))
    # Nothing is reported that the user did not ask for.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    with _joining:
        if not ray.is_initialized():
            _init(ray, address_of(address))
            _begun.here = True
        _begun.users += 1
    return ray


def leave() -> None:
    """End one use; the last one leaves the cluster, and stops a Ray that was begun here."""
    with _joining:
        _begun.users -= 1
        if _begun.here and not _begun.users:
            import ray

            _begun.here = False
            ray.shutdown()


def _reach(address: str) -> None:
    """Raises OSError where nothing listens at HOST:PORT, for which Ray would wait some minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH).close()


def _init(ray: Any, address: str) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    try:
        if address:
            _reach(address)
            ray.init(address, **quiet)
        else:
            # Ray's workers give way to everything else on a machine; these are the run itself.
            os.environ.setdefault("RAY_worker_niceness", "0")
            ray.init(
                "local",
                num_cpus=len(os.sched_getaffinity(0)),
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
    except Exception as error:
        where = f"the Ray cluster at {address}" if address else "a Ray of this machine"
        lines = str(error).strip().splitlines() or [type(error).__name__]
        fix = "ray status shows whether it runs; RAY_raylet_start_wait_time_s=120 waits longer on a busy machine"
        raise UsageError(f"{where} is not available", found=lines[0], fix=fix) from error
