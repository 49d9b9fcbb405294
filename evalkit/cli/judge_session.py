"""What the commands of `evalkit judge` have in common: answers and verdicts read, the judge asked, the exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.core import Judge, UsageError, Validity
from evalkit.core.event_loop import run_async
from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.cli.rendering.judging_progress import JudgingProgress
    from evalkit.judging.outputs import Outputs
    from evalkit.judging.session import Judged, JudgingItem, Verdicts
    from evalkit.judging.usage import UsageMeter

__all__ = ["both", "finish", "judge_named", "judge_with_progress", "outputs_of", "stored_verdicts", "verdicts_of_two"]

UNJUDGED = 3
INTERRUPTED = 130


def both(one: Path | None, two: Path | None) -> list[Path]:
    if one is None or two is None:
        raise UsageError("give two runs, or two files of answers", fix="RUN_A RUN_B, or --verdicts FILE")
    return [one, two]


def stored_verdicts(paths: Sequence[Path]) -> list[Judged]:
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


def verdicts_of_two(path: Path, one: Path | None, two: Path | None) -> tuple[list[Judged], tuple[str, str]]:
    """The verdicts of a file about two models: those that are named, or the only two there are."""
    found = stored_verdicts([path])
    models = list(dict.fromkeys(name for each in found for name in each.models))
    named = [str(name) for name in (one, two) if name is not None] or models
    if len(named) != 2 or not set(named) <= set(models):
        wrong = "the file has no verdicts of these two models" if one else "the file has not just two models"
        raise UsageError(wrong, found=", ".join(models)[:200], fix="--verdicts FILE MODEL_A MODEL_B", at=str(path))
    return [each for each in found if set(each.models) == set(named)], (named[0], named[1])


def outputs_of(paths: Sequence[Path], given: dict[str, Any]) -> list[Outputs]:
    from evalkit.runs.judged_outputs import read_outputs

    found = [read_outputs(path, given["task"]) for path in paths]
    for outputs in found:
        if outputs.unusable:
            say(f"evalkit: {outputs.place}: {outputs.unusable} records without a reply are left out", err=True)
    return found


def judge_named(given: dict[str, Any], *over: str) -> Judge:
    from evalkit.plugins import load

    judge = load("judge", given["using"])
    assert isinstance(judge, Judge)
    if judge.over not in over:
        kind = {"answer": "single answers", "pair": "two answers", "list": "lists of answers"}[judge.over]
        raise UsageError(f"the judge {given['using']!r} judges {kind}", fix="evalkit list judges")
    if judge.bound is not None and not given["models"]:
        raise UsageError("no judge is given", fix="--judge MODEL; `evalkit list models` lists them")
    return judge


def judge_with_progress(judge: Judge, items: Sequence[JudgingItem], given: dict[str, Any]) -> list[Judged]:
    """Every verdict, with what it cost on stderr. Ctrl-C keeps what is there and says how to go on."""
    from evalkit import models
    from evalkit.core import claims, paths
    from evalkit.judging.audit import REPEATS
    from evalkit.judging.panel import panel, repeated, sampled
    from evalkit.judging.session import Verdicts
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
    try:
        found = run_async(lambda: _judged(lambda item: tries.get(item.probe, plain), items, verdicts, meters))
    except KeyboardInterrupt:
        say(f"evalkit: interrupted; every verdict is kept\n  continue: the same command with --out {out}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        verdicts.close()
        if cache is not None:
            cache.close()
    _say_how(found, meters, out)
    return found


async def _judged(
    judge: Callable[[JudgingItem], Judge], items: Sequence[JudgingItem], verdicts: Verdicts, meters: list[UsageMeter]
) -> list[Judged]:
    """Every verdict, with progress on stderr; closes the judges' models."""
    from evalkit.cli.rendering.judging_progress import JudgingProgress
    from evalkit.judging.session import judge_all

    shown, before = JudgingProgress(len(items)), set(verdicts.done)

    def told(verdict: Judged) -> None:
        shown.advance(verdict, asked=verdict.asked not in before)

    beat = asyncio.create_task(_tick(shown, meters))
    window = min((meter.capabilities.window for meter in meters), default=16)
    try:
        return await judge_all(judge, items, verdicts, window=window, told=told)
    finally:
        beat.cancel()
        shown.close()
        for meter in meters:
            await meter.close()


def _say_how(found: Sequence[Judged], meters: Sequence[UsageMeter], out: Path) -> None:
    """What the judges were asked and what it cost, in which form they were asked, and where the verdicts are."""
    from evalkit.judging.logprob_grades import SAMPLED, SAMPLES
    from evalkit.judging.reply_forms import told

    for meter in meters:
        say(f"evalkit: {meter.identity.name}: {meter.spent.words()}", err=True)
        if form := told(meter):
            say(f"evalkit: {meter.identity.name}: {form}", err=True)
    if sampled_ones := sum(SAMPLED in one.notes for one in found):
        say(f"evalkit: {sampled_ones:,} of {len(found):,} soft verdicts are proportions of {SAMPLES} sampled replies: "
            "the judge gives no log-probabilities", err=True)  # fmt: skip
    say(f"evalkit: verdicts: {out}", err=True)


async def _tick(shown: JudgingProgress, meters: Sequence[UsageMeter]) -> None:
    """Tell the progress every second what the judges have written: the first verdict of a slow one takes minutes."""
    while True:
        await asyncio.sleep(1.0)
        shown.tick(sum(int(getattr(meter, "tokens_written", 0)) for meter in meters))


def finish(found: Sequence[Judged], given: dict[str, Any]) -> None:
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
