"""Tensor parallelism under torchrun: the first process evaluates and writes, the others compute along.

Every process runs the same command. The first one sends what is asked of a model, batch by batch, to the others,
which hold their shards of the same model and do the same passes in the same order: what is planned from it depends on
the requests alone, and what depends on a machine's memory is agreed upon.
"""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from typing import Any

from evalkit.core import Reply, Request, UsageError
from evalkit.models.batcher import Batch

__all__ = ["Leader", "check", "is_follower", "least", "local_device"]

_PATIENCE = timedelta(days=7)
"""The others wait for the first process while it reads data, judges, or asks other models."""

_group: Any = None


def processes() -> int:
    """How many processes torchrun started for this command; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def is_follower() -> bool:
    """Whether this is one of the processes that evaluate nothing by themselves."""
    return processes() > 1 and os.environ.get("RANK", "0") != "0"


def check(shards: bool) -> None:
    """Raise UsageError where torchrun and `tp_plan` do not go together; `shards`: some model has a tp_plan."""
    count = processes()
    if count > 1 and not shards:
        raise UsageError(
            "torchrun started this command several times, and nothing is shared among its processes",
            found=f"{count} processes and no model with tp_plan",
            fix="tp_plan=auto, or evalkit without torchrun",
        )
    if shards and count == 1:
        raise UsageError(
            "tp_plan shards a model over the processes of torchrun, and there is one",
            fix="torchrun --nproc-per-node N -m evalkit.cli run …",
        )


def local_device(device: str) -> str:
    """This process's own device of the kind."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device.startswith("cuda") else device


def _connected() -> Any:
    """The group through which the first process talks to the others, next to the one that tensors go through."""
    global _group
    if _group is None:
        import torch
        import torch.distributed as dist

        if not dist.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            dist.init_process_group(backend, timeout=_PATIENCE)
        _group = dist.new_group(backend="gloo", timeout=_PATIENCE)
    return _group


def _send(*message: object) -> None:
    import torch.distributed as dist

    dist.broadcast_object_list([message], src=0, group=_connected())


def receive() -> tuple[Any, ...]:
    import torch.distributed as dist

    found: list[Any] = [None]
    dist.broadcast_object_list(found, src=0, group=_connected())
    return tuple(found[0])


def _end() -> None:
    _send("end")
    disconnect()


def disconnect() -> None:
    """Take the groups down: a process that ends with their threads alive may be aborted by the C++ runtime."""
    global _group
    import torch.distributed as dist

    _group = None
    dist.destroy_process_group()


def least(value: int) -> int:
    """The least of what the processes give, so that all of them plan alike; `value` itself where there is one."""
    if _group is None:
        return value
    import torch
    import torch.distributed as dist

    agreed = torch.tensor([value], dtype=torch.long)
    dist.all_reduce(agreed, dist.ReduceOp.MIN, group=_group)
    return int(agreed)


class Leader:
    """A model of the first process, and its likenesses in the others. Call it on the device's worker thread."""

    _count = 0

    def __init__(self, *model: object) -> None:
        """`model` is what a LocalModel is made of; the others load theirs now."""
        if not Leader._count:
            atexit.register(_end)
        Leader._count += 1
        self._number = Leader._count
        _send("open", self._number, model)

    def run(self, engine: Any, batch: Batch[Request, Reply]) -> None:
        """Answer a batch together with the others."""
        _send("answer", self._number, batch.jobs)
        engine.run(_Steady(batch))

    def close(self) -> None:
        _send("close", self._number)


class _Steady:
    """A batch of which everything is wanted to its end, as in the other processes, which hear of no cancelling."""

    def __init__(self, batch: Batch[Request, Reply]) -> None:
        self.jobs = batch.jobs
        self.prepared = batch.prepared
        self.deliver = batch.deliver

    def wanted(self, index: int) -> bool:
        return True
