"""`evalkit judge`: verdicts of a model over finished runs and over JSONL files, and whether to believe them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.completion import complete_judges, complete_runs
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.cli.judge_session import (
    both,
    finish,
    judge_named,
    judge_with_progress,
    outputs_of,
    stored_verdicts,
    verdicts_of_two,
)
from evalkit.core import UsageError, Validity
from evalkit.core.terminal import say

if TYPE_CHECKING:
    pass

Options = Callable[[Callable[..., Any]], Callable[..., Any]]


def _asking(default: str) -> Options:
    """The options of every command that asks a judge."""
    options = [
        click.option(
            "--judge", "models", multiple=True, metavar="MODEL", help="Model that judges. Repeat it for a panel."
        ),
        click.option(
            "--using",
            default=default,
            show_default=bool(default),
            metavar="JUDGE",
            shell_complete=complete_judges,
            help="Judge plugin; see `evalkit list judges`.",
        ),
        click.option("--task", default="", metavar="TASK", help="Judge this task only."),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="Judge the first N samples.  [default: all]"),
        click.option(
            "--repeats",
            type=click.IntRange(1),
            default=1,
            metavar="N",
            help="Ask the judge N times and take the majority.",
        ),
        click.option(
            "--max-failures",
            type=float,
            default=0.05,
            show_default=True,
            help="Exit with 3 when more than this proportion is unjudged.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Write verdicts to FILE; if it exists, continue it.  [default: judgements/<time>.jsonl]",
        ),
        click.option("--no-cache", is_flag=True, help="Do not read or write the response cache."),
        json_option,
    ]

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@click.group(
    "judge",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "evalkit judge pairwise runs/a runs/b --judge openai/gpt-5-mini",
        "evalkit judge audit runs/a runs/b --judge openai/gpt-5-mini --labels labels.csv",
    ),
)
def command() -> None:
    """Let a model judge answers, and measure whether you can trust it.

    RUN is a run folder, or a JSONL file with question and answer (optional: id, model, category, reference). A reply of
    the judge that evalkit cannot read is unjudged: it is counted and never becomes a score.
    """


_VERDICTS = click.option(
    "--verdicts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use stored verdicts and ask no judge; RUN_A and RUN_B then name two models.",
)


@command.command(
    "pairwise",
    epilog=examples(
        "evalkit judge pairwise runs/a runs/b --judge openai/gpt-5-mini",
        "evalkit judge pairwise --verdicts verdicts.jsonl model-a model-b --length-control",
    ),
)
@click.argument("one", type=click.Path(path_type=Path), metavar="RUN_A", required=False, shell_complete=complete_runs)
@click.argument("two", type=click.Path(path_type=Path), metavar="RUN_B", required=False, shell_complete=complete_runs)
@_VERDICTS
@_asking("pairwise")
@click.option("--length-control", is_flag=True, help="Add the win rate at equal length (AlpacaEval 2).")
@click.option(
    "--difficulty", type=click.Path(path_type=Path), metavar="CSV", help="Difficulty of every id, for --length-control."
)
@click.option(
    "--anchor",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Rows that all fits of a leaderboard share, for --difficulty.",
)
def pairwise(
    one: Path | None, two: Path | None, verdicts: Path | None, length_control: bool, difficulty: Path | None,
    anchor: Path | None, **given: Any,
) -> None:  # fmt: skip
    """Judge which of two models answers better. The judge sees every pair in both orders."""
    from evalkit.cli.rendering.judging import length_controlled, show_pairwise
    from evalkit.judging.session import pair_items

    if anchor is not None and difficulty is None:
        raise UsageError("--anchor goes with the instructions' difficulties", fix="--difficulty CSV")
    if verdicts is not None:
        found, names = verdicts_of_two(verdicts, one, two)
        keys = [each.key for each in found]
    else:
        found, outputs = [], outputs_of(both(one, two), given)
        items = pair_items(outputs, given["limit"])
        keys, names = [item.key for item in items], (outputs[0].name, outputs[1].name)
    control = None
    if length_control or difficulty is not None:
        if any(len(each.chars) != 2 for each in found):
            raise UsageError(
                "the verdicts do not say how long the answers were",
                fix="import them with the answers",
                at=str(verdicts),
            )
        control = length_controlled(names[0], keys, difficulty, anchor)
    if verdicts is None:
        found = judge_with_progress(judge_named(given, "pair"), items, given)
    show_pairwise(found, names[0], names[1], as_json=given["as_json"], control=control)
    finish(found, given)


@command.command(
    "rubric",
    epilog=examples(
        "evalkit judge rubric runs/a --rubric rubric.yaml --judge openai/gpt-5-mini",
        "evalkit judge rubric runs/a --using rating --judge hf/./judge --limit 100",
    ),
)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN", shell_complete=complete_runs)
@click.option("--rubric", metavar="FILE", help="Rubric file (.yaml or .py), or the name of a judge.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Grades that people gave to some samples: id, label.",
)
@_asking("")
def rubric(run: Path, rubric: str | None, labels: Path | None, **given: Any) -> None:
    """Judge every answer of a run separately, by a rubric or a rating."""
    from evalkit.cli.rendering.judging import show_answers
    from evalkit.judging.human_grades import corrected, read_grades
    from evalkit.judging.session import answer_items

    grades = read_grades(labels) if labels else None
    given["using"] = rubric or given["using"]
    if not given["using"]:
        raise UsageError("no rubric is given", fix="--rubric FILE, or --using rating")
    outputs = outputs_of([run], given)[0]
    found = judge_with_progress(judge_named(given, "answer"), answer_items(outputs, given["limit"]), given)
    show_answers(found, outputs.name, people=corrected(found, grades) if grades else None, as_json=given["as_json"])
    finish(found, given)


@command.command(
    "tournament",
    epilog=examples(
        "evalkit judge tournament runs/a runs/b runs/c --judge openai/gpt-5-mini",
        "evalkit judge tournament --verdicts verdicts.jsonl --style-control",
    ),
)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="RUN…", shell_complete=complete_runs)
@click.option(
    "--verdicts",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use stored verdicts. Repeat it for several files.",
)
@click.option(
    "--ties",
    type=click.Choice(["half", "davidson"]),
    default="half",
    show_default=True,
    help="Count a tie as half a win, or model ties (Davidson).",
)
@click.option("--elo", is_flag=True, help="Add Elo ratings.")
@click.option("--style-control", is_flag=True, help="Add strengths at equal length, headers, lists and bold text.")
@_asking("pairwise")
def tournament(
    runs: tuple[Path, ...], verdicts: tuple[Path, ...], ties: str, elo: bool, style_control: bool, **given: Any
) -> None:
    """Rank several models by judging all pairs of their answers."""
    from evalkit.cli.rendering.tournament import show_tournament, standing_of
    from evalkit.judging.session import list_items, pair_items

    found = stored_verdicts(verdicts)
    if len(runs) == 1 or not (runs or verdicts):
        raise UsageError("a tournament needs at least two runs, or --verdicts FILE", found=" ".join(map(str, runs)))
    if runs:
        outputs = outputs_of(runs, given)
        judge = judge_named(given, "pair", "list")
        items = pair_items if judge.over == "pair" else list_items
        found += judge_with_progress(judge, items(outputs, given["limit"]), given)
    if found and all(one.validity is not Validity.OK for one in found):
        finish(found, {**given, "max_failures": 0.0})
    standing = standing_of(found, davidson=ties == "davidson", elo=elo, style=style_control)
    show_tournament(standing, as_json=given["as_json"])
    finish(found, given)


@command.command(
    "annotate",
    epilog=examples(
        "evalkit judge annotate runs/a runs/b", "evalkit judge annotate runs/a runs/b --task mt_bench --limit 60"
    ),
)
@click.argument("one", type=click.Path(path_type=Path), metavar="RUN_A", shell_complete=complete_runs)
@click.argument("two", type=click.Path(path_type=Path), metavar="RUN_B", shell_complete=complete_runs)
@click.option("--task", default="", metavar="TASK", help="Judge this task only.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Draw N samples at random.  [default: all]")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed for the order of samples and answers.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("annotate.html"),
    show_default=True,
    help="Write the page to this file.",
)
def annotate(one: Path, two: Path, **given: Any) -> None:
    """Write a page on which a person compares the answers of two models without seeing their names.

    The page is one offline file. It saves a CSV file for `evalkit judge audit --labels`.
    """
    from evalkit.judging.annotation_page import page

    outputs = outputs_of([one, two], given)
    made = page(outputs[0], outputs[1], limit=given["limit"], seed=given["seed"])
    if not made.pairs:
        fix = "another RUN, or another --task"
        raise UsageError("the two models gave the same answers", found=f"{made.equal} pairs", fix=fix)
    try:
        given["out"].write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {given['out']}", found=error.strerror or "") from None
    left = f" ({made.equal} pairs of equal answers are left out)" if made.equal else ""
    say(f"{made.pairs} comparisons: {given['out']}{left}")
    say("next: open it in a browser; then evalkit judge audit RUN_A RUN_B --judge MODEL --labels labels.csv")


@command.command(
    "audit",
    epilog=examples(
        "evalkit judge audit runs/a runs/b --judge openai/gpt-5-mini",
        "evalkit judge audit runs/a runs/b --judge openai/gpt-5-mini --labels labels.csv",
    ),
)
@click.argument("one", type=click.Path(path_type=Path), metavar="RUN_A", required=False, shell_complete=complete_runs)
@click.argument("two", type=click.Path(path_type=Path), metavar="RUN_B", required=False, shell_complete=complete_runs)
@_VERDICTS
@click.option("--labels", type=click.Path(path_type=Path), metavar="CSV", help="Labels by people: id, a, b, label.")
@click.option("--own", metavar="MODEL", help="The model that belongs to the judge's family.")
@click.option(
    "--probes", type=click.IntRange(0), default=50, show_default=True, help="Try each probe on this many samples."
)
@_asking("pairwise")
def audit(
    one: Path | None, two: Path | None, verdicts: Path | None, labels: Path | None, own: str | None, probes: int,
    **given: Any,
) -> None:  # fmt: skip
    """Measure whether you can trust a pairwise judge: bias, consistency, agreement with people.

    With --verdicts, evalkit asks no judge and leaves out the parts that need probes.
    """
    from evalkit.cli.rendering.judging import show_audit
    from evalkit.judging.audit import audit_of, probe_items, read_labels
    from evalkit.judging.session import pair_items

    if verdicts is not None:
        found, _ = verdicts_of_two(verdicts, one, two)
        show_audit(audit_of(found, read_labels(labels) if labels else [], own=own), as_json=given["as_json"])
        return
    outputs = outputs_of(both(one, two), given)
    if own is not None and own not in {outputs[0].name, outputs[1].name}:
        raise UsageError(f"{own!r} is none of the two models", found=f"{outputs[0].name}, {outputs[1].name}")
    people = read_labels(labels) if labels else []
    judge = judge_named(given, "pair")
    items = pair_items(outputs, given["limit"])
    items += probe_items(outputs, min(probes, given["limit"] or probes))
    found = judge_with_progress(judge, items, given)
    show_audit(audit_of(found, people, own=own), as_json=given["as_json"])
    finish([one for one in found if not one.probe], given)


@command.command(
    "import",
    epilog=examples(
        "evalkit judge import annotations.json",
        "evalkit judge import votes.csv --layout votes --out verdicts.jsonl",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--layout", default="auto", show_default=True, metavar="NAME", help="Layout of FILE; auto recognizes it.")
@click.option("--judge", default="", metavar="NAME", help="Name of the judge, if the file does not say.")
@click.option("--drop-repeats", is_flag=True, help="Keep the first of several equal verdicts.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Also write the right answers of the file as labels.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write verdicts to FILE.  [default: judgements/<time>.jsonl]",
)
@json_option
def import_(
    file: Path, layout: str, judge: str, drop_repeats: bool, labels: Path | None, out: Path | None, as_json: bool
) -> None:
    """Import verdicts from AlpacaEval, MT-Bench, Arena, LLMBar, JudgeBench or RewardBench.

    Layouts: alpaca_eval, fastchat, fastchat_single, judgebench, llmbar, rewardbench and votes. A votes file is CSV or
    JSONL with the columns a and b (two models), winner (a, b, tie or a name) and question_id; judge, category, worker,
    answer_a and answer_b are optional.
    """
    from evalkit.cli.rendering.imported import show_imported, write_labels
    from evalkit.core import claims
    from evalkit.judging.foreign import LAYOUTS, import_verdicts

    names = ("auto", *(each.name for each in LAYOUTS))
    if layout not in names:
        raise UsageError(f"no layout named {layout!r}", fix=", ".join(names))
    found = import_verdicts(file, layout, judge=judge, drop_repeats=drop_repeats)
    if labels is not None:
        write_labels(labels, found)
    place = out or claims.new_file(Path("judgements"), ".jsonl")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(one.line() for one in found.found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {place}", found=error.strerror or "") from None
    show_imported(found, place, labels, as_json=as_json)
