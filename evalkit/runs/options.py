"""The options of a run, one entry each: what they are called, what they may be, where they can be given.

The command line's options, the keys of a suite file and the keywords of `evalkit.run` are all made from this table, so
that an option is declared once and refused in one way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

from evalkit.core import ChoiceForm, FewshotOrder, FewshotTurns, Model, UsageError
from evalkit.core.option_values import Form, Range, Shown, fits, wanted
from evalkit.core.spec import unknown

__all__ = ["OPTIONS", "Age", "Command", "RunOption", "UnsafeCode", "checked_keywords", "seconds_of"]

UnsafeCode = Literal["", "subprocess"]
Command = Literal["run", "gate", "quantize-check"]

EVERYWHERE: tuple[Command, ...] = ("run", "gate", "quantize-check")
TO_RUN: tuple[Command, ...] = ("run", "gate")

Count: TypeAlias = Annotated[int, Range("a whole number of at least 1", least=1)]
Whole: TypeAlias = Annotated[int, Range("a whole number of at least 0", least=0)]
Folder: TypeAlias = Annotated[Path | str, Shown("a folder")]
File: TypeAlias = Annotated[Path | str, Shown("a file")]
Flag: TypeAlias = Annotated[bool, Shown("true or false")]
AModel: TypeAlias = Annotated[str | Model, Shown("a model")]
Proportion: TypeAlias = Annotated[float, Range("a proportion between 0 and 1", least=0, most=1)]
Above0: TypeAlias = Annotated[float, Range("a number above 0", least=0, above=True)]
AtLeast0: TypeAlias = Annotated[float, Range("a number of 0 or more", least=0)]
Nucleus: TypeAlias = Annotated[float, Range("a proportion above 0, at most 1", least=0, above=True, most=1)]
Age: TypeAlias = Annotated[
    str, Form("an age such as 12h, 7d or 4w; 0 asks everything afresh", pattern=r"0|[0-9]{1,6}[smhdw]")
]
Dollars: TypeAlias = Annotated[float, Range("a number of US dollars above 0", least=0, above=True)]
_ANCHORS = r"anchors=[1-9][0-9]{0,8}(,runs=.+)?"
Anchors: TypeAlias = Annotated[
    str, Form("anchors=N, or anchors=N,runs=DIR", "anchors=200", pattern=_ANCHORS, near=("anchors=200",))
]


@dataclass(frozen=True, slots=True)
class RunOption:
    """One option. `name` is its keyword in Python and its key in a suite file; on the command line it is `--name` with
    dashes, or `flags`.

    `type` is what Python takes (None where an option is not given), `Annotated` with its range and with what users are
    told where the type alone does not say it.
    """

    name: str
    type: Any
    help: str
    metavar: str = ""
    commands: tuple[Command, ...] = EVERYWHERE
    suite: bool = True
    python: bool = True
    flags: tuple[str, ...] = ()
    multiple: bool = False
    """Whether the command line takes it several times."""

    @property
    def flag(self) -> str:
        """The longest way to say it on the command line."""
        return self.flags[-1] if self.flags else "--" + self.name.replace("_", "-")

    @property
    def plain(self) -> Any:
        """The type without its range."""
        return get_args(self.type)[0] if get_origin(self.type) is Annotated else self.type

    @property
    def wanted(self) -> str:
        """What a user is told the value must be."""
        return wanted(self.type)

    def allows(self, value: object) -> bool:
        """Whether a value is of the type and in the range."""
        return fits(value, self.type)

    def check(self, value: object, shown: str = "") -> None:
        """Raises UsageError for a value that it may not have; `shown` is what the option is called there."""
        if value is not None and not self.allows(value):
            found = str(value) if isinstance(value, int | float) else f"{value!r:.80}"
            raise UsageError(f"{shown or self.flag} must be {self.wanted}", found=found)


_ALL = (
    RunOption(
        "models",
        str,
        "Model to evaluate. Repeat it for several models.",
        "MODEL",
        commands=TO_RUN,
        suite=False,
        python=False,
        flags=("-m", "--model"),
        multiple=True,
    ),
    RunOption(
        "model_options",
        str,
        "Set an option of the model, if there is only one.",
        "KEY=VALUE",
        commands=TO_RUN,
        suite=False,
        python=False,
        flags=("-M",),
        multiple=True,
    ),
    RunOption(
        "task_options",
        str,
        "Set an option of the task, if there is only one.",
        "KEY=VALUE",
        commands=TO_RUN,
        suite=False,
        python=False,
        flags=("-T",),
        multiple=True,
    ),
    RunOption(
        "judge",
        AModel,
        "Model for tasks that a judge scores.",
        "MODEL",
        commands=("run", "quantize-check"),
    ),
    RunOption("limit", Count, "Ask N samples per task, spread over its subsets.  [default: all]", "N"),
    RunOption(
        "subset",
        Anchors,
        "Ask the N samples that past runs show to be the most telling, and estimate the whole set from them.",
        "anchors=N",
        commands=("run",),
    ),
    RunOption("num_fewshot", Whole, "Put K few-shot examples before each question.  [default: as the task says]", "K"),
    RunOption("fewshot_order", FewshotOrder, "How few-shot examples are picked.  [default: as the task says]"),
    RunOption(
        "fewshot_turns",
        FewshotTurns,
        "Send few-shot examples as chat turns; auto does so where the model has a chat template.  [default: auto]",
    ),
    RunOption("choice_form", ChoiceForm, "How multiple-choice questions are asked.  [default: as the task says]"),
    RunOption("shuffle_choices", Flag, "Shuffle the choices of every sample and repeat."),
    RunOption("seed", Whole, "Seed for few-shot examples and sampling.  [default: 1]"),
    RunOption("samples", Count, "Draw K replies per question.  [default: 1]", "K"),
    RunOption("temperature", AtLeast0, "Sampling temperature; 0 is greedy.  [default: as the task says]", "T"),
    RunOption(
        "top_p", Nucleus, "Sample from the most likely tokens whose probabilities add up to P.  [default: 1]", "P"
    ),
    RunOption("top_k", Whole, "Sample from the K most likely tokens; 0 means all.  [default: 0]", "K"),
    RunOption("min_p", Proportion, "Drop tokens less likely than P times the most likely one.  [default: 0]", "P"),
    RunOption(
        "repetition_penalty", Above0, "Penalize tokens that already occurred; 1 means no penalty.  [default: 1]", "R"
    ),
    RunOption("max_tokens", Count, "Stop each reply after N tokens.  [default: as the task says]", "N"),
    RunOption("thinking_tokens", Whole, "Allow N more tokens of thinking before the reply.", "N"),
    RunOption("recommended", Flag, "Use the sampling settings that the task recommends, unless you set your own."),
    RunOption("data_dir", Folder, "Read data sets from this local mirror of the hub.  [env: EVALKIT_DATA]"),
    RunOption("offline", Flag, "Use local files only; never contact the hub."),
    RunOption("skip_bad_rows", Flag, "Skip and count unreadable rows instead of stopping."),
    RunOption(
        "max_failures",
        Proportion,
        "Fail the run when more than this proportion of samples could not be measured.  [default: 0.05]",
        "PROPORTION",
        # A gate has a policy with a separate proportion.
        commands=("run", "quantize-check"),
    ),
    RunOption(
        "unsafe_code",
        UnsafeCode,
        "Run generated code WITHOUT a sandbox.",
        # Not in a suite: whoever runs one need not have read it.
        suite=False,
    ),
    RunOption(
        "tasks_from",
        Folder,
        "Read tasks named lm-eval/NAME from this folder of lm-eval YAML files.",
        "DIR",
        commands=("run", "gate"),
        suite=False,
    ),
    RunOption(
        "allow_code",
        Flag,
        "Allow tasks from --tasks-from to run their Python code.",
        commands=("run", "gate"),
        # Not in a suite: whoever runs one need not have read the tasks.
        suite=False,
    ),
    RunOption("out", Folder, "Write the run to this folder.  [default: runs/<time>]", "DIR", commands=TO_RUN),
    RunOption(
        "cache",
        Flag,
        "Do not read or write the response cache.",
        commands=TO_RUN,
        suite=False,
        flags=("--no-cache",),
    ),
    RunOption(
        "max_age",
        Age,
        "Reuse cached replies of API models up to this age, such as 12h or 7d; 0 reuses none.  [default: 1w]",
        "AGE",
        commands=TO_RUN,
    ),
    RunOption(
        "max_cost",
        Dollars,
        "Stop before the run costs more than this.",
        "USD",
        commands=("run",),
        suite=False,
    ),
    RunOption(
        "batch",
        Flag,
        "Use the provider's batch API: half the price, results within a day.",
        commands=("run",),
        suite=False,
        python=False,
    ),
    RunOption(
        "replicas",
        str,
        "Run N copies of each local model on Ray; auto runs as many as fit.",
        "N|auto",
        commands=("run",),
        suite=False,
    ),
    RunOption(
        "ray", str, "Ray cluster to use for replicas.  [env: RAY_ADDRESS]", "ADDRESS", commands=("run",), suite=False
    ),
    RunOption(
        "sandbox_workers",
        str,
        "Run N programs of code tasks at a time, with --ray on all nodes; auto runs one per processor.",
        "N|auto",
        commands=("run",),
        suite=False,
    ),
    RunOption("record", File, "Record every reply to this cassette file.", "FILE", commands=("run",), suite=False),
    RunOption(
        "replay", File, "Replay replies from this cassette file; ask no model.", "FILE", commands=("run",), suite=False
    ),
    RunOption("project", Folder, "Project folder with tasks/, judges/ and so on.", commands=(), suite=False),
    RunOption(
        "progress",
        Annotated[object, Shown("a Progress")],
        "Receives every sample as it finishes.",
        commands=(),
        suite=False,
    ),
    RunOption("quiet", Flag, "Show no progress.", suite=False, python=False, flags=("-q", "--quiet")),
)
OPTIONS: Mapping[str, RunOption] = MappingProxyType({option.name: option for option in _ALL})


_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_of(age: str) -> float:
    """An `Age` in seconds."""
    return 0.0 if age == "0" else float(int(age[:-1]) * _SECONDS[age[-1]])


def checked_keywords(given: Mapping[str, object]) -> None:
    """Raises UsageError for a keyword of `evalkit.run` that does not exist, with a suggestion, or has a bad value."""
    known = {option.name: option for option in _ALL if option.python}
    for name, value in given.items():
        if name not in known:
            raise unknown("option of evalkit.run", name, known)
        known[name].check(value, shown=name)
