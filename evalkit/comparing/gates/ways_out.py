"""What helps where a gate gives no verdict: by cause, each with its command."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from evalkit.comparing.gates.opening import Opened
from evalkit.comparing.gates.report import GateReport


@dataclass(frozen=True, slots=True)
class Command:
    """How the gate was called: what is run (`words`: tasks or runs), its options, and where the baseline is."""

    words: tuple[str, ...]
    options: tuple[str, ...] = ()
    baseline: str = "baseline.evalkit"

    def with_(self, *more: str) -> str:
        """The same command with more options."""
        return shlex.join(["evalkit", "gate", "run", *self.words, *self.options, *more])


def ways_out(report: GateReport, baseline: Opened, command: Command, folder: Path | None) -> tuple[str, ...]:
    """One line for each way, the likeliest first. `folder` is the candidate's run, where there is one."""
    refused = [finding for finding in report.findings if finding.level == "incomparable"]
    causes = {finding.cause for finding in refused}
    lines: list[str] = []
    if "stale" in causes:
        lines.append(f"ask the model now: {_rerun(command, folder)}")
    if "measured" in causes:
        lines += _measured({finding.side for finding in refused if finding.cause == "measured"}, command, folder)
    if "task" in causes:
        lost = sorted(finding.task for finding in refused if finding.cause == "task")
        lines.append(f"run the candidate on {', '.join(lost)} as well: add it to the suite or the command")
    if "samples" in causes:
        lines.append(f"compare the samples that both have: {command.with_('--common-samples')}")
    if causes & {"task", "samples", "content", "settings"}:
        others = _others(report, baseline)
        if others:
            named = [word for name in others for word in ("--task", name)]
            lines.append(f"gate the other tasks alone: {command.with_(*named)}")
        lines.append(f"update the baseline, if the change is meant: {_update(baseline, command, causes)}")
    return tuple(lines)


def _measured(sides: set[str], command: Command, folder: Path | None) -> list[str]:
    lines = []
    if "candidate" in sides:
        if folder is None:
            lines.append("correct the rows that cannot be read, or leave them out (--skip-bad-rows)")
        else:
            place = shlex.quote(str(folder))
            lines.append(f"see why samples failed: evalkit show {place} --failed")
            lines.append(f"try these again: evalkit run --resume {place}, then evalkit gate run {place}")
    if "baseline" in sides:
        lines.append(f"measure the baseline again: evalkit run … --out NEW, then {_saved(command, 'NEW')}")
    return lines


def _rerun(command: Command, folder: Path | None) -> str:
    if folder is not None and command.words == (str(folder),):
        return "evalkit run … --max-age 0, then gate that run"
    return command.with_("--max-age", "0")


def _others(report: GateReport, baseline: Opened) -> list[str]:
    """The tasks of the baseline that nothing speaks against."""
    broken = {finding.task for finding in report.findings if finding.level == "incomparable"}
    seen = {finding.task for finding in report.findings} | set(report.tasks)
    return [name for name in baseline.sides if name not in broken and (not seen or name in report.tasks)]


def _update(baseline: Opened, command: Command, causes: Collection[str]) -> str:
    """Run what is asked now with the model that the baseline is of, and put its scores into the file."""
    trusted = baseline.model.rpartition("@")[0] or baseline.model or "MODEL"
    run = shlex.join(["evalkit", "run", *command.words, "--model", trusted, "--out", "runs/baseline"])
    if all((Path(word) / "manifest.json").is_file() for word in command.words):
        run = f"evalkit run … --model {shlex.quote(trusted)} --out runs/baseline"
    saved = _saved(command, "runs/baseline", whole="task" in causes)
    return f"{run} && {saved}" if baseline.run is None else f"{run}, then --baseline runs/baseline"


def _saved(command: Command, run: str, *, whole: bool = False) -> str:
    file = shlex.quote(command.baseline)
    # `update` leaves alone the tasks that the run does not have.
    return f"evalkit baseline save {run} {file} --force" if whole else f"evalkit baseline update {file} {run}"
