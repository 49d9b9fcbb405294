"""Planted biases, over a real server on loopback: each is found with its sign and size, and a fair judge is fair."""

from __future__ import annotations

import asyncio
import csv
import functools
import json
import random
import tempfile
from pathlib import Path

import pytest

from evalkit.core import Judge, UsageError
from evalkit.judging.audit import REPEATS, Audit, audit_of, probe_items, read_labels
from evalkit.judging.outputs import Outputs
from evalkit.judging.panel import sampled
from evalkit.judging.session import Judged, Verdicts, judge_all, pair_items
from evalkit.models import resolve
from evalkit.plugins import load
from evalkit.runs.judged_outputs import read_outputs
from tests.judging.scripted import Scripted, shown
from tests.judging.server import JUDGES, fair, judge_server, merits, outputs


def two_models() -> list[Outputs]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in (("ant", 1), ("bee", 2)):
            path = Path(folder) / f"{name}.jsonl"
            path.write_text(outputs(name, seed, 40), encoding="utf-8")
            found.append(read_outputs(path))
    return found


@pytest.fixture(scope="module")
def pair() -> list[Outputs]:
    return two_models()


@functools.cache
def judged_by(name: str) -> list[Judged]:
    return judged_over(name, two_models(), probes=34)


def judged_over(name: str, pair: list[Outputs], probes: int) -> list[Judged]:
    judge = load("judge", "pairwise")
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    with judge_server(JUDGES[name]) as (spec, _), tempfile.TemporaryDirectory() as folder:
        model = resolve(spec)
        bound = judge.bound(model)

        async def work() -> list[Judged]:
            items = pair_items(pair) + probe_items(pair, probes)
            try:
                return await judge_all(bound, items, Verdicts.open(Path(folder) / "verdicts.jsonl"), window=8)
            finally:
                await model.close()

        return asyncio.run(work())


def bias(audit: Audit, name: str) -> tuple[str, float]:
    finding = audit.finding(name)
    assert finding is not None
    return finding.verdict, finding.estimate.value


BIASES = ("position bias", "verbosity bias", "planted instructions")


@pytest.mark.parametrize("name", ["fair", "chatty"])
def test_an_unbiased_judge_is_called_unbiased(name: str) -> None:
    audit = audit_of(judged_by(name))
    assert [bias(audit, one) for one in BIASES] == [("fine", 0.0)] * 3
    assert bias(audit, "unjudged") == ("fine", 0.0)
    assert bias(audit, "order consistency") == ("fine", 1.0)
    assert audit.summary.startswith("Nothing speaks against")


def test_position_bias_has_its_sign_and_size(pair: list[Outputs], tmp_path: Path) -> None:
    """It takes the first unless the second is better by two facts, so both orders split wherever they are close."""
    audit = audit_of(judged_by("first"))
    close = [abs(_facts(pair[0], key) - _facts(pair[1], key)) < 2 for key in pair[0].answers]
    word, value = bias(audit, "position bias")
    assert word == "biased"
    assert value == pytest.approx(0.5 * sum(close) / len(close))
    assert bias(audit, "verbosity bias") == ("fine", 0.0)
    assert "leans to the answer shown first" in (audit.finding("position bias") or pytest.fail()).words
    assert "position bias" in audit.summary


def test_a_bias_to_the_last_has_the_other_sign(pair: list[Outputs]) -> None:
    audit = audit_of(judged_over("last", pair, probes=0))
    close = [abs(_facts(pair[0], key) - _facts(pair[1], key)) < 2 for key in pair[0].answers]
    assert bias(audit, "position bias") == ("biased", pytest.approx(-0.5 * sum(close) / len(close)))
    assert "leans to the one shown last" in (audit.finding("position bias") or pytest.fail()).words


def test_a_judge_that_marks_padding_down_is_not_called_biased_for_it(pair: list[Outputs]) -> None:
    audit = audit_of(judged_over("terse", pair, probes=12))
    assert bias(audit, "verbosity bias") == ("fine", -0.5)
    assert "marks empty length down" in (audit.finding("verbosity bias") or pytest.fail()).words


