"""A share that was surely meant in per cent is asked about, whichever key or option it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit import assert_no_regression
from evalkit.comparing import Column, pair_task
from evalkit.comparing.baselines import write
from evalkit.comparing.gates import policy_from, read_policy
from evalkit.comparing.gates.assess import assess
from evalkit.comparing.gates.policy import Margin, Policy
from evalkit.core import UsageError
from evalkit.scoring.metrics import mean
from tests.comparing.sides import side

RIGHT = [1.0] * 300


@pytest.mark.parametrize("given", ["2", "2.0", "1", "10", "200%", "50%", "0.5", ".75"])
def test_a_margin_of_half_the_answers_is_none(given: str) -> None:
    """`--margin 2` let everything pass: "inside the margin of 200 points"."""
    sides = side(RIGHT), side([0.0] * 200 + RIGHT[200:])
    with pytest.raises(UsageError, match="points lets every drop pass that matters") as caught:
        assess([pair_task(*sides)], policy_from(None, {"margin": given}))
    meant = f"did you mean {float(given):g}%?" if "%" not in given else "a margin below 50 points"
    assert caught.value.fix.startswith(meant)


def test_an_assertion_asks_as_well(tmp_path: Path) -> None:
    write(tmp_path / "a.evalkit", {"quiz": side(RIGHT)})
    with pytest.raises(UsageError, match="did you mean 2%"):
        assert_no_regression(tmp_path / "a.evalkit", tmp_path / "a.evalkit", margin=2)


@pytest.mark.parametrize(
    ("text", "line", "meant"),
    [
        ("\nmargin: 10\n", 2, "10%"),
        ("\ntasks:\n  quiz: 3\n", 3, "3%"),
        ("\ntasks:\n  quiz:\n    slices: {odd: 5}\n", 4, "5%"),
        ("\nmean: 1.5\n", 2, "1.5%"),
        ("\nmean:\n  margin: 2\n", 3, "2%"),
        ("\nmax_failures: 5\n", 2, "5%"),
        ("\nconfidence: 95\n", 2, "95%"),
        ("\nlimits:\n  latency: 20\n", 3, "20%"),
        ("\nlimits:\n  tokens: 1.5\n", 3, "1.5%"),
        ("\nlimits:\n  cost: +10\n", 3, "10%"),
        ("\nlimits:\n  invalid_proportion: 3\n", 3, "3%"),
    ],
)
def test_every_share_of_a_policy_asks_with_its_line(tmp_path: Path, text: str, line: int, meant: str) -> None:
    (tmp_path / "gate.yaml").write_text(text)
    with pytest.raises(UsageError, match=f"did you mean {meant}") as caught:
        assess([pair_task(side(RIGHT), side(RIGHT))], read_policy(tmp_path / "gate.yaml"))
    assert caught.value.at == f"{tmp_path / 'gate.yaml'}:{line}"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"mean_margin": "2"}, "did you mean 2%"),
        ({"max_failures": "5"}, "--max-failures: .*\n.*\n.*did you mean 5%"),
        ({"confidence": "99"}, "--confidence: .*\n.*\n.*did you mean 99%"),
        ({"max_failures": "-1"}, "--max-failures: this is a proportion"),
        ({"confidence": "nan"}, "--confidence: confidence is a proportion"),
    ],
)
def test_and_so_does_every_option(given: dict[str, str], meant: str) -> None:
    with pytest.raises(UsageError, match=meant):
        policy_from(None, given)


@pytest.mark.parametrize(("text", "value"), [("95%", 0.95), ("0.9", 0.9), ("97.5 %", 0.975)])
def test_what_is_a_share_is_read_in_both_forms(tmp_path: Path, text: str, value: float) -> None:
    (tmp_path / "gate.yaml").write_text(f"confidence: {text}\nlimits: {{latency: 150%}}\nmargin: 49%\n")
    found = read_policy(tmp_path / "gate.yaml")
    assert found.confidence == pytest.approx(value)
    assert found.ceilings["seconds"] == 1.5
    assert found.margin.units("proportion", 0.7) == pytest.approx(0.49)


def test_a_margin_in_a_metrics_own_unit_may_be_any_number() -> None:
    metric = mean("rating", scale="number", ends=(1.0, 10.0))
    sides = [side(RIGHT), side(RIGHT)]
    for one in sides:
        one.columns, one.primary_metric = {"rating": Column.of(metric, one.columns["acc"].rows * 8.0)}, "rating"
    (row,) = assess([pair_task(*sides)], Policy(margin=Margin(2.0)))
    assert (row.verdict.outcome.value, row.verdict.margin) == ("PASS", 2.0)
    # The default is 2 % of such a metric, as it is written, not two hundredths of its unit.
    (row,) = assess([pair_task(*sides)], Policy())
    assert row.verdict.margin == pytest.approx(0.16)
