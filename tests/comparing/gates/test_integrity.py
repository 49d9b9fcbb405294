"""What refuses a verdict, what warns, and what is only noted."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.comparing import TaskSide, pair_task
from evalkit.comparing.gates.integrity import IntegrityFinding, findings, incomparable
from tests.comparing.sides import part, side


def found(before: TaskSide, after: TaskSide, **rules: Any) -> dict[str, list[IntegrityFinding]]:
    levels: dict[str, list[IntegrityFinding]] = {"incomparable": [], "warn": [], "note": []}
    for finding in findings(pair_task(before, after), **rules):
        levels[finding.level].append(finding)
    return levels


def test_alike_is_alike() -> None:
    assert findings(pair_task(side([1.0] * 4), side([0.0] * 4))) == []


@pytest.mark.parametrize("key", ["version", "few-shot", "method", "scorers", "judge", "method settings"])
def test_what_is_measured_must_be_the_same(key: str) -> None:
    before, after = side([1.0] * 4), side([1.0] * 4)
    before.facts, after.facts = {**before.facts, key: "this"}, {**after.facts, key: "that"}
    assert [one.what for one in found(before, after)["incomparable"]] == [f"{findings_words(key)} changed: this → that"]


def findings_words(key: str) -> str:
    from evalkit.comparing.gates.integrity import _HELD_EQUAL

    return _HELD_EQUAL[key]


def test_seed_limit_version_and_source_do_not_refuse() -> None:
    before, after = side([1.0] * 4), side([1.0] * 4, version="0.2.0")
    after.facts = {**after.facts, "seed": "2", "source": "new"}
    before.facts = {**before.facts, "seed": "1", "source": "old"}
    levels = found(before, after)
    assert levels["incomparable"] == []
    assert [one.what for one in levels["warn"]] == [
        "the task's source file changed: old → new",
        "another evalkit version: 0.1.0 → 0.2.0",
    ]
    assert [one.what for one in levels["note"]] == ["the seed changed: 1 → 2"]


def test_rendered_prompts_are_only_noted() -> None:
    after = side([1.0] * 4)
    after.digests = {**after.digests, "rendered": "other"}
    levels = found(side([1.0] * 4), after)
    assert levels["incomparable"] == levels["warn"] == []
    assert "another chat template" in levels["note"][0].what


def test_missing_and_doubled_samples_refuse_and_common_samples_let_the_missing_pass() -> None:
    whole = side([1.0] * 5)
    assert incomparable(findings(pair_task(whole, part(whole, [0, 1]))))
    assert not incomparable(findings(pair_task(whole, part(whole, [0, 1])), common_samples=True))
    assert incomparable(findings(pair_task(whole, part(whole, [0, 1, 1])), common_samples=True))
    assert incomparable(findings(pair_task(part(whole, [0]), part(whole, [1])), common_samples=True))


def test_too_many_unmeasured_samples_refuse_on_either_side() -> None:
    full, failed = side([1.0] * 20), side([1.0] * 18 + [None, None])
    for before, after in ((full, failed), (failed, full)):
        assert "2 of the" in found(before, after)["incomparable"][0].what
        assert found(before, after, max_failures=0.1)["incomparable"] == []
        assert len(found(before, after, max_failures=0.1)["warn"]) == 1


def test_ids_are_shown_and_counted() -> None:
    finding = IntegrityFinding("t", "incomparable", "gone", tuple("abcdef"))
    assert finding.words() == "gone: a, b, c and 3 more"
