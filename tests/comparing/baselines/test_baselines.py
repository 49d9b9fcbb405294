"""Baseline files: what is written comes back, changes are lines, and whatever is wrong in one says where."""

from __future__ import annotations

import difflib
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from evalkit.comparing import Column, TaskSide, pair_task
from evalkit.comparing.baselines import looks_like_baseline, parse, read, text_of, write
from evalkit.comparing.gates.integrity import findings
from evalkit.comparing.pairing import values_of
from evalkit.comparing.side import MeanCost
from evalkit.core import UsageError
from evalkit.scoring.metrics import mean, pass_at_k
from tests.comparing.sides import side

NAMES = ["plain", 'with "quotes"', "two\nlines\u2028three", "[bracket]", "ünïcödé", "tab\there", "\udc80half"]


def full() -> TaskSide:
    """A side with everything that a file may have to hold."""
    n = len(NAMES)
    made = side([1.0, 0.0, 0.1234567890123456789, None, 1.0, 1.0, 0.0], ids=list(NAMES), repeats=[0] * n)
    rows = np.asarray([[1.5, 3.0]] * (n - 1) + [[math.nan, math.nan]])
    made.columns["word_perplexity"] = Column("word_perplexity", rows, False, "number")
    made.costs["seconds"] = np.asarray([0.5] * n)
    made.signature, made.created = "sig", "2026-01-02T03:04:05+00:00"
    return made


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "base.evalkit"
    one = full()
    write(path, {"quiz": one, "other": side([1.0], "other")})
    assert looks_like_baseline(path)
    back = read(path)
    assert list(back) == ["other", "quiz"]
    found = back["quiz"]
    assert found.ids == NAMES
    assert found.validity == one.validity
    assert found.facts == one.facts
    assert found.primary_metric == "acc"
    assert np.array_equal(found.columns["acc"].rows, one.columns["acc"].rows, equal_nan=True)
    assert np.array_equal(found.columns["word_perplexity"].rows, one.columns["word_perplexity"].rows, equal_nan=True)
    assert (found.columns["word_perplexity"].higher_is_better, found.columns["word_perplexity"].scale) == (
        False,
        "number",
    )
    assert (found.costs, found.mean_costs["seconds"]) == ({}, MeanCost(0.5, 0.0, len(NAMES)))
    # And it is the same as what it was made of, to a comparison.
    assert [f.what for f in findings(pair_task(found, one), max_failures=1.0) if f.level == "incomparable"] == []
    assert text_of(back).splitlines()[2:] != []


def test_repeats_come_back() -> None:
    one = side([1.0, 0.0, 1.0], ids=["a", "a", "b"], repeats=[0, 1, 0])
    assert parse(text_of({"quiz": one}), "f")["quiz"].repeats == [0, 1, 0]


def test_one_changed_score_is_one_changed_line() -> None:
    before, after = side([1.0] * 50), side([1.0] * 49 + [0.0])
    lines = [
        line
        for line in difflib.unified_diff(
            text_of({"quiz": before}).splitlines(), text_of({"quiz": after}).splitlines(), n=0, lineterm=""
        )
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    # The sample's line, and the score over all of them.
    assert [line[:9] for line in lines] == ["-metric a", "+metric a", '-["49", "', '+["49", "']


def test_a_sample_costs_few_bytes() -> None:
    samples = 2000
    assert len(text_of({"quiz": side([1.0] * samples)})) / samples < 50


def test_two_branches_that_change_different_tasks_merge_in_git(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        name = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def save(first: float, second: float) -> None:
        write(tmp_path / "b", {"one": side([first] * 9, "one"), "two": side([second] * 9, "two")})

    git("init", "-q")
    save(1.0, 1.0)
    git("add", "b")
    git("commit", "-qm", "both")
    git("checkout", "-qb", "left")
    save(0.0, 1.0)
    git("commit", "-qam", "left")
    git("checkout", "-q", "main")
    save(1.0, 0.5)
    git("commit", "-qam", "right")
    git("merge", "-q", "left", "-m", "merged")
    found = read(tmp_path / "b")
    assert [float(found[name].columns["acc"].rows.mean()) for name in ("one", "two")] == [0.0, 0.5]


GOOD = text_of({"quiz": side([1.0, 0.0])})


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("", "f:1: this is no baseline"),
        ("# something else\n", "f:1: this is no baseline"),
        (GOOD.replace('["0",', "<<<<<<< HEAD\n[" + '"0",'), "were merged and disagree"),
        (GOOD.replace("samples: 2", "samples: 3"), "task 'quiz' has 2 samples"),
        (GOOD.replace('["0", "', '["0", 1, "'), "the sample has 5 items, not 4"),
        (GOOD.replace('task: "quiz"', "task: quiz"), "f:4: this is not a JSON value"),
        (GOOD + GOOD.split("\n", 2)[2], "the task 'quiz' occurs twice"),
        (GOOD.replace('", 1]', '", "x"]'), "holds something that is not a number"),
        (GOOD.replace("metric acc:", "metrik acc:"), "has no line `metric acc:`"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(broken: str, said: str) -> None:
    assert broken != GOOD
    with pytest.raises(UsageError) as found:
        parse(broken, "f")
    assert said in str(found.value)
    assert str(found.value).startswith("f:")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the baseline"):
        read(tmp_path / "none")
    assert not looks_like_baseline(tmp_path / "none")


def test_what_uncertainty_needs_comes_back() -> None:
    """Clusters, the ends of a scale, how much costs varied, and how the rows of pass@k become values."""
    one = side([0.5, 1.0, 0.0], clusters=["page", "page", ""])
    one.columns["rating"] = Column.of(mean("rating", scale="number", ends=(1.0, 10.0)), np.array([[3.0], [4.0], [9.0]]))
    one.columns["pass@2"] = Column.of(pass_at_k(2), np.array([[4.0, 2.0, 1.0], [4.0, 4.0, 2.0], [4.0, 0.0, 3.0]]))
    one.costs["seconds"] = np.array([1.0, 2.0, 4.0])
    back = parse(text_of({"quiz": one}), "f")["quiz"]
    assert back.clusters == ["page", "page", ""]
    assert (back.columns["rating"].ends, back.columns["acc"].ends) == ((1.0, 10.0), (0.0, 1.0))
    assert back.mean_costs["seconds"] == MeanCost(2.33333, 1.528, 3)
    assert values_of(pair_task(back, back), "pass@2").baseline == pytest.approx([1 - 1 / 6, 1.0, 0.0])
    assert text_of({"quiz": back}) == text_of({"quiz": one})
    broken = text_of({"quiz": one}).replace('"ends": [1.0, 10.0]', '"ends": "wide"')
    with pytest.raises(UsageError, match="the ends of 'rating' are not two numbers"):
        parse(broken, "f")
    broken = text_of({"quiz": one}).replace('"sd": 1.528', '"sd": "wide"')
    with pytest.raises(UsageError, match="seconds is not a number"):
        parse(broken, "f")