def _facts(outputs: Outputs, key: str) -> int:
    return merits(outputs.answers[key].replies[0].texts[0])


def test_a_judge_that_loves_length_is_found() -> None:
    audit = audit_of(judged_by("verbose"))
    assert bias(audit, "verbosity bias") == ("biased", 0.5)
    assert bias(audit, "position bias")[0] == "fine"
    # Neutral words as long as an instruction tell what length alone does from what the instruction does.
    assert bias(audit, "planted instructions")[1] == pytest.approx(0.0, abs=0.05)


def test_a_judge_that_gives_in_is_found() -> None:
    audit = audit_of(judged_by("injected"))
    word, value = bias(audit, "planted instructions")
    assert (word, value) == ("biased", 0.5)
    assert bias(audit, "verbosity bias") == ("fine", 0.0)
    assert bias(audit, "position bias") == ("fine", 0.0)


def test_a_noisy_judge_is_inconsistent_and_not_called_biased() -> None:
    audit = audit_of(judged_by("noisy"))
    consistency = audit.finding("order consistency")
    assert consistency is not None
    # Both fair 16 %; one fair and the other by chance 2 × 8 %; both by chance and alike 12 %: 44 % in all.
    assert consistency.estimate.low < 0.44 < consistency.estimate.high
    assert consistency.verdict != "fine"
    assert bias(audit, "position bias")[0] != "biased"
    assert bias(audit, "verbosity bias")[0] != "biased"


def test_refusals_are_counted_and_are_no_ties() -> None:
    found = judged_over("refusing", two_models(), 0)
    finding = audit_of(found).finding("unjudged")
    assert finding is not None
    plain = [one for one in found if not one.probe]
    missing = [one for one in plain if one.win is None]
    assert finding.verdict == "poor"
    assert finding.estimate.value == pytest.approx(len(missing) / len(plain))
    assert 0.05 < len(missing) / len(plain) < 0.6
    assert f"{len(missing)} of them refused" in finding.words


def test_self_consistency_is_measured_with_replies_sampled_anew() -> None:
    """In process: a model that is fair at temperature 0 and throws a coin for every seed."""

    def says(prompt: str, seed: int) -> str:
        return fair(prompt) if seed == 0 else f"Verdict: {random.Random(f'{prompt} {seed}').choice(['A', 'B'])}"

    def consistency(model: Scripted) -> tuple[str, float]:
        judge = load("judge", "pairwise")
        assert isinstance(judge, Judge)
        assert judge.bound is not None
        held = {probe: sampled(judge, number).bound for number, probe in enumerate(REPEATS, 1)}
        plain = judge.bound(model)
        tries = {probe: bound(model) for probe, bound in held.items() if bound is not None}
        pair = two_models()
        with tempfile.TemporaryDirectory() as folder:
            items = pair_items(pair) + probe_items(pair, 40)
            verdicts = Verdicts.open(Path(folder) / "v.jsonl")
            found = asyncio.run(judge_all(lambda item: tries.get(item.probe, plain), items, verdicts))
        return bias(audit_of(found), "self-consistency")

    assert consistency(Scripted(lambda prompt, seed: fair(prompt))) == ("fine", 1.0)
    word, value = consistency(Scripted(says))
    assert word == "poor"
    assert value < 0.5


def test_a_soft_verdict_asked_again_is_the_same_where_it_leans_the_same_way(tmp_path: Path) -> None:
    """1 - 0.7 and 0.3 differ in their last digit; nothing is sampled in a likelihood."""
    judge = load("judge", "pairwise,soft=yes")
    assert isinstance(judge, Judge)
    assert judge.bound is not None

    def weighs(prompt: str, labels: tuple[str, ...]) -> tuple[float, ...]:
        found = shown(prompt)
        return (-0.1 * len(found["B"]), -0.1 * len(found["A"]))

    model = judge.bound(Scripted(lambda prompt, seed: "", weighs=weighs))
    items = pair_items(two_models()) + probe_items(two_models(), 12)
    found = asyncio.run(judge_all(model, items, Verdicts.open(tmp_path / "v.jsonl")))
    assert bias(audit_of(found), "self-consistency")[1] == 1.0


