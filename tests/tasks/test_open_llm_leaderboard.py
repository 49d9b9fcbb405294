"""The second Open LLM Leaderboard as a suite: its members, and guessing as the harness's choices say."""

import pytest
import yaml

from evalkit.core import Suite
from evalkit.plugins import load


@pytest.fixture(scope="module")
def suite():
    found = load("task", "open_llm_leaderboard_v2")
    assert isinstance(found, Suite)
    return found


def test_its_members_are_the_groups_of_the_leaderboard(suite):
    inner = {member.task: member.suite for member in suite.members}
    assert [*inner] == [
        "ifeval", "bbh_choices", "math_hard", "gpqa_choices", "musr_normalised", "lm-eval/leaderboard_mmlu_pro"
    ]  # fmt: skip
    assert [len(inner[name].members) for name in ("bbh_choices", "math_hard", "gpqa_choices")] == [24, 7, 3]
    assert {inner[name].average for name in ("math_hard", "gpqa_choices")} == {"samples"}
    assert inner["bbh_choices"].average == "tasks"


def test_guessing_is_one_in_as_many_choices_as_the_harness_weighs(suite, lm_eval_tasks):
    [bbh] = [member.suite for member in suite.members if member.task == "bbh_choices"]
    for member in bbh.members:
        name = member.task.removeprefix("lm-eval/leaderboard_bbh_")
        text = (lm_eval_tasks / "leaderboard" / "bbh_mc" / f"{name}.yaml").read_text()
        assert member.floor == pytest.approx(1 / len(yaml.safe_load(text)["doc_to_choice"]), abs=1e-15), name
