"""`evalkit gate run` and `evalkit gate plan`: does a candidate pass, and what could be told at all?"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.cli.gate_candidate import BASELINE, baseline_of, report_of, suite_with_gate
from evalkit.cli.json_option import json_option, print_json
from evalkit.cli.run_options import run_options
from evalkit.core import RunError, UsageError, terminal
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import emit_json

if TYPE_CHECKING:
    from evalkit.comparing.gates import Opened
    from evalkit.comparing.gates.report import GateReport
    from evalkit.comparing.gates.ways_out import Command


@click.group(
    "gate",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "evalkit gate run runs/candidate --baseline baseline.evalkit --margin 2%",
        "evalkit gate plan baseline.evalkit --margin 2%",
    ),
)
def command() -> None:
    """Fail a CI job when a candidate is worse than the baseline."""


@command.command(
    "run",
    epilog=examples(
        "evalkit gate run runs/candidate --baseline baseline.evalkit --margin 2%",
        "evalkit gate run suite.yaml --model hf/./candidate --baseline-ref origin/main --policy gate.yaml",
    ),
)
@click.argument("candidate", nargs=-1, required=True, metavar="CANDIDATE…", shell_complete=complete_runs)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Baseline file or run folder.  [default: baseline.evalkit]",
)
@click.option("--baseline-ref", metavar="REF", help="Read the baseline file from this git commit or branch.")
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="YAML file with margins and rules.")
@click.option("--margin", metavar="X", help="Largest drop that passes, such as 0.02 or 2%.  [default: 2%]")
@click.option(
    "--mean-margin",
    metavar="X",
    help="Largest drop of the mean over tasks that passes; without --margin, gate the mean only.",
)
@click.option("--confidence", metavar="P", help="One-sided confidence of each decision.  [default: 0.95]")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Gate this task only. Repeat it for several.")
@click.option("--any-drop-blocks", is_flag=True, help="Fail on a significant drop even within the margin.")
@click.option(
    "--degraded",
    type=click.Choice(["pass", "fail"]),
    help="Exit code for a proven drop within the margin.  [default: pass]",
)
@click.option(
    "--inconclusive",
    type=click.Choice(["block", "pass"]),
    help="Exit code for too few samples to decide.  [default: block]",
)
@click.option(
    "--common-samples", is_flag=True, help="Compare the samples that both have instead of refusing missing ones."
)
@click.option(
    "--max-failures",
    metavar="PROPORTION",
    help="Give no verdict when more than this proportion was not measured.  [default: 0.05]",
)
@click.option(
    "--sequential",
    type=int,
    metavar="LOOKS",
    help="Run in this many batches and stop as soon as the verdict is certain.",
)
@click.option("--adaptive", is_flag=True, help="Choose the batches while running, to ask as few samples as possible.")
@click.option("--budget", type=float, metavar="USD", help="Ask the most telling samples that this budget pays for.")
@click.option("--dry-run", is_flag=True, help="Print cost and chance of a verdict without asking a model.")
@click.option(
    "--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write Markdown for a pull-request comment."
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write JSON; - prints it.")
@click.option(
    "--github/--no-github", default=None, help="Write GitHub annotations and a job summary.  [default: in a GitHub job]"
)
@run_options("gate")
def run(candidate: tuple[str, ...], **given: Any) -> None:
    """Decide whether CANDIDATE is worse than the baseline.

    CANDIDATE is a run folder, an lm-eval or Inspect log, or what `evalkit run` takes: a suite file, or tasks with
    --model. The gate runs such a candidate first.

    \b
    Exit codes:
      0  PASS: no drop beyond the margin (also DEGRADED, if the policy allows it)
      1  FAIL or WORSE: the candidate is worse
      2  a mistake in the command or its files
      3  no verdict: samples, data, prompts or scorers differ, or too many
         samples could not be measured
      4  INCONCLUSIVE: too few samples to decide (0 with --inconclusive pass)
    """
    from evalkit.comparing.gates import policy_from

    policy = policy_from(given["policy"] or suite_with_gate(candidate), given)
    baseline = baseline_of(given, policy)
    report, folder = report_of(candidate, given, baseline, policy)
    report.next_steps = _next(report, baseline, _said(candidate, baseline), folder)
    _write(report, given)
    sys.stdout.flush()
    raise click.exceptions.Exit(report.exit_code)


@command.command(
    "plan",
    epilog=examples(
        "evalkit gate plan baseline.evalkit --margin 2%",
        "evalkit gate plan runs/before --like runs/after --sequential 4",
    ),
)
@click.argument("baseline", type=click.Path(path_type=Path), default=BASELINE)
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="YAML file with margins and rules.")
@click.option("--margin", metavar="X", help="Largest drop that passes, such as 0.02 or 2%.  [default: 2%]")
@click.option("--confidence", metavar="P", help="One-sided confidence of each decision.  [default: 0.95]")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Plan for this task only. Repeat it for several.")
@click.option("--power", type=float, default=0.8, show_default=True, help="Chance that an unchanged model should pass.")
@click.option(
    "--correlation", type=float, default=0.5, show_default=True, help="Expected correlation between the two runs."
)
@click.option(
    "--like", type=click.Path(path_type=Path), metavar="RUN", help="Measure the correlation on this earlier candidate."
)
@click.option("--sequential", type=int, metavar="LOOKS", help="Plan a gate that decides in this many batches as well.")
@json_option
def plan(
    baseline: Path,
    like: Path | None,
    power: float,
    correlation: float,
    sequential: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Show what a gate can detect, before you run anything.

    BASELINE is a baseline file or a run. For each task, the plan gives the chance that an unchanged model passes, the
    smallest margin that it passes with a chance of --power, and the number of samples that your margin needs.
    """
    from evalkit.cli.rendering.gate_plan import plan_json, plan_of, show_plan
    from evalkit.comparing.gates import open_any, policy_from
    from evalkit.comparing.gates.look_rules import ScheduledLooks

    for name, value in (("--power", power), ("--correlation", correlation)):
        if not 0.0 <= value < 1.0 or (name == "--power" and value == 0.0):
            raise UsageError(f"{name} must be between 0 and 1", found=str(value))
    opened = open_any(baseline)
    schedule = None if sequential is None else ScheduledLooks.of(sequential).schedule
    policy = policy_from(given["policy"], given)
    made = plan_of(opened, policy, power, correlation, open_any(like) if like else None, schedule)
    print_json(**plan_json(made)) if as_json else show_plan(made)