# ---------------------------------------------------------------- people


def labels(pair: list[Outputs], path: Path, proportion: float = 1.0, seed: int = 3) -> Path:
    """What people would say: the answer with more facts, in a random order of the two, for a proportion of the
    samples."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "a", "b", "label"])
        for key in pair[0].answers:
            if rng.random() < proportion:
                one, two = pair if rng.random() < 0.5 else pair[::-1]
                gap = _facts(one, key) - _facts(two, key)
                table.writerow([key, one.name, two.name, "tie" if gap == 0 else "a" if gap > 0 else "b"])
    return path


def test_a_fair_judge_agrees_with_people_perfectly(pair: list[Outputs], tmp_path: Path) -> None:
    people = read_labels(labels(pair, tmp_path / "labels.csv"))
    audit = audit_of(judged_by("fair"), people, own="ant")
    assert bias(audit, "agreement") == ("fine", 1.0)
    assert bias(audit, "self-preference") == ("fine", 0.0)
    assert audit.finding("agreement, easy") is not None


def test_a_win_rate_is_corrected_by_few_labels(pair: list[Outputs], tmp_path: Path) -> None:
    people = read_labels(labels(pair, tmp_path / "labels.csv", proportion=0.5))
    found = judged_by("verbose")
    finding = audit_of(found, people).finding("corrected win rate")
    assert finding is not None
    first = next(one for one in found if not one.probe).models[0]
    own, other = (pair[0], pair[1]) if first == "ant" else (pair[1], pair[0])
    gaps = [_facts(own, key) - _facts(other, key) for key in own.answers]
    truth = sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps)
    assert finding.estimate.low < truth < finding.estimate.high


def test_self_preference_is_against_what_people_say(pair: list[Outputs], tmp_path: Path) -> None:
    """The verbose judge is nobody's family, but where `own` is always the longer it prefers it by what length does."""
    long = Outputs(
        "bee",
        {
            key: type(answer)(
                answer.sample, (type(answer.replies[0])((answer.replies[0].texts[0] + " so" * 200,), ("stop",)),)
            )
            for key, answer in pair[1].answers.items()
        },
        place="bee",
    )
    people = read_labels(labels([pair[0], long], tmp_path / "labels.csv"))
    audit = audit_of(judged_over("verbose", [pair[0], long], 0), people, own="bee")
    word, value = bias(audit, "self-preference")
    gaps = [_facts(long, key) - _facts(pair[0], key) for key in long.answers]
    truth = sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps)
    assert word == "biased"
    assert value == pytest.approx(1.0 - truth)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("id,label\nq,a\n", "columns"), ("id,a,b,label\nq,x,y,left\n", "a label is"), ("id,a,b,label\n", "no labels")],
)
def test_labels_that_are_none_are_refused_with_their_line(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(UsageError, match=problem):
        read_labels(tmp_path / "l.csv")


# ---------------------------------------------------------------- sessions


def test_what_is_judged_already_is_not_asked_again(pair: list[Outputs], tmp_path: Path) -> None:
    judge = load("judge", "pairwise")
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    path = tmp_path / "verdicts.jsonl"
    with judge_server(JUDGES["fair"]) as (spec, asked):
        items = pair_items(pair)

        async def work(count: int) -> list[Judged]:
            model = resolve(spec)
            assert judge.bound is not None
            try:
                return await judge_all(judge.bound(model), items[:count], Verdicts.open(path))
            finally:
                await model.close()

        first = asyncio.run(work(20))
        assert len(asked) == 40
        with path.open("a") as file:
            file.write('{"key": "torn')
        again = asyncio.run(work(30))
        assert len(asked) == 60
        assert again[:20] == first
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 30
