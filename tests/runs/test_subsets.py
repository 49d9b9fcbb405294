"""`--subset anchors=N` end to end: learned from stored runs, nested, in the signature, resumed and rescored alike."""

from __future__ import annotations

import asyncio
import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from evalkit import run
from evalkit.cli.rendering.output import print_scores
from evalkit.comparing import pair_tasks
from evalkit.comparing.gates import open_run
from evalkit.comparing.gates.integrity import findings
from evalkit.core import UsageError
from evalkit.reporting.leaderboard import board
from evalkit.runs.execution import sessions
from evalkit.runs.plan import plan_with
from evalkit.runs.runner.rescore import rescore
from evalkit.runs.store import Run, subset_file
from tests.runs.runner.scripted import Skilled, say_task

QUESTIONS = 300


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    for name, skill in (("weak", 0.3), ("middling", 0.5), ("strong", 0.7)):
        run(say_task(QUESTIONS), Skilled(name, skill), out=tmp_path / "runs" / name, cache=False)
    return tmp_path / "runs"


def asked(folder: Path, runs: Path, n: int, name: str = "new") -> Run:
    return run(say_task(QUESTIONS), Skilled(name, 0.55), out=folder, subset=f"anchors={n},runs={runs}", cache=False)


def ids(made: Run) -> set[str]:
    return {record.sample.id for record in made.records()}


def test_few_samples_estimate_the_whole_set(stored: Path, tmp_path: Path) -> None:
    made, whole = (
        asked(tmp_path / "new", stored, 60),
        run(say_task(QUESTIONS), Skilled("new", 0.55), out=tmp_path / "w"),
    )
    found, truth = made.estimate("say"), whole.estimate("say").value
    assert len(ids(made)) == found.n == 60
    assert found.low < truth < found.high
    assert found.how.startswith("60 anchors of 300")
    # Narrower than 60 samples alone, by what is left of the set and by what the stored runs explain.
    alone = 2 * 1.96 * math.sqrt(truth * (1 - truth) / 60)
    assert found.high - found.low < 0.85 * alone


def test_the_manifest_and_the_signature_name_the_subset(stored: Path, tmp_path: Path) -> None:
    made = asked(tmp_path / "new", stored, 60)
    (entry,) = made.manifest.tasks
    assert entry.result is not None
    kept = subset_file.read(made.folder)["say"]
    assert entry.identity["subset"] == f"anchors=60@{kept.digest[:8]}"
    assert f"|limit:–|subset:anchors=60@{kept.digest[:8]}|" in entry.result.signature
    assert {model for _, model in kept.runs} == {"weak", "middling", "strong"}
    assert kept.asked == ids(made)


def test_a_larger_subset_holds_a_smaller_one_and_models_are_asked_the_same(stored: Path, tmp_path: Path) -> None:
    small, large = asked(tmp_path / "a", stored, 40), asked(tmp_path / "b", stored, 100, "other")
    assert ids(small) < ids(large)
    # Runs of a subset are not learned from, so a third one is asked what the first was.
    assert ids(asked(tmp_path / "c", stored, 40, "third")) == ids(small)


def test_every_stratum_of_difficulty_is_asked(stored: Path, tmp_path: Path) -> None:
    kept = subset_file.read(asked(tmp_path / "a", stored, 42).folder)["say"]
    counts = [sum(kept.design.strata[kept.design.order[:42]] == stratum) for stratum in range(5)]
    assert sum(counts) == 42
    assert max(counts) - min(counts) <= 1


def test_a_subset_is_never_gated_against_a_whole_run(stored: Path, tmp_path: Path) -> None:
    part = asked(tmp_path / "a", stored, 40)
    (pair,), _, _ = pair_tasks(open_run(Run.open(stored / "weak")).sides, open_run(part).sides)
    said = [one.what for one in findings(pair, common_samples=True) if one.level == "incomparable"]
    assert any("the subset of samples changed: – → anchors=40@" in what for what in said), said
    again = asked(tmp_path / "b", stored, 40, "other")
    (same,), _, _ = pair_tasks(open_run(part).sides, open_run(again).sides)
    assert [one for one in findings(same) if one.level == "incomparable"] == []


