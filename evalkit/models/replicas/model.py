"""A local model that replicas compute: known from this machine's files, asked wherever there is a device."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from evalkit.core import Capabilities, Identity, Model, Reply, Request, Sampling, Tokenize, UsageError
from evalkit.core import spec as specs
from evalkit.models.replicas.pool import IN_FLIGHT, Pool, Wanted
from evalkit.models.replicas.ray_cluster import Cluster, RayCluster
from evalkit.models.replicas.settings import Replicas
from evalkit.models.wrapper import Wrapper

__all__ = ["ReplicatedModel", "everywhere", "replicated"]

_WEIGHTS = 1.25
"""Memory of a replica as a multiple of its weights' files."""
_MANY = 16
"""Replicas that the window has room for where their number is not known before."""
_PATHS = ("adapter",)
"""Options that may name a folder."""


def replicated(model: Model, spec: str, replicas: Replicas) -> Model:
    """The model, computed by replicas. Raises UsageError where it is sharded over processes already, and for one GPU by
    its number: Ray gives each replica a GPU, which is number 0 there."""
    device = str(specs.parse(spec).options.get("device", ""))
    if device.startswith("cuda:"):
        raise UsageError(
            "Ray chooses the GPU of every replica", found=f"device={device}", fix="device=cuda, or no --replicas"
        )
    if getattr(model, "is_sharded", False):
        raise UsageError("tp_plan shards one model over processes, and --replicas makes many", fix="one of the two")
    return ReplicatedModel(model, everywhere(spec), replicas)


def everywhere(spec: str) -> str:
    """A model's spec with its paths as other processes have to be told them, whose current folder is another."""
    parsed = specs.parse(spec)
    provider, _, name = parsed.name.partition("/")
    options = {key: _absolute(value) if key in _PATHS else value for key, value in parsed.options.items()}
    return str(specs.Spec(f"{provider}/{_absolute(name)}" if name else provider, options))


def _absolute(name: str) -> str:
    path = Path(name).expanduser()
    return str(path.absolute()) if name and path.exists() else name


class ReplicatedModel(Wrapper):
    """A `core.Model`. It is asked as the model is; nothing of Ray is imported before the first request.

    Identity and capabilities are the model's own: how many compute it changes no answer.
    """

    def __init__(self, model: Model, spec: str, replicas: Replicas, cluster: Cluster | None = None) -> None:
        """`cluster`: where the replicas are started, if it is not Ray."""
        super().__init__(model)
        self._spec = spec
        self._replicas = replicas
        self._cluster = cluster
        self._models = 1
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Future[Pool] | None = None

    @property
    def identity(self) -> Identity:
        return self._model.identity

    @property
    def capabilities(self) -> Capabilities:
        found = self._model.capabilities
        window = max(found.window, 2 * IN_FLIGHT * (self._replicas.count or _MANY))
        return Capabilities(found.requests, found.chats, found.max_length, window, found.features)

    @property
    def recommended(self) -> Sampling | None:
        return getattr(self._model, "recommended", None)

    @property
    def facts(self) -> dict[str, str]:
        return self._pool.facts if self._pool is not None else {}

    def share_cluster(self, models: int) -> None:
        """Take an equal part of the cluster, beginning with the first request: so many models are to have room."""
        self._models = models

    def status(self) -> str:
        """For whoever watches a run: replicas, tokens a second, the slowest."""
        return self._pool.status if self._pool is not None else "replicas are starting"

    async def answer(self, request: Request) -> Reply:
        """The reply of one of the replicas.

        Raises ModelError where this request can't be answered, UsageError where no model can be loaded, and RunError
        where no replica can be had.
        """
        if isinstance(request, Tokenize):
            return await self._model.answer(request)
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # Another asyncio.run: the replicas of an earlier one have nobody who feeds them.
            if self._pool is not None:
                self._pool.abandon()
            self._loop, self._pool, self._opening = loop, None, None
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        pool = self._pool
        if pool is None:
            pool = await asyncio.shield(self._opening)
        return await pool.answer(request)

    async def _open(self) -> Pool:
        if self._cluster is None:
            self._cluster = await asyncio.to_thread(RayCluster, self._replicas.address)
        gpus, weight_bytes = getattr(self._model, "takes", (0, 0))
        need = self._replicas.need(
            gpus=gpus, has_gpus=self._cluster.has_gpus, weight_bytes=int(weight_bytes * _WEIGHTS)
        )
        if self._models > 1 and await asyncio.to_thread(self._cluster.fits, need) < self._models:
            need = need.shared_by(self._models)
        identity = await asyncio.to_thread(lambda: self._model.identity)
        wanted = Wanted(self._spec, identity.digest, need, self._replicas.count, identity.facts, self._models)
        self._pool = Pool(self._cluster, wanted)
        return self._pool

    async def close(self) -> None:
        """End the replicas, and Ray where it was begun for them."""
        if self._opening is not None and self._loop is asyncio.get_running_loop():
            with contextlib.suppress(Exception):
                await (await self._opening).close()
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            await asyncio.to_thread(cluster.close)
        await self._model.close()
