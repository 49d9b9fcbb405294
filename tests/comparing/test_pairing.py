"""Samples are matched by what they are; whatever has no partner is counted and named."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.comparing import Column, pair_task, pair_tasks
from evalkit.comparing.gates.assess import flips
from evalkit.comparing.pairing import is_mean, rows_of, values_of
from evalkit.comparing.side import MeanCost
from evalkit.core import UsageError
from evalkit.plugins.named import metrics
from evalkit.scoring.metrics import mean, word_perplexity
from evalkit.stats.bootstrap import values_only
from tests.comparing.sides import part, side


def test_order_does_not_matter() -> None:
    whole = side([1.0, 0.0, 1.0, 1.0])
    paired = pair_task(whole, part(whole, [3, 1, 0, 2]))
    values = values_of(paired, "acc")
    assert paired.ids == ["3", "1", "0", "2"]
    assert values.baseline.tolist() == values.candidate.tolist() == [1.0, 0.0, 1.0, 1.0]
    assert flips(paired, "acc") == ((), ())


def test_missing_extra_and_doubled_samples_are_named() -> None:
    whole = side([1.0] * 5)
    paired = pair_task(part(whole, [0, 1, 2]), part(whole, [1, 2, 2, 4]))
    assert (paired.ids, paired.missing, paired.extra, paired.duplicates) == (["1", "2"], ["0"], ["4"], ["2"])


def test_repeats_are_averaged_first_over_those_that_were_measured() -> None:
    before = side([1.0, 0.0, 1.0, None], ids=["a", "a", "b", "b"], repeats=[0, 1, 0, 1])
    after = side([1.0, 1.0, 0.0, 0.0], ids=["a", "a", "b", "b"], repeats=[0, 1, 0, 1])
    values = values_of(pair_task(before, after), "acc")
    assert values.baseline.tolist() == [0.5, 1.0]
    assert values.candidate.tolist() == [1.0, 0.0]
    assert values.repeats
    assert flips(pair_task(before, after), "acc") == (("b",), ("a",))


def test_a_sample_that_one_side_could_not_measure_leaves_the_pairs_and_is_counted() -> None:
    values = values_of(pair_task(side([1.0, None, 0.0]), side([1.0, 1.0, 1.0])), "acc")
    assert values.baseline.tolist() == [1.0, 0.0]
    assert values.errored == 1


def test_flips_name_the_largest_change_first_and_know_the_direction() -> None:
    before, after = side([0.5, 0.5, 0.5, 0.5]), side([0.4, 0.9, 0.1, 0.5])
    assert flips(pair_task(before, after), "acc") == (("2", "0"), ("1",))
    lower = mean("acc", higher_is_better=False)
    for one in (before, after):
        one.columns["acc"] = Column("acc", one.columns["acc"].rows, False, "number", lower.estimate)
    assert flips(pair_task(before, after), "acc") == (("1",), ("2", "0"))


def test_other_content_and_other_prompts_are_told_apart_also_by_shortened_digests() -> None:
    before, after = side([1.0] * 4), side([1.0] * 4)
    after.asked[1] = "f" * 16
    after.prompted[2] = "f" * 16
    assert (pair_task(before, after).other_data, pair_task(before, after).other_prompt) == (["1"], ["2"])
    before.asked, before.prompted = [d[:8] for d in before.asked], [d[:8] for d in before.prompted]
    assert (pair_task(before, after).other_data, pair_task(before, after).other_prompt) == (["1"], ["2"])


def test_another_harness_numbers_its_samples_otherwise_and_is_matched_by_prompt() -> None:
    ours, theirs = side([1.0, 0.0, 1.0]), side([1.0, 0.0, 1.0], harness="lm-eval", ids=["x", "y", "z"])
    theirs.texts = list(reversed(ours.texts))
    paired = pair_task(theirs, ours)
    assert paired.by == "prompt"
    assert values_of(paired, "acc").baseline.tolist() == [1.0, 0.0, 1.0]
    # The same text twice is matched in the order of the data.
    ours.texts = theirs.texts = ["same", "same", "other"]
    assert pair_task(theirs, ours).left == [[0], [1], [2]]


def test_tasks_are_matched_by_name_or_as_asked() -> None:
    one, other = {"a": side([1.0]), "b": side([1.0])}, {"b": side([1.0], "b"), "c": side([1.0], "c")}
    pairs, only_one, only_other = pair_tasks(one, other)
    assert ([pair.name for pair in pairs], only_one, only_other) == (["b"], ["a"], ["c"])
    (single,), _, _ = pair_tasks({"a": side([1.0])}, {"z": side([1.0], "z")})
    assert single.name == "z"
    with pytest.raises(UsageError, match="the baseline has no task 'nothing'"):
        pair_tasks(one, other, names=[("nothing", "b")])


def test_a_pattern_takes_several_tasks_as_one() -> None:
    theirs = {f"mmlu_{n}": side([1.0, 0.0], f"mmlu_{n}") for n in ("x", "y")}
    (pair,), _, _ = pair_tasks(theirs, theirs, names=[("mmlu_*", "mmlu_*")])
    assert pair.ids == ["mmlu_x/0", "mmlu_x/1", "mmlu_y/0", "mmlu_y/1"]
    assert pair.missing == []
    assert list(pair.groups()) == ["even", "mmlu_x", "mmlu_y", "odd"]
    assert [pair.candidate.id_of(task, "1") for task in ("mmlu_y", "mmlu_z", "mmlu_*")] == ["mmlu_y/1", None, None]
    assert [theirs["mmlu_x"].id_of(task, "1") for task in ("mmlu_x", "mmlu_y")] == ["1", None]
    # A baseline file knows the mean cost alone.
    theirs["mmlu_x"].costs, theirs["mmlu_x"].mean_costs = {}, {"seconds": MeanCost(2.0, 0.5, 2)}
    (again,), _, _ = pair_tasks(theirs, theirs, names=[("mmlu_*", "mmlu_*")])
    assert again.baseline.costs["seconds"][:2].tolist() == [2.0, 2.0]
    assert len(again.baseline.costs["cost"]) == 4


def test_clusters_come_from_the_candidate_and_samples_without_one_stand_alone() -> None:
    after = side([1.0, 1.0, 0.0, 0.0])
    assert values_of(pair_task(after, after), "acc").clusters is None
    after.clusters = ["page", "page", "", ""]
    clusters = values_of(pair_task(after, after), "acc").clusters
    assert clusters is not None
    assert clusters[0] == clusters[1]
    assert len(set(clusters.tolist())) == 3


def test_whether_a_metric_is_a_mean_is_seen_in_its_numbers() -> None:
    rows = np.asarray([[1.0], [0.0], [4.0]])
    assert is_mean(Column("acc", rows, estimate=mean("acc").estimate))
    largest = mean("acc")

    def biggest(found: np.ndarray, clusters: np.ndarray) -> object:
        from dataclasses import replace

        return replace(largest.estimate(found, clusters), value=float(found.max()))

    assert not is_mean(Column("largest", rows, estimate=biggest))  # type: ignore[arg-type]
    two = np.asarray([[1.0, 2.0]])
    assert not is_mean(Column("word_perplexity", two, estimate=word_perplexity().estimate))


@pytest.mark.parametrize("name", ["spearman", "bleu", "mcc"])
def test_a_value_alone_draws_no_bootstrap(name: str) -> None:
    """A paired bootstrap asks for thousands of values; each with an interval of its own would take hours."""
    metric = metrics.by_name(name)
    rng = np.random.default_rng(4)
    rows = rng.integers(1, 9, (60, metric.width)).astype(float)
    column = Column(name, rows, estimate=metric.estimate)
    assert column.value_of(rows) == pytest.approx(metric.estimate(rows, np.arange(60)).value, nan_ok=True)
    with values_only():
        assert np.isnan(metric.estimate(rows, np.arange(60)).low)


def test_rows_of_repeats_stay_together() -> None:
    before = side([1.0, 0.0, 1.0], ids=["a", "a", "b"], repeats=[0, 1, 0])
    rows = rows_of(pair_task(before, before), "acc")
    assert rows.baseline[:, 0].tolist() == [1.0, 0.0, 1.0]
    assert rows.clusters[0] == rows.clusters[1] != rows.clusters[2]
