"""A baseline file back into sides of a comparison, with file and line for whatever is wrong in it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.comparing import Column, TaskSide
from evalkit.comparing.baselines.writer import FIRST_LINE
from evalkit.comparing.pairing import Units
from evalkit.comparing.side import MeanCost
from evalkit.core import UsageError, Validity
from evalkit.runs.store import name_today, scale_today
from evalkit.scoring.metrics import pass_at_k

if TYPE_CHECKING:
    from evalkit.core import Ends

_OWN = ("sample", "repeat", "content", "prompt", "cluster", "validity")


def looks_like_baseline(path: Path) -> bool:
    """Whether the file's first line says that it is one."""
    try:
        with path.open("rb") as file:
            return file.read(len(FIRST_LINE)) == FIRST_LINE.encode()
    except OSError:
        return False


def read(path: Path) -> dict[str, TaskSide]:
    """The tasks of a baseline file; raises UsageError, with the line, for what is none."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot read the baseline {path}",
            found=error.strerror or str(error),
            fix=f"evalkit baseline save RUN {path}",
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError("the baseline is not UTF-8", found=str(error), at=str(path)) from None
    return parse(text, str(path))


def parse(text: str, origin: str) -> dict[str, TaskSide]:
    """The same for a text that was read elsewhere; `origin` names it in messages."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != FIRST_LINE:
        raise UsageError(
            "this is no baseline that this evalkit reads",
            found=lines[0][:60] or "an empty line",
            fix=f"a file that begins with {FIRST_LINE!r}: evalkit baseline save RUN FILE",
            at=f"{origin}:1",
        )
    blocks: list[_Block] = []
    for number, line in enumerate(lines[1:], 2):
        at = f"{origin}:{number}"
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            raise UsageError(
                "two baselines were merged and disagree here", fix="evalkit baseline update FILE RUN settles it", at=at
            )
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            if not blocks:
                raise UsageError("a sample comes before the first task", at=at)
            blocks[-1].add(_value(line, at), at)
        else:
            key, colon, rest = line.partition(": ")
            if not colon:
                raise UsageError("this is neither a sample nor `key: value`", found=line[:60], at=at)
            if key == "task":
                name = str(_value(rest, at))
                blocks.append(_Block(name_today(name), at, older=name_today(name) != name))
            elif not blocks:
                raise UsageError("a file begins with its first task", found=line[:60], at=at)
            else:
                blocks[-1].entries[key] = _value(rest, at)
    sides: dict[str, TaskSide] = {}
    for block in blocks:
        if block.name in sides:
            raise UsageError(f"the task {block.name!r} occurs twice", at=block.at)
        sides[block.name] = block.side(origin)
    return sides


