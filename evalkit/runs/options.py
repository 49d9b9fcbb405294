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
        "Model to evaluate; may be repeated.",
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
        "Argument of the (one) model.",
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
        "Argument of the (one) task.",
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
        "Model that judges, where a task is scored by a judge.",
        "MODEL",
        commands=("run", "quantize-check"),
    ),
    RunOption("limit", Count, "Samples per task, spread evenly over its subsets.", "N"),
    RunOption(
        "subset",
        Anchors,
        "Ask N samples, chosen by stored runs, and estimate all.",
        "anchors=N",
        commands=("run",),
    ),
    RunOption("num_fewshot", Whole, "Few-shot examples before each question.", "K"),
    RunOption("fewshot_order", FewshotOrder, "How examples are picked."),
    RunOption("fewshot_turns", FewshotTurns, "Examples as turns of a conversation.  [default: auto]"),
    RunOption("choice_form", ChoiceForm, "How multiple choice is asked.  [default: as the task says]"),
    RunOption("shuffle_choices", Flag, "Choices in another order for every sample and repeat."),
    RunOption("seed", Whole, "Seed of few-shot draws and sampling.  [default: 1]"),
    RunOption("samples", Count, "Texts drawn of every question.  [default: 1]", "K"),
    RunOption("temperature", AtLeast0, "Temperature of texts; 0 is greedy.", "T"),
    RunOption("top_p", Nucleus, "Draw from the likeliest tokens that have P.", "P"),
    RunOption("top_k", Whole, "Draw from the K likeliest tokens; 0: all.", "K"),
    RunOption("min_p", Proportion, "Draw no token below P of the likeliest one's.", "P"),
    RunOption("repetition_penalty", Above0, "Penalty of tokens that were there; 1: none.", "R"),
    RunOption("max_tokens", Count, "Tokens of one text at most.", "N"),
    RunOption("thinking_tokens", Whole, "Tokens of thought on top of those.", "N"),
    RunOption("recommended", Flag, "Draw as the task recommends, where nothing else is said."),
    RunOption("data_dir", Folder, "Local mirror of hub data (or EVALKIT_DATA)."),
    RunOption("offline", Flag, "Never ask the hub."),
    RunOption("skip_bad_rows", Flag, "Count unreadable rows instead of stopping."),
    RunOption(
        "max_failures",
        Proportion,
        "Failed share that fails the run.  [default: 0.05]",
        "SHARE",
        # A gate has a policy with a proportion of its own.
        commands=("run", "quantize-check"),
    ),
    RunOption(
        "unsafe_code",
        UnsafeCode,
        "Run generated code WITHOUT isolation.",
        # Not in a suite: whoever runs one need not have read it.
        suite=False,
    ),
    RunOption(
        "tasks_from",
        Folder,
        "Folder of lm-eval's YAML, for tasks named lm-eval/NAME.",
        "DIR",
        commands=("run", "gate"),
        suite=False,
    ),
    RunOption(
        "allow_code",
        Flag,
        "Run the Python that tasks of such a folder name.",
        commands=("run", "gate"),
        # Not in a suite: whoever runs one need not have read the tasks.
        suite=False,
    ),
    RunOption("out", Folder, "Run folder.  [default: runs/<time>]", "DIR", commands=TO_RUN),
    RunOption(
        "cache",
        Flag,
        "Neither read nor write the response cache.",
        commands=TO_RUN,
        suite=False,
        flags=("--no-cache",),
    ),
    RunOption(
        "max_age",
        Age,
        "Oldest cached answer of a model behind a name.  [default: 1w]",
        "AGE",
        commands=TO_RUN,
    ),
    RunOption(
        "max_cost",
        Dollars,
        "Stop before the run costs more.",
        "USD",
        commands=("run",),
        suite=False,
    ),
    RunOption(
        "batch",
        Flag,
        "Ask by the provider's batches: half the price, within a day.",
        commands=("run",),
        suite=False,
        python=False,
    ),
    RunOption(
        "replicas",
        str,
        "Replicas of each local model, on Ray: a number, or as many as fit.",
        "N|auto",
        commands=("run",),
        suite=False,
    ),
    RunOption(
        "ray", str, "Ray cluster that has the replicas (or RAY_ADDRESS).", "ADDRESS", commands=("run",), suite=False
    ),
    RunOption(
        "sandbox_workers",
        str,
        "Programs at a time: a number, or one a processor; on all nodes with --ray.",
        "N|auto",
        commands=("run",),
        suite=False,
    ),
    RunOption("record", File, "Write every reply to a cassette.", "FILE", commands=("run",), suite=False),
    RunOption("replay", File, "Take every reply from a cassette.", "FILE", commands=("run",), suite=False),
    RunOption("project", Folder, "Folder with tasks/, judges/, …", commands=(), suite=False),
    RunOption("progress", Annotated[object, Shown("a Progress")], "Told of every sample.", commands=(), suite=False),
    RunOption("quiet", Flag, "No progress.", suite=False, python=False, flags=("-q", "--quiet")),
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
