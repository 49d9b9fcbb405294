"""One worker thread for each device, so that several models on one device take turns."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Lock

from evalkit.core import UsageError

__all__ = ["pick_device", "worker"]

_workers: dict[str, ThreadPoolExecutor] = {}
_lock = Lock()


def worker(device: str) -> Executor:
    """The thread on which everything on `device` (such as "cuda:0") is computed."""
    with _lock:
        if device not in _workers:
            _workers[device] = ThreadPoolExecutor(1, thread_name_prefix=f"evalkit-{device}")
        return _workers[device]


def pick_device(wanted: str) -> str:
    """The device that an option names: auto is the first GPU, else Apple's, else the CPU. Imports torch.

    Raises UsageError where this machine or this build of torch has no such device.
    """
    import torch

    has_mps = torch.backends.mps.is_available()
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    if wanted == "mps" and not has_mps:
        raise UsageError("torch sees no mps device here", found=f"torch {torch.__version__}", fix="device=auto")
    if not wanted.startswith("cuda"):
        return wanted
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = int(wanted.partition(":")[2] or 0)
    if number >= count:
        raise UsageError(
            f"torch sees no device {wanted!r} here",
            found=f"torch {torch.__version__} with {count} CUDA device(s)",
            fix="device=auto",
        )
    return f"cuda:{number}"
