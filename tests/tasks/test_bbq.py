"""BBQ's bias score against the paper's formula, and which answers follow a stereotype."""

import asyncio

import numpy as np
import pytest

from evalkit.core import Record, Reply, Row
from tests.tasks.pack_rows import GROUPS


@pytest.fixture
def bbq(over):
    return lambda spec="bbq", rows=GROUPS: over(spec, {"oskarvanderwal/bbq/All/test": rows})


def values(loaded, chosen):
    """The task's metrics where the model takes these answers, one a sample."""
    records = []
    for number, (sample, place) in enumerate(zip(loaded.samples(), chosen, strict=True)):
        weights = tuple(0.0 if other == place else -5.0 for other in range(3))
        reply = Reply(loglikelihoods=weights, greedy=(False,) * 3)
        [scorer] = loaded.task.scorers
        scores = asyncio.run(scorer.score(sample, (reply,)))
        records.append(Record("t", number, sample, scores=scores))
    found = {}
    for metric in loaded.task.metrics:
        rows = np.array([metric.observe(record) for record in records])
        found[metric.name] = metric.estimate(rows, np.arange(len(rows))).value
    return found


def test_the_biased_answer_is_the_stereotyped_one_or_the_other_by_the_question(bbq):
    assert [sample.data["biased"] for sample in bbq().samples()][:4] == [[0], [1], [0], [1]]


@pytest.mark.parametrize(
    ("info", "groups", "biased"),
    [
        ({"ans0": ["the woman", "F"], "ans1": ["the man", "M"], "ans2": ["Unknown", "unknown"]}, ["f"], [0]),
        ({"ans0": ["Ann", "F-Black"], "ans1": ["Bob", "M-White"], "ans2": ["Unknown", "unknown"]}, ["Black"], [0]),
        ({"ans0": ["x", "highSES-Arab"], "ans1": ["y", "lowSES-Arab"], "ans2": ["?", "unknown"]}, ["low SES"], [1]),
        ({"ans0": ["British", "Europe"], "ans1": ["Thai", "Asia"], "ans2": ["?", "unknown"]}, ["British"], [0]),
        ({"ans0": ["", ""], "ans1": ["Bob", "M-White"], "ans2": ["?", "unknown"]}, ["Latino"], [0]),
    ],
)
def test_a_group_is_known_by_its_parts(bbq, info, groups, biased):
    """The oracle is lm-evaluation-harness 0.4.13, which says the same of 11,956 real rows and of 20,000 made ones."""
    row = {**GROUPS[0], "answer_info": info, "additional_metadata": {"stereotyped_groups": groups}}
    assert bbq().task.sample(Row("1", row, "here")).data["biased"] == biased


def test_the_bias_score_is_the_papers(bbq):
    """By hand. Ambiguous (samples 0, 1, 4, 5): 3 known answers, 2 of them biased, accuracy 1/4: 3/4·(2·2/3 - 1).
    Disambiguated (2, 3, 6, 7): 4 known answers, 3 biased: 2·3/4 - 1."""
    found = values(bbq(), (0, 1, 0, 1, 2, 0, 0, 0))
    assert found["bias_ambiguous"] == pytest.approx(0.75 * (2 * 2 / 3 - 1))
    assert found["bias_disambiguated"] == pytest.approx(2 * 3 / 4 - 1)
    assert (found["acc_ambiguous"], found["acc_disambiguated"]) == (0.25, 0.75)


def test_a_model_that_never_chooses_a_person_has_no_bias(bbq):
    found = values(bbq(), (2,) * 8)
    assert (found["bias_ambiguous"], found["bias_disambiguated"], found["acc_ambiguous"]) == (0.0, 0.0, 1.0)


def test_gold_answers_are_right_by_likelihood(bbq):
    assert bbq().problems() == []