def test_tables_and_rankings_say_that_it_is_an_estimate(stored: Path, tmp_path: Path) -> None:
    part = asked(tmp_path / "a", stored, 40)
    out = Console(file=StringIO(), width=200)
    print_scores(out, [part])
    told = out.file.getvalue()  # type: ignore[attr-defined]
    assert "exact_match is the estimate of the whole set's mean from anchors=40" in told
    made = board([Run.open(stored / "weak"), part])
    assert "say, new: the whole set's mean as estimated from anchors=40" in made.notes
    print_scores(out, [Run.open(stored / "weak")])
    assert out.file.getvalue().count("estimate of") == 1  # type: ignore[attr-defined]


def test_a_rescored_run_estimates_the_same(stored: Path, tmp_path: Path) -> None:
    made = asked(tmp_path / "new", stored, 60)
    for folder in stored.iterdir():
        for file in folder.iterdir():
            file.unlink()
    again = asyncio.run(rescore(made, {"say": say_task(QUESTIONS)}, tmp_path / "again"))
    assert again.estimate("say") == made.estimate("say")
    assert subset_file.read(again.folder)["say"].words == subset_file.read(made.folder)["say"].words


def test_a_resumed_run_asks_what_it_was_begun_with(stored: Path, tmp_path: Path) -> None:
    """What was stored since, or is gone, changes nothing; without the run's own file there is nothing to learn from."""
    kept = subset_file.read(asked(tmp_path / "new", stored, 60).folder)
    options = {"subset": f"anchors=60,runs={tmp_path / 'gone'}"}
    plan = plan_with([say_task(QUESTIONS)], [Skilled("new", 0.55)], options)
    (session,) = sessions(plan, kept)
    (task,) = session.tasks
    assert {work.attempt.sample.id for work in task.work()} == kept["say"].asked
    assert task.identity["subset"] == kept["say"].words
    with pytest.raises(UsageError, match="no stored run"):
        sessions(plan)


def test_repeats_of_a_sample_are_one_value(stored: Path, tmp_path: Path) -> None:
    made = run(
        say_task(QUESTIONS), Skilled("new", 0.55), out=tmp_path / "r", subset=f"anchors=60,runs={stored}", samples=2,
        temperature=1.0,
        cache=False,
    )  # fmt: skip
    (entry,) = made.manifest.tasks
    assert (entry.total, made.estimate("say").n) == (120, 60)
    assert made.estimate("say").value == asked(tmp_path / "once", stored, 60).estimate("say").value


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subset": "anchors=200"}, "no stored run says which samples"),
        ({"subset": "anchors=60", "limit": 10}, "--subset and --limit both choose"),
        ({"subset": "sixty"}, "anchors=N"),
        ({"subset": "anchors=0"}, "anchors=N"),
    ],
)
def test_mistakes_are_usage_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=said):
        run(say_task(QUESTIONS), Skilled("new", 0.5), **options)


@pytest.mark.parametrize("n", [19, 300])
def test_too_few_and_all_are_refused(stored: Path, tmp_path: Path, n: int) -> None:
    with pytest.raises(UsageError, match="at least 20 samples and fewer than all"):
        asked(tmp_path / "new", stored, n)


def test_runs_of_other_questions_say_nothing(tmp_path: Path) -> None:
    run(say_task(QUESTIONS + 1), Skilled("weak", 0.3), out=tmp_path / "runs" / "weak", cache=False)
    run(say_task(QUESTIONS), Skilled("few", 0.3), out=tmp_path / "runs" / "few", limit=50, cache=False)
    with pytest.raises(UsageError, match="no stored run says which samples"):
        asked(tmp_path / "new", tmp_path / "runs", 60)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    from evalkit.core import RunError

    (tmp_path / subset_file.FILE).write_bytes(b"not gzip")
    with pytest.raises(RunError, match="is damaged"):
        subset_file.read(tmp_path)
