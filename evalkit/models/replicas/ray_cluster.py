"""Everything that touches Ray: a cluster that is joined or begun here, and actors in it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evalkit.core import Request, UnavailableError, UsageError
from evalkit.core.distribution import pip_install
from evalkit.models.replicas.settings import Need
from evalkit.models.replicas.worker import About, Answered, ReplicaWorker

__all__ = ["Cluster", "LostError", "RayCluster", "Worker"]


class LostError(Exception):
    """A replica is gone, with all that it was asked."""


class Worker(Protocol):
    """A replica somewhere. Every call raises LostError where it is gone."""

    async def describe(self) -> About: ...
    async def answer(self, requests: Sequence[Request]) -> Answered: ...
    def kill(self) -> None: ...


class Cluster(Protocol):
    """Where replicas are started."""

    @property
    def has_gpus(self) -> bool: ...
    @property
    def words(self) -> str:
        """What it has, for a person."""
        ...

    def fits(self, need: Need) -> int:
        """How many replicas its nodes have room for, others left out of account."""
        ...

    def start(self, spec: str, need: Need) -> Worker: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class _Begun:
    """Whether this process has joined Ray by itself, and how many models use it: the last one leaves."""

    here: bool = False
    users: int = 0


_begun = _Begun()
_joining = threading.Lock()


class RayCluster:
    """A Ray cluster. Raises UsageError where Ray is not installed or the address leads nowhere."""

    def __init__(self, address: str = "") -> None:
        if importlib.util.find_spec("ray") is None:
            raise UnavailableError("--replicas needs ray, which is not installed", fix=pip_install("ray"))
        # Nothing is reported that the user did not ask for.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray = ray
        with _joining:
            if not ray.is_initialized():
                self._join(address or os.environ.get("RAY_ADDRESS", ""))
                _begun.here = True
            _begun.users += 1
        self._remote = ray.remote(ReplicaWorker)

    def _join(self, address: str) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        try:
            if address and address != "local":
                self._ray.init(address, **quiet)
            else:
                # Ray's workers give way to everything else on a machine; these are the run itself.
                os.environ.setdefault("RAY_worker_niceness", "0")
                self._ray.init(
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
            raise UsageError(f"{where} can't be had", found=lines[0], fix=fix) from error

    def _nodes(self) -> list[dict[str, float]]:
        return [dict(node["Resources"]) for node in self._ray.nodes() if node["Alive"]]

    @property
    def has_gpus(self) -> bool:
        return any(node.get("GPU", 0) > 0 for node in self._nodes())

    @property
    def words(self) -> str:
        nodes = self._nodes()
        shown = [
            f"{node.get('CPU', 0):g} CPU, {node.get('GPU', 0):g} GPU, {node.get('memory', 0) / 2**30:.0f} GiB"
            for node in nodes
        ]
        return f"{len(nodes)} node{'s' * (len(nodes) != 1)} ({'; '.join(shown[:8])}{'; …' * (len(nodes) > 8)})"

    def fits(self, need: Need) -> int:
        return sum(need.times_in(node) for node in self._nodes())

    def start(self, spec: str, need: Need) -> Worker:
        resources = dict(need.resources)
        handle = self._remote.options(
            num_cpus=resources.pop("CPU", 0),
            num_gpus=resources.pop("GPU", 0),
            memory=resources.pop("memory", None),
            resources=resources or None,
            max_restarts=0,
        ).remote(spec)
        return _RayWorker(self._ray, handle)

    def close(self) -> None:
        with _joining:
            _begun.users -= 1
            if _begun.here and not _begun.users:
                _begun.here = False
                self._ray.shutdown()


@dataclass(frozen=True, slots=True)
class _RayWorker:
    ray: Any
    handle: Any

    async def describe(self) -> About:
        about: About = await self._asked(self.handle.describe.remote())
        return about

    async def answer(self, requests: Sequence[Request]) -> Answered:
        found: Answered = await self._asked(self.handle.answer.remote(list(requests)))
        return found

    async def _asked(self, reference: Any) -> Any:
        try:
            return await reference
        except asyncio.CancelledError:
            raise
        except self.ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [""]
            raise LostError(f"{type(error).__name__}: {lines[0]}") from error

    def kill(self) -> None:
        self.ray.kill(self.handle, no_restart=True)
