"""`evalkit judge`: verdicts of a model over finished runs and over JSONL files, and whether to believe them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.core import Judge, UsageError, Validity
from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.judging.outputs import Outputs
    from evalkit.judging.session import Judged, JudgingItem

UNJUDGED = 3
INTERRUPTED = 130

Options = Callable[[Callable[..., Any]], Callable[..., Any]]


def _asking(default: str) -> Options:
    """The options of every command that asks a judge."""
    options = [
        click.option("--judge", "models", multiple=True, metavar="MODEL", help="The judge's model; several: a panel."),
        click.option("--using", default=default, show_default=bool(default), metavar="JUDGE", help="Judge plugin."),
        click.option("--task", default="", metavar="TASK", help="Only this task of the runs."),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N samples."),
        click.option("--repeats", type=click.IntRange(1), default=1, metavar="N", help="Ask N times; the majority."),
        click.option("--max-failures", type=float, default=0.05, show_default=True, help="Unjudged share allowed."),
        click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Verdicts; goes on where it is."),
        click.option("--no-cache", is_flag=True, help="Neither read nor write the response cache."),
        click.option("--json", "as_json", is_flag=True, help="The result as JSON."),
    ]

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@click.group("judge", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Have a model judge answers, and find out whether it can be believed.

    Answers come from run folders or from JSONL files made elsewhere (question, answer, and where known id, model,
    category and reference). What cannot be read from a judge's reply is unjudged: it is counted and never a score.
    """


_VERDICTS = click.option(
    "--verdicts", type=click.Path(path_type=Path), metavar="FILE", help="Verdicts there are; RUN_A, RUN_B: two models."
)


@command.command("pairwise")
@click.argument("one", type=click.Path(path_type=Path), metavar="RUN_A", required=False)
@click.argument("two", type=click.Path(path_type=Path), metavar="RUN_B", required=False)
@_VERDICTS
@_asking("pairwise")
@click.option("--length-control", is_flag=True, help="The win rate at equal length, too (AlpacaEval 2).")
@click.option("--difficulty", type=click.Path(path_type=Path), metavar="CSV", help="Difficulty of every id, for it.")
@click.option("--anchor", type=click.Path(path_type=Path), metavar="CSV", help="Rows that a leaderboard's fits share.")
def pairwise(
    one: Path | None, two: Path | None, verdicts: Path | None, length_control: bool, difficulty: Path | None,
    anchor: Path | None, **given: Any,
) -> None:  # fmt: skip
    """Which of two models' answers are better: every sample in both orders, or the verdicts of a file."""
    from evalkit.cli.rendering.judging import length_controlled, show_pairwise
    from evalkit.judging.session import pair_items

    if anchor is not None and difficulty is None:
        raise UsageError("--anchor goes with the instructions' difficulties", fix="--difficulty CSV")
    if verdicts is not None:
        found, names = _of_two(verdicts, one, two)
        keys = [each.key for each in found]
    else:
        found, outputs = [], _outputs(_both(one, two), given)
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
        found = _judge_all(_judge(given, "pair"), items, given)
    show_pairwise(found, names[0], names[1], as_json=given["as_json"], control=control)
    _finish(found, given)


@command.command("rubric")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--rubric", metavar="FILE", help="A rubric (.yaml or .py), or the name of a judge.")
@click.option("--labels", type=click.Path(path_type=Path), metavar="CSV", help="People's grades of some: id, label.")
@_asking("")
def rubric(run: Path, rubric: str | None, labels: Path | None, **given: Any) -> None:
    """Judge every answer of a run by itself: a rubric, a rating, or any judge of single answers."""
    from evalkit.cli.rendering.judging import show_answers
    from evalkit.judging.human_grades import corrected, read_grades
    from evalkit.judging.session import answer_items

    grades = read_grades(labels) if labels else None
    given["using"] = rubric or given["using"]
    if not given["using"]:
        raise UsageError("no rubric is given", fix="--rubric FILE; or --using rating")
    outputs = _outputs([run], given)[0]
    found = _judge_all(_judge(given, "answer"), answer_items(outputs, given["limit"]), given)
    show_answers(found, outputs.name, people=corrected(found, grades) if grades else None, as_json=given["as_json"])
    _finish(found, given)


