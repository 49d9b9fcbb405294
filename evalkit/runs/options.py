"""The options of a run, one entry each: what they are called, what they may be, where they can be given.

The command line's options, the keys of a suite file and the keywords of `evalkit.run` are all made from this table, so
that an option is declared once and refused in one way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from evalkit.core import FewshotOrder, Model, UsageError
from evalkit.core.named import fits
from evalkit.core.spec import unknown

__all__ = ["OPTIONS", "Command", "RunOption", "UnsafeCode", "checked_keywords"]

UnsafeCode = Literal["", "subprocess"]
Command = Literal["run", "gate", "quantize-check"]

EVERYWHERE: tuple[Command, ...] = ("run", "gate", "quantize-check")
TO_RUN: tuple[Command, ...] = ("run", "gate")
COUNT, WHOLE = "a whole number of at least 1", "a whole number of at least 0"


@dataclass(frozen=True, slots=True)
class RunOption:
    """One option. `name` is its keyword in Python and its key in a suite file; on the command line it is `--name` with
    dashes, or `flags`.

    `type` is what Python takes, beside None where an option is not given; `wanted` says the same to people, with the
    range from `least` to `most` (`above`: `least` itself is too little).
    """

    name: str
    type: Any
    wanted: str
    help: str
    metavar: str = ""
    least: float = -math.inf
    most: float = math.inf
    above: bool = False
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

    def allows(self, value: object) -> bool:
        """Whether a value is of the type and in the range."""
        if not fits(value, self.type):
            return False
        if isinstance(value, bool) or not isinstance(value, Real):
            return True
        number = float(value)
        enough = self.least < number if self.above else self.least <= number
        return enough and number <= self.most and math.isfinite(number)

    def check(self, value: object, shown: str = "") -> None:
        """Raises UsageError for a value that it may not have; `shown` is what the option is called there."""
        if value is not None and not self.allows(value):
            found = str(value) if isinstance(value, int | float) else f"{value!r:.80}"
            raise UsageError(f"{shown or self.flag} must be {self.wanted}", found=found)


def _one_of(words: Any) -> str:
    return "one of " + ", ".join(word for word in get_args(words) if word)


_ALL = (
    RunOption(
        "models",
        str,
        "a model",
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
        "KEY=VALUE",
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
        "KEY=VALUE",
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
        str | Model,
        "a model",
        "Model that judges, where a task is scored by a judge.",
        "MODEL",
        commands=("run", "quantize-check"),
    ),
    RunOption("limit", int, COUNT, "Samples per task, spread evenly over its subsets.", "N", least=1),
    RunOption("num_fewshot", int, WHOLE, "Few-shot examples before each question.", "K", least=0),
    RunOption("fewshot_order", FewshotOrder, _one_of(FewshotOrder), "How examples are picked."),
    RunOption("seed", int, WHOLE, "Seed of few-shot draws and sampling.  [default: 1]", least=0),
    RunOption("repeats", int, COUNT, "Attempts per sample.", "N", least=1),
    RunOption("data_dir", Path | str, "a folder", "Local mirror of hub data (or EVALKIT_DATA)."),
    RunOption("offline", bool, "true or false", "Never ask the hub."),
    RunOption("skip_bad_rows", bool, "true or false", "Count unreadable rows instead of stopping."),
    RunOption(
        "max_failures",
        float,
        "a proportion between 0 and 1",
        "Failed share that fails the run.  [default: 0.05]",
        "SHARE",
        least=0,
        most=1,
        # A gate has a policy with a proportion of its own.
        commands=("run", "quantize-check"),
    ),
    RunOption(
        "unsafe_code",
        UnsafeCode,
        _one_of(UnsafeCode),
        "Run generated code WITHOUT isolation.",
        # Not in a suite: whoever runs one need not have read it.
        suite=False,
    ),
    RunOption("out", Path | str, "a folder", "Run folder.  [default: runs/<time>]", "DIR", commands=TO_RUN),
    RunOption(
        "cache",
        bool,
        "true or false",
        "Neither read nor write the response cache.",
        commands=TO_RUN,
        suite=False,
        flags=("--no-cache",),
    ),
    RunOption(
        "max_cost",
        float,
        "a number of US dollars above 0",
        "Stop before the run costs more.",
        "USD",
        least=0,
        above=True,
        commands=("run",),
        suite=False,
    ),
    RunOption(
        "batch",
        bool,
        "true or false",
        "Ask by the provider's batches: half the price, within a day.",
        commands=("run",),
        suite=False,
        python=False,
    ),
    RunOption(
        "record", Path | str, "a file", "Write every reply to a cassette.", "FILE", commands=("run",), suite=False
    ),
    RunOption(
        "replay", Path | str, "a file", "Take every reply from a cassette.", "FILE", commands=("run",), suite=False
    ),
    RunOption("project", Path | str, "a folder", "Folder with tasks/, judges/, …", commands=(), suite=False),
    RunOption("progress", object, "a Progress", "Told of every sample.", commands=(), suite=False),
    RunOption("quiet", bool, "true or false", "No progress.", suite=False, python=False, flags=("-q", "--quiet")),
)
OPTIONS: Mapping[str, RunOption] = MappingProxyType({option.name: option for option in _ALL})


def checked_keywords(given: Mapping[str, object]) -> None:
    """Raises UsageError for a keyword of `evalkit.run` that does not exist, with a suggestion, or has a bad value."""
    known = {option.name: option for option in _ALL if option.python}
    for name, value in given.items():
        if name not in known:
            raise unknown("option of evalkit.run", name, known)
        known[name].check(value, shown=name)
