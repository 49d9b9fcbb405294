"""Replicas as actors of a Ray cluster: how many fit, how one is started, asked and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evalkit.core import Request
from evalkit.models.replicas.joining import join, leave
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


class RayCluster:
    """A Ray cluster. Raises UsageError where Ray is not installed or the address leads nowhere."""

    def __init__(self, address: str = "") -> None:
        self._ray = join(address, "--replicas")
        self._remote = self._ray.remote(ReplicaWorker)

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
        return need.times_over(self._nodes())

    def start(self, spec: str, need: Need) -> Worker:
        resources = dict(need.resources)
        placed, group = {}, None
        if need.gpus > 1:
            group, resources = self._group(need)
            strategy = self._ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy
            placed = {"scheduling_strategy": strategy(group, 0, placement_group_capture_child_tasks=True)}
        handle = self._remote.options(
            num_cpus=resources.pop("CPU", 0),
            num_gpus=resources.pop("GPU", 0),
            memory=resources.pop("memory", None),
            resources=resources or None,
            max_restarts=0,
            **placed,
        ).remote(spec)
        return _RayWorker(self._ray, handle, group)

    def _group(self, need: Need) -> tuple[Any, dict[str, float]]:
        """A placement group for one replica on several GPUs, and what its actor takes of the first bundle: all of one
        node's part, where a node has room for it; else everything but the GPUs, which vLLM's own actors take."""
        if any(need.times_in(node) for node in self._nodes()):
            return self._ray.util.placement_group([dict(need.resources)], strategy="STRICT_PACK"), dict(need.resources)
        group = self._ray.util.placement_group(need.bundles, strategy="PACK")
        return group, {name: much for name, much in need.resources.items() if name != "GPU"}

    def close(self) -> None:
        leave()


@dataclass(frozen=True, slots=True)
class _RayWorker:
    ray: Any
    handle: Any
    group: Any = None

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
        if self.group is not None:
            # Else its GPUs stay taken, and the next replica waits for them.
            self.ray.util.remove_placement_group(self.group)
