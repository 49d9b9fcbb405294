"""A gate that runs its candidate in parts, end to end with a scripted model: who decides, and how much is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit import run
from evalkit.comparing.gates import GateOutcome, Opened, open_run
from evalkit.comparing.gates.look_rules import AdaptiveLooks, Rule, ScheduledLooks
from evalkit.comparing.gates.looks import run_in_looks
from evalkit.comparing.gates.policy import Margin, Policy
from evalkit.comparing.gates.report import GateReport
from evalkit.core import UsageError
from evalkit.runs.plan import plan_with
from evalkit.runs.runner import Silent
from tests.runs.runner.scripted import Parrot, Skilled, say_task

QUESTIONS = 1200


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    out = tmp_path_factory.mktemp("gate") / "base"
    return open_run(run(say_task(QUESTIONS), Skilled("base", 0.6), out=out, cache=False))


def gated(
    model: Parrot, baseline: Opened, rule: Rule, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[GateReport, Path]:
    monkeypatch.setenv("EVALKIT_CACHE", str(folder / "cache"))
    plan = plan_with([say_task(QUESTIONS)], [model], {"out": folder / "looks"})
    return run_in_looks(plan, baseline, Policy(margin=Margin(0.03)), rule, Silent())


def test_an_adaptive_gate_passes_the_same_model_on_few_samples(
    baseline: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Skilled("base", 0.6)
    report, folder = gated(model, baseline, AdaptiveLooks(), tmp_path, monkeypatch)
    (row,) = report.rows
    assert row.verdict.outcome is GateOutcome.PASS
    # (1 + 0.03)^n = 80 for the boldest bet; a look comes at most twice as late as it is needed.
    assert 140 <= row.verdict.n <= 320
    # The cache is asked what was asked before: no question twice.
    assert len(model.asked) == len(set(model.asked)) == row.verdict.n
    assert f"{row.verdict.n:,} samples asked (bounds that hold at any time)" in report.looks
    assert folder.is_dir()


def test_and_fails_a_bad_one_on_fewer(baseline: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = gated(Skilled("bad", 0.2), baseline, AdaptiveLooks(), tmp_path, monkeypatch)
    (row,) = report.rows
    assert row.verdict.outcome is GateOutcome.FAIL
    assert row.verdict.n <= 200


def test_a_drop_close_to_the_margin_takes_all_samples_and_says_so(
    baseline: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, _ = gated(Skilled("near", 0.57), baseline, AdaptiveLooks(), tmp_path, monkeypatch)
    (row,) = report.rows
    assert (row.verdict.outcome, row.verdict.n) == (GateOutcome.INCONCLUSIVE, QUESTIONS)
    assert row.verdict.needed is None or row.verdict.needed > QUESTIONS


def test_looks_at_fixed_parts_decide_by_their_levels(
    baseline: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, folder = gated(Skilled("base", 0.6), baseline, ScheduledLooks.of(4), tmp_path, monkeypatch)
    (row,) = report.rows
    assert row.verdict.outcome is GateOutcome.PASS
    assert "look 2 of 4" in row.verdict.how
    assert (folder.name, report.looks.split(",")[0]) == ("look-2", "2 of 4 looks")


@pytest.mark.parametrize(
    ("options", "policy", "said"),
    [
        ({"cache": False}, Policy(), "--adaptive needs the response cache"),
        ({}, Policy(mean=Margin(0.01)), "--adaptive decides single tasks"),
    ],
)
def test_what_cannot_be_decided_in_parts_is_refused(
    baseline: Opened, tmp_path: Path, options: dict[str, object], policy: Policy, said: str
) -> None:
    plan = plan_with([say_task(QUESTIONS)], [Parrot()], {"out": tmp_path / "no", **options})
    with pytest.raises(UsageError, match=said):
        run_in_looks(plan, baseline, policy, AdaptiveLooks(), Silent())
