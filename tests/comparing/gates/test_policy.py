"""Policies: from YAML, with margins in their units."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cli.suite_file import gate_of, read_suite
from evalkit.comparing.gates import policy_from, read_policy
from evalkit.comparing.gates.policy import Margin, Policy, TaskPolicy
from evalkit.core import UsageError

WHOLE = """\
baseline: base.evalkit
margin: 1.5%
confidence: 0.975
any_drop_blocks: true
common_samples: true
max_failures: 2%
on_degraded: fail
on_inconclusive: pass
limits: {latency: +20%, tokens: 0.1, cost: 5%, invalid_proportion: 3%}
tasks:
  mmlu: {margin: 1%, metric: acc_norm, slices: [STEM, anatomy]}
  "safety*": {zero_tolerance: true}
  wikitext: {margin: 2%, slices: {long: 5%}}
  quiz: 0.04
"""


def test_a_whole_policy(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text(WHOLE)
    found = read_policy(tmp_path / "gate.yaml")
    assert found.baseline == str(tmp_path / "base.evalkit")
    assert (found.margin, found.confidence) == (Margin(0.015, True), 0.975)
    assert (found.any_drop_blocks, found.common_samples, found.max_failures) == (True, True, 0.02)
    assert (found.degraded_blocks, found.inconclusive_blocks) == (True, False)
    assert dict(found.ceilings) == {"seconds": 0.2, "tokens": 0.1, "cost": 0.05}
    assert found.invalid_proportion == 0.03
    assert found.of("mmlu").slices == {"STEM": None, "anatomy": None}
    assert found.of("safety_incomparable").zero_tolerance
    assert found.of("wikitext").slices == {"long": Margin(0.05, True)}
    assert found.of("quiz") == TaskPolicy(margin=Margin(0.04))
    assert found.of("unnamed") == TaskPolicy()
    assert found.limits("mmlu", "proportion", 0.7).margin == 0.01
    assert found.limits("unnamed", "proportion", 0.7).margin == 0.015


def test_a_list_of_tasks_leaves_the_others_out(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text("tasks: [mmlu, 'safety*']\n")
    found = read_policy(tmp_path / "gate.yaml")
    assert [found.covers(name) for name in ("mmlu", "safety_x", "squad")] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "scale", "baseline", "units"),
    [
        ("2%", "proportion", 0.7, 0.02),
        ("0.02", "proportion", 0.7, 0.02),
        ("5%", "number", 20.0, 1.0),
        ("0.5", "number", 20.0, 0.5),
    ],
)
def test_margins_in_the_metrics_units(text: str, scale: str, baseline: float, units: float) -> None:
    assert Margin.parse(text).units(scale, baseline) == pytest.approx(units)


@pytest.mark.parametrize("text", ["", "-1%", "much", "nan", "inf"])
def test_what_is_no_margin(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Margin.parse(text)


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text(WHOLE)
    found = policy_from(tmp_path / "gate.yaml", {"margin": "3%", "inconclusive": "block", "tasks": ("mmlu",)})
    assert found.margin == Margin(0.03, True)
    assert found.inconclusive_blocks
    assert found.only == ("mmlu",)
    assert found.confidence == 0.975
    with pytest.raises(UsageError, match="--margin is a number"):
        policy_from(None, {"margin": "3 points"})


def test_the_policies_of_the_documentation_are_policies(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "gates.md").read_text()
    blocks = [block.split("```")[0] for block in text.split("```yaml\n")[1:]]
    policy = blocks[0]
    (suite,) = [block for block in blocks if "\ngate: {" in block]
    (tmp_path / "gate.yaml").write_text(policy)
    assert read_policy(tmp_path / "gate.yaml").of("safety_x").zero_tolerance
    (tmp_path / "suite.yaml").write_text(suite)
    assert read_suite(tmp_path / "suite.yaml")["models"] == ["hf/./candidate"]
    found = gate_of(tmp_path / "suite.yaml")
    assert found is not None
    assert found.margin == Margin(0.02, True)


def test_an_unreadable_policy_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the policy"):
        read_policy(tmp_path / "none.yaml")


def test_names_that_no_task_has() -> None:
    Policy(tasks={"mm*": TaskPolicy()}).check_names(["mmlu"])
    with pytest.raises(UsageError, match="'mmul' that no run has"):
        Policy(only=("mmul",)).check_names(["mmlu"])