@command.command("tournament")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="RUN…")
@click.option("--verdicts", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="Verdicts there are.")
@click.option("--ties", type=click.Choice(["half", "davidson"]), default="half", show_default=True)
@click.option("--elo", is_flag=True, help="Elo ratings beside the strengths.")
@click.option("--style-control", is_flag=True, help="Strengths at equal length, headers, lists and bold, too.")
@_asking("pairwise")
def tournament(
    runs: tuple[Path, ...], verdicts: tuple[Path, ...], ties: str, elo: bool, style_control: bool, **given: Any
) -> None:
    """Rank several models by all pairs of their answers, or by the verdicts of files."""
    from evalkit.cli.rendering.tournament import show_tournament, standing_of
    from evalkit.judging.session import list_items, pair_items

    found = _verdicts(verdicts)
    if len(runs) == 1 or not (runs or verdicts):
        raise UsageError("a tournament has two runs or more, or --verdicts FILE", found=" ".join(map(str, runs)))
    if runs:
        outputs = _outputs(runs, given)
        judge = _judge(given, "pair", "list")
        items = pair_items if judge.over == "pair" else list_items
        found += _judge_all(judge, items(outputs, given["limit"]), given)
    if found and all(one.validity is not Validity.OK for one in found):
        _finish(found, {**given, "max_failures": 0.0})
    standing = standing_of(found, davidson=ties == "davidson", elo=elo, style=style_control)
    show_tournament(standing, as_json=given["as_json"])
    _finish(found, given)


