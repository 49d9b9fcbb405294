"""What a child process of the benchmark is asked, and what it hands back: one harness, one form, one model."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Asked:
    """One measurement. `tasks` are the harness's own names for what is to be run."""

    model: str
    tasks: list[str]
    form: str
    kind: str
    device: str
    dtype: str
    threads: int
    batch: int = 0
    task_folder: str = ""


@dataclass
class Item:
    """What came out for one row."""

    prompt: str = ""
    loglikelihoods: list[float] = field(default_factory=list)
    right: dict[str, float] = field(default_factory=dict)
    text: str = ""


@dataclass
class Measured:
    """What came out. `phase` is the time from the first request to the last reply, without loading the model.

    `asked` counts the tokens of all requests, each by itself; `unique` those of their prefix tree. Only the peer's
    process knows its requests, so these are 0 in evalkit's.
    """

    phase: float
    loading: float
    tokens: int
    forward_seconds: float | None
    items: dict[str, Item]
    asked: int = 0
    unique: int = 0
    memory: int = 0
    wall: float = 0.0

    @staticmethod
    def read(path: Path) -> Measured:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        items = {key: Item(**item) for key, item in raw.pop("items").items()}
        return Measured(items=items, **raw)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def arguments() -> tuple[Asked, Path]:
    """What the parent asked, and where it wants the outcome, from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("asked", type=json.loads)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    return Asked(**given.asked), given.out


def limit_threads(threads: int) -> None:
    """Hold torch to so many threads; the environment variables of the process hold everything else."""
    import torch

    torch.set_num_threads(threads)


def peak_memory(device: str) -> int:
    """The most memory that this process held, in bytes: on the GPU where there is one, else resident."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated())
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
