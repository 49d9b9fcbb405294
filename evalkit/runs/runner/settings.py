"""What the user can set for a run, apart from tasks and models."""

from __future__ import annotations

from dataclasses import dataclass, field

from evalkit.core import DataOptions, FewshotOrder, FewshotTurns, UsageError
from evalkit.runs.options import OPTIONS, UnsafeCode


@dataclass(frozen=True, slots=True)
class Settings:
    """`limit`: samples per task, spread evenly over its subsets. `max_failures`: the proportion of samples that may
    fail to be measured before the run counts as failed. `num_fewshot` and `fewshot_order` None: as the task says.
    `subset`: "anchors=N" asks N samples that stand for all (`runs.subsets`)."""

    limit: int | None = None
    subset: str = ""
    seed: int = 1
    num_fewshot: int | None = None
    fewshot_order: FewshotOrder | None = None
    fewshot_turns: FewshotTurns = "auto"
    repeats: int = 1
    proportion: float = 1.0
    """A random part of the samples, whole clusters; a larger proportion of one seed holds every smaller one."""
    max_failures: float = 0.05
    unsafe_code: UnsafeCode = ""
    """"subprocess" lets programs that a model wrote run without isolation, as the user who runs evalkit."""
    data: DataOptions = field(default_factory=DataOptions)

    def __post_init__(self) -> None:
        for name in (
            "limit",
            "seed",
            "num_fewshot",
            "fewshot_order",
            "fewshot_turns",
            "repeats",
            "max_failures",
            "unsafe_code",
        ):
            OPTIONS[name].check(getattr(self, name))
        OPTIONS["subset"].check(self.subset or None)
        if not 0.0 < self.proportion <= 1.0:
            raise UsageError(
                "the proportion of samples to ask lies above 0 and is at most 1", found=str(self.proportion)
            )
