"""What the user can set for a run, apart from tasks and models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from evalkit.core import DataOptions, FewshotOrder, UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """`limit`: samples per task, spread evenly over its subsets. `max_failures`: the share of samples that may fail
    to be measured before the run counts as failed. `num_fewshot` and `fewshot_order` None: as the task says."""

    limit: int | None = None
    seed: int = 1
    num_fewshot: int | None = None
    fewshot_order: FewshotOrder | None = None
    repeats: int = 1
    share: float = 1.0
    """A random part of the samples, whole clusters; a larger share of one seed holds every smaller one."""
    max_failures: float = 0.05
    unsafe_code: Literal["", "subprocess"] = ""
    """"subprocess" lets programs that a model wrote run without isolation, as the user who runs evalkit."""
    data: DataOptions = field(default_factory=DataOptions)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UsageError("--limit must be at least 1", found=str(self.limit))
        if not 0.0 < self.share <= 1.0:
            raise UsageError("the share of samples to ask lies above 0 and is at most 1", found=str(self.share))
        if self.repeats < 1:
            raise UsageError("--repeats must be at least 1", found=str(self.repeats))
        if self.num_fewshot is not None and self.num_fewshot < 0:
            raise UsageError("--num-fewshot cannot be negative", found=str(self.num_fewshot))
        if self.unsafe_code not in ("", "subprocess"):
            raise UsageError("no such way to run code", found=repr(self.unsafe_code), fix="--unsafe-code subprocess")
        if not 0.0 <= self.max_failures <= 1.0:
            raise UsageError("--max-failures is a share between 0 and 1", found=str(self.max_failures))