@command.command("annotate")
@click.argument("one", type=click.Path(path_type=Path), metavar="RUN_A")
@click.argument("two", type=click.Path(path_type=Path), metavar="RUN_B")
@click.option("--task", default="", metavar="TASK", help="Only this task of the runs.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="This many samples, drawn at random.")
@click.option("--seed", type=int, default=1, show_default=True, help="Order of samples and of answers.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("annotate.html"), show_default=True)
def annotate(one: Path, two: Path, **given: Any) -> None:
    """Write a page in which a person compares two models' answers, blind, with the keyboard.

    The page is one file without a network. It saves a CSV that `evalkit judge audit --labels` reads.
    """
    from evalkit.judging.annotation_page import page

    outputs = _outputs([one, two], given)
    text, count = page(outputs[0], outputs[1], limit=given["limit"], seed=given["seed"])
    try:
        given["out"].write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {given['out']}", found=error.strerror or "") from None
    say(f"{count} comparisons: {given['out']}")
    say("next: open it in a browser; then evalkit judge audit RUN_A RUN_B --judge MODEL --labels labels.csv")


@command.command("audit")
@click.argument("one", type=click.Path(path_type=Path), metavar="RUN_A", required=False)
@click.argument("two", type=click.Path(path_type=Path), metavar="RUN_B", required=False)
@_VERDICTS
@click.option("--labels", type=click.Path(path_type=Path), metavar="CSV", help="Human labels: id, a, b, label.")
@click.option("--own", metavar="MODEL", help="Which of the two is of the judge's family.")
@click.option("--probes", type=click.IntRange(0), default=50, show_default=True, help="Samples tried with each probe.")
@_asking("pairwise")
def audit(
    one: Path | None, two: Path | None, verdicts: Path | None, labels: Path | None, own: str | None, probes: int,
    **given: Any,
) -> None:  # fmt: skip
    """Say how far a pairwise judge can be believed: its biases, its consistency, its agreement with people.

    With --verdicts nobody is asked, and what needs probes is left out.
    """
    from evalkit.cli.rendering.judging import show_audit
    from evalkit.judging.audit import audit_of, probe_items, read_labels
    from evalkit.judging.session import pair_items

    if verdicts is not None:
        found, _ = _of_two(verdicts, one, two)
        show_audit(audit_of(found, read_labels(labels) if labels else [], own=own), as_json=given["as_json"])
        return
    outputs = _outputs(_both(one, two), given)
    if own is not None and own not in {outputs[0].name, outputs[1].name}:
        raise UsageError(f"{own!r} is none of the two models", found=f"{outputs[0].name}, {outputs[1].name}")
    people = read_labels(labels) if labels else []
    judge = _judge(given, "pair")
    items = pair_items(outputs, given["limit"])
    items += probe_items(outputs, min(probes, given["limit"] or probes))
    found = _judge_all(judge, items, given)
    show_audit(audit_of(found, people, own=own), as_json=given["as_json"])
    _finish([one for one in found if not one.probe], given)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--layout", default="auto", show_default=True, metavar="NAME", help="Told by its columns: see below.")
@click.option("--judge", default="", metavar="NAME", help="Who judged, where the file does not say it.")
@click.option("--drop-repeats", is_flag=True, help="Keep the first of lines that say the same.")
@click.option("--labels", type=click.Path(path_type=Path), metavar="CSV", help="Write what is right there, too.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where the verdicts go.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
def import_(
    file: Path, layout: str, judge: str, drop_repeats: bool, labels: Path | None, out: Path | None, as_json: bool
) -> None:
    """Take over verdicts that were made elsewhere: AlpacaEval, MT-Bench, Arena, LLMBar, JudgeBench, RewardBench.

    Layouts are alpaca_eval, fastchat, fastchat_single, judgebench, llmbar, rewardbench and votes: a CSV or JSONL with
    the columns a and b (two models), winner (a, b, tie or a name), question_id, and where known judge, category,
    worker, answer_a and answer_b.
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


# ---------------------------------------------------------------- parts


def _both(one: Path | None, two: Path | None) -> list[Path]:
    if one is None or two is None:
        raise UsageError("two runs or files of answers are compared", fix="RUN_A RUN_B, or --verdicts FILE")
    return [one, two]


def _verdicts(paths: Sequence[Path]) -> list[Judged]:
    """The verdicts of files; what repeats is counted and named on stderr."""
    from collections import Counter

    from evalkit.judging.session import read_all

    repeated: Counter[str] = Counter()
    found = read_all(paths, repeated)
    if repeated:
        what, _ = repeated.most_common(1)[0]
        say(f"evalkit: {sum(repeated.values()):,} verdicts were asked the same as a later one, which counts; "
            f"for instance {what}", err=True)  # fmt: skip
    return found


def _of_two(path: Path, one: Path | None, two: Path | None) -> tuple[list[Judged], tuple[str, str]]:
    """The verdicts of a file about two models: those that are named, or the only two there are."""
    found = _verdicts([path])
    models = list(dict.fromkeys(name for each in found for name in each.models))
    named = [str(name) for name in (one, two) if name is not None] or models
    if len(named) != 2 or not set(named) <= set(models):
        wrong = "the file has no verdicts of these two models" if one else "the file has not just two models"
        raise UsageError(wrong, found=", ".join(models)[:200], fix="--verdicts FILE MODEL_A MODEL_B", at=str(path))
    return [each for each in found if set(each.models) == set(named)], (named[0], named[1])


def _outputs(paths: Sequence[Path], given: dict[str, Any]) -> list[Outputs]:
    from evalkit.runs.judged_outputs import read_outputs

    found = [read_outputs(path, given["task"]) for path in paths]
    for outputs in found:
        if outputs.unusable:
            say(f"evalkit: {outputs.place}: {outputs.unusable} records without a reply are left out", err=True)
    return found


def _judge(given: dict[str, Any], *over: str) -> Judge:
    from evalkit.plugins import load

    judge = load("judge", given["using"])
    assert isinstance(judge, Judge)
    if judge.over not in over:
        kind = {"answer": "single answers", "pair": "two answers", "list": "lists of answers"}[judge.over]
        raise UsageError(f"the judge {given['using']!r} decides over {kind}", fix="evalkit list judges")
    if judge.bound is not None and not given["models"]:
        raise UsageError("no judge is given", fix="--judge MODEL; evalkit list models")
    return judge


def _judge_all(judge: Judge, items: Sequence[JudgingItem], given: dict[str, Any]) -> list[Judged]:
    """Every verdict, with what it cost on stderr. Ctrl-C keeps what is there and says how to go on."""
    import asyncio

    from evalkit import models
    from evalkit.core import claims, paths
    from evalkit.judging.audit import REPEATS
    from evalkit.judging.logprob_grades import SAMPLED, SAMPLES
    from evalkit.judging.panel import panel, repeated, sampled
    from evalkit.judging.reply_forms import told
    from evalkit.judging.session import Verdicts, judge_all
    from evalkit.judging.usage import UsageMeter
    from evalkit.models.response_cache import cached
    from evalkit.models.sqlite_cache import SqliteCache

    opened = [models.resolve(name) for name in given["models"]]
    cache = SqliteCache(paths.cache_dir()) if not given["no_cache"] else None
    meters = [UsageMeter(model if cache is None else cached(model, cache)) for model in opened]

    def held(one: Judge) -> Judge:
        """The judge with its model, or the panel of it with each of several."""
        if one.bound is None:
            return one
        asked = repeated(one, given["repeats"]) if given["repeats"] > 1 else one
        assert asked.bound is not None
        bound = [asked.bound(meter) for meter in meters]
        return bound[0] if len(bound) == 1 else panel(one.name, bound, by="majority")

    plain = held(judge)
    tries = {probe: held(sampled(judge, number)) for number, probe in enumerate(REPEATS, 1)}
    out = given["out"] or claims.new_file(Path("judgements"), ".jsonl")
    verdicts = Verdicts.open(out)
    window = min((meter.capabilities.window for meter in meters), default=16)

    async def work() -> list[Judged]:
        try:
            return await judge_all(lambda item: tries.get(item.probe, plain), items, verdicts, window=window)
        finally:
            for meter in meters:
                await meter.close()

    try:
        found = asyncio.run(work())
    except KeyboardInterrupt:
        say(f"evalkit: interrupted; every verdict is kept\n  go on: the same command with --out {out}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        verdicts.close()
        if cache is not None:
            cache.close()
    for meter in meters:
        say(f"evalkit: {meter.identity.name}: {meter.spent.words()}", err=True)
        if form := told(meter):
            say(f"evalkit: {meter.identity.name}: {form}", err=True)
    if sampled_ones := sum(SAMPLED in one.notes for one in found):
        say(f"evalkit: {sampled_ones:,} of {len(found):,} soft verdicts are proportions of {SAMPLES} sampled replies: "
            "the judge gives no log-probabilities", err=True)  # fmt: skip
    say(f"evalkit: verdicts: {out}", err=True)
    return found


def _finish(found: Sequence[Judged], given: dict[str, Any]) -> None:
    """Exit 3 where more than the allowed proportion is unjudged, with the commonest reason."""
    from collections import Counter

    from evalkit.judging.advice import advice

    missing = [one for one in found if one.validity is not Validity.OK]
    if not missing or len(missing) <= given["max_failures"] * len(found):
        return
    reasons = Counter(one.reason.splitlines()[0] if one.reason else "no reason" for one in missing)
    reason, _ = reasons.most_common(1)[0]
    every = "all" if len(missing) == len(found) else f"{len(missing)} of"
    say(f"evalkit: {every} {len(found)} are unjudged; most often {reason}", err=True)
    fix = advice([one.reason for one in missing], every=len(missing) == len(found))
    say(f"  try:   {fix}; the verdicts' file holds what it said", err=True)
    sys.stdout.flush()
    raise click.exceptions.Exit(UNJUDGED)
