"""What the user can set for a run, apart from tasks and models."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from evalkit.core import ChoiceForm, DataOptions, FewshotOrder, FewshotTurns, Sampling, UsageError
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
    choice_form: ChoiceForm | None = None
    """None: as the task says."""
    shuffle_choices: bool = False
    samples: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    thinking_tokens: int | None = None
    recommended: bool = False
    """Whether what a task recommends fills what is not said."""
    proportion: float = 1.0
    """A random part of the samples, whole clusters; a larger proportion of one seed holds every smaller one."""
    max_failures: float = 0.05
    unsafe_code: UnsafeCode = ""
    """"subprocess" lets programs that a model wrote run without isolation, as the user who runs evalkit."""
    data: DataOptions = field(default_factory=DataOptions)

    def __post_init__(self) -> None:
        names = (
            "limit",
            "seed",
            "num_fewshot",
            "fewshot_order",
            "fewshot_turns",
            "choice_form",
            "max_failures",
            "unsafe_code",
        )
        for name in (*names, *(one.name for one in fields(Sampling)), "recommended", "shuffle_choices"):
            OPTIONS[name].check(getattr(self, name))
        OPTIONS["subset"].check(self.subset or None)
        if not 0.0 < self.proportion <= 1.0:
            raise UsageError(
                "the proportion of samples to ask must be above 0 and at most 1", found=str(self.proportion)
            )

    @property
    def sampling(self) -> Sampling:
        """How texts are drawn, as far as the run says it."""
        return Sampling(**{one.name: getattr(self, one.name) for one in fields(Sampling)})