def _value(text: str, at: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError("this is not a JSON value", found=f"{text[:60]} ({error})", at=at) from None


@dataclass(slots=True)
class _Block:
    name: str
    at: str
    older: bool = False
    """Whether a toy set goes by the name that it had before."""
    entries: dict[str, Any] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)

    def add(self, row: Any, at: str) -> None:
        columns = self.entries.get("columns")
        if not isinstance(columns, list) or not {"sample", "content", "prompt"} <= set(columns):
            raise UsageError("a task needs its `columns` before its samples", at=at)
        if len(row) != len(columns):
            raise UsageError(f"the sample has {len(row)} items, not {len(columns)}", found=str(row[0]), at=at)
        self.rows.append(row)

    def side(self, origin: str) -> TaskSide:
        entries = self.entries
        columns: list[str] = entries.get("columns") or []
        if entries.get("samples", len(self.rows)) != len(self.rows):
            raise UsageError(
                f"task {self.name!r} has {len(self.rows)} samples",
                found=f"samples: {entries['samples']}",
                fix="a merge that lost lines? evalkit baseline update FILE RUN writes it anew",
                at=self.at,
            )
        by_name = dict(zip(columns, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        harness, _, version = str(entries.get("harness", "evalkit")).partition(" ")
        n = len(self.rows)
        side = TaskSide(
            name=self.name,
            model=str(entries.get("model", "")),
            origin=origin,
            harness=harness,
            version=version,
            primary_metric=str(entries.get("primary_metric", entries.get("headline", ""))),
            facts=self._under("asked "),
            digests=self._under("digest "),
            ids=[str(value) for value in by_name.get("sample", ())],
            repeats=[int(value) for value in by_name.get("repeat", (0,) * n)],
            asked=[str(value) for value in by_name.get("content", ())],
            prompted=[str(value) for value in by_name.get("prompt", ())],
            texts=[""] * n,
            validity=[self._validity(value) for value in by_name.get("validity", ("ok",) * n)],
            clusters=[str(value) for value in by_name.get("cluster", ("",) * n)],
            groups=[()] * n,
            created=str(entries.get("measured", "")),
            toy=bool(entries.get("toy")) or self.older,
            answered=self._time(entries.get("answered")),
        )
        for name in columns:
            if name not in _OWN:
                side.columns[name] = self._column(name, list(by_name.get(name, ())))
        spreads = self._under("spread ", text=False)
        for name, value in self._under("mean ", text=False).items():
            side.mean_costs[name] = self._mean_cost(name, value, spreads.get(name))
        return side

    def _mean_cost(self, name: str, mean: Any, spread: Any) -> MeanCost:
        try:
            if spread is None:
                return MeanCost(float(mean))
            return MeanCost(float(mean), float(spread["sd"]), int(spread["n"]))
        except (TypeError, ValueError, KeyError) as error:
            raise UsageError(f"what a sample took in {name} is not a number", found=str(error), at=self.at) from None

    def _time(self, text: Any) -> float:
        try:
            return math.nan if text is None else datetime.fromisoformat(str(text)).timestamp()
        except ValueError as error:
            raise UsageError("`answered` is no time", found=str(error), at=self.at) from None

    def _under(self, prefix: str, *, text: bool = True) -> dict[str, Any]:
        found = {key.removeprefix(prefix): value for key, value in self.entries.items() if key.startswith(prefix)}
        return {key: str(value) if text else value for key, value in found.items()}

    def _validity(self, value: Any) -> str:
        try:
            return Validity(value).value
        except ValueError:
            raise UsageError(f"there is no validity {value!r}", at=self.at) from None

    def _column(self, name: str, cells: list[Any]) -> Column:
        import numpy as np

        about = self.entries.get(f"metric {name}")
        if not isinstance(about, dict):
            raise UsageError(f"the column {name!r} has no line `metric {name}:`", at=self.at)
        width = next((len(cell) for cell in cells if isinstance(cell, list)), 1)
        blank = [math.nan] * width
        try:
            rows = np.asarray(
                [blank if cell is None else cell if isinstance(cell, list) else [cell] for cell in cells],
                dtype=np.float64,
            ).reshape(-1, width)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"the column {name!r} holds something that is not a number", found=str(error), at=self.at
            ) from None
        known = about.get("value")
        return Column(
            name,
            rows,
            bool(about.get("higher_is_better", True)),
            "proportion" if scale_today(str(about.get("scale"))) == "proportion" else "number",
            known=float(known) if isinstance(known, int | float) else None,
            ends=self._ends(name, about),
            units=_units_of(name, width),
        )

    def _ends(self, name: str, about: dict[str, Any]) -> Ends:
        if "ends" not in about:
            return (0.0, 1.0) if scale_today(str(about.get("scale"))) == "proportion" else (None, None)
        try:
            lowest, highest = (None if end is None else float(end) for end in about["ends"])
        except (TypeError, ValueError) as error:
            raise UsageError(f"the ends of {name!r} are not two numbers", found=str(error), at=self.at) from None
        return lowest, highest


def _units_of(name: str, width: int) -> Units | None:
    """How the rows of pass@k become a value a problem, which its name says without the task's file."""
    k = name.removeprefix("pass@")
    return pass_at_k(int(k)).units if name != k and k.isdecimal() and int(k) and width == 3 else None