@command.command(
    "check", epilog=examples("evalkit gate check gate.yaml", "evalkit gate check gate.yaml --baseline runs/before")
)
@click.argument("policy", type=click.Path(path_type=Path), metavar="POLICY")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Check the policy against this baseline.  [default: as the policy says]",
)
def check(policy: Path, baseline: Path | None) -> None:
    """Check a policy file, or the gate of a suite file, without running anything.

    evalkit checks keys and values. If the baseline exists, it also checks that the baseline has the tasks and metrics
    that the policy names, and that margins are within bounds.
    """
    from evalkit.comparing.gates import open_any, policy_from
    from evalkit.comparing.gates.preflight import held

    found = policy_from(suite_with_gate((str(policy),)) or policy, {})
    place = baseline or (Path(found.baseline) if found.baseline else BASELINE)
    if not place.exists():
        if baseline is not None:
            raise UsageError(f"baseline {place} does not exist")
        terminal.say(
            f"{policy}: keys and values are valid; baseline {place} does not exist yet, so nothing more was checked"
        )
        return
    for line in held(found, open_any(place)):
        terminal.say(one_line(line))
    terminal.say(f"{policy}: valid for {place}")


_NOT_REPEATED = ("tasks", "common_samples", "max_age", "markdown", "junit", "json_file", "github", "quiet", "out")


def _said(candidate: tuple[str, ...], baseline: Opened) -> Command:
    """This command, as far as it was said, without what chooses tasks and samples or where the answer goes."""
    from click.core import ParameterSource

    from evalkit.comparing.gates.ways_out import Command

    context = click.get_current_context()
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        said = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not said or not isinstance(parameter, click.Option) or name in _NOT_REPEATED:
            continue
        value = context.params[name]
        for one in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[-1]] if parameter.is_flag else [parameter.opts[-1], str(one)]
    # `main:baseline.evalkit` is the file of that name on another branch.
    ref = context.params["baseline_ref"]
    return Command(candidate, tuple(words), baseline.name.removeprefix(f"{ref}:") if ref else baseline.name)


def _next(report: GateReport, baseline: Opened, said: Command, folder: Path | None) -> tuple[str, ...]:
    """The commands that help, or that show more of what is wrong."""
    from evalkit.comparing.gates.ways_out import ways_out

    if report.incomparable:
        return ways_out(report, baseline, said, folder)
    if report.exit_code == 0 or folder is None:
        return ()
    place = shlex.quote(str(folder))
    if baseline.run is None:
        return (f"evalkit show {place} --wrong", f"evalkit gate plan {shlex.quote(baseline.name)}")
    sample = next((row.worse[0] for row in report.rows if row.worse), "")
    explain = f" --explain {shlex.quote(sample)}" if sample else ""
    return (f"evalkit compare {shlex.quote(baseline.name)} {place}{explain}",)


def _write(report: GateReport, given: dict[str, Any]) -> None:
    from evalkit.cli.rendering.output import console
    from evalkit.comparing.gates import outputs

    if str(given["json_file"]) == "-":
        emit_json(outputs.to_json(report))
    else:
        outputs.show(console(), report)
    forms = (("markdown", outputs.markdown), ("junit", outputs.junit), ("json_file", outputs.to_json))
    for name, form in forms:
        path = given[name]
        if path is not None and str(path) != "-":
            try:
                path.write_text(form(report), encoding="utf-8")
            except OSError as error:
                raise RunError(f"cannot write {path}: {error.strerror}") from None
    inside = os.environ.get("GITHUB_ACTIONS") == "true"
    if given["github"] if given["github"] is not None else inside:
        for line in outputs.workflow_commands(report):
            terminal.command(line)
        outputs.summarise(report, os.environ)
