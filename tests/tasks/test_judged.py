"""Judges and metrics of HealthBench and of Humanity's Last Exam against their publishers' arithmetic and words."""

import asyncio
import hashlib
import math
import random

import numpy as np
import pytest

from evalkit.core import Judge, Message, Record, Reply, Sample, Score, Validity
from evalkit.judging.items import Item, points_of
from evalkit.plugins import load
from evalkit.scoring.metrics.binned_calibration import rms_calibration, rms_error
from evalkit.scoring.metrics.clipped import clipped_mean
from tests.judging.scripted import Scripted

# sha256 of GRADER_TEMPLATE of openai/simple-evals at ee3b0318d8d1d9d72755a4120879be65f7c07e9e
# and of JUDGE_PROMPT of groq/openbench at d03922ccbbd9004e802c556ef9c2a40ed870659c (scorers/hle.py).
GRADER = "ab90c706fc538e4cdf13c2fca7057c320f900fb1644ce58226867ef38b0665ed"
EXAMINER = "0f0023ee579b8c134f1834ed8952778b9e01460e31d47c242ee3629da9d44835"
ITEMS = (Item("asks", 5, ("axis:a",)), Item("says x", 3, ("axis:b",)), Item("says y", -4, ("axis:b",)))


def verdict(name, says, sample, answer):
    judge, model = load("judge", name), Scripted(says)
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    found = asyncio.run(judge.bound(model).verdict(sample, (Reply((answer,), ("stop",)),)))
    return found, [request.prompt.messages[0].content for request in model.asked]


def talk():
    turns = (Message("user", "Hello"), Message("assistant", "Hi."), Message("user", "Why?"))
    return Sample("1", turns, data={"items": ITEMS})


def met(text, seed):
    return f'```json\n{{"explanation": "so", "criteria_met": {"false" if "asks" in text else "true"}}}\n```'


def test_the_graders_prompt_is_the_publishers_byte_for_byte():
    _, asked = verdict("healthbench", met, talk(), "Because.")
    conversation = "user: Hello\n\nassistant: Hi.\n\nuser: Why?\n\nassistant: Because."
    assert ["[5] asks" in text for text in asked] == [True, False, False]
    said = asked[0].replace(conversation, "{conversation}").replace("[5] asks", "{rubric_item}")
    assert hashlib.sha256(said.encode()).hexdigest() == GRADER


def test_the_examiners_prompt_is_the_publishers_byte_for_byte():
    sample = Sample("1", (Message("system", "Form"), Message("user", "<q>?")), targets=("<gold>",))
    _, [said] = verdict("hle", lambda text, seed: "correct: yes", sample, "<reply>")
    for value, name in (("<q>?", "{question}"), ("<reply>", "{response}"), ("<gold>", "{correct_answer}")):
        assert said.count(value) == 1
        said = said.replace(value, name)
    assert hashlib.sha256(said.encode()).hexdigest() == EXAMINER


def test_points_are_those_of_the_publishers_script():
    """By hand as calculate_score does: (3 - 4) / (5 + 3), per tag where a point is above 0."""
    found, _ = verdict("healthbench", met, talk(), "Because.")
    assert {score.name: score.value for score in found.scores} == {"healthbench": -0.125, "axis:a": 0, "axis:b": -1 / 3}
    assert math.isnan(points_of((Item("bad", -1),), [True]))


def test_an_item_that_cannot_be_read_leaves_the_answer_unjudged():
    found, _ = verdict(
        "healthbench", lambda text, seed: "yes" if "asks" in text else met(text, seed), talk(), "Because."
    )
    assert (found.validity, found.scores) == (Validity.UNJUDGED, ())
    assert "1 of 3 items" in found.reason


def records(values, name="s"):
    return [Record("t", n, Sample(str(n), "?"), scores=(Score(name, value),)) for n, value in enumerate(values)]


@pytest.mark.parametrize("values", [[-0.5, 0.2, 0.1, -1.0, 0.3, 0.2], [0.5, 0.7, -0.2, 1.0, 0.4, 0.9]])
def test_the_mean_is_clipped_as_a_whole_and_not_by_sample(values):
    metric = clipped_mean("s")
    rows = np.array([metric.observe(record) for record in records(values)])
    found = metric.estimate(rows, np.arange(len(rows)))
    assert found.value == pytest.approx(float(np.clip(np.mean(values), 0, 1)))
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert metric.observe(records([0.5], "other")[0]) is None


@pytest.mark.parametrize(
    ("said", "value", "confidence"),
    [
        ("extracted_final_answer: 4\n\nreasoning: so\n\ncorrect: yes\n\nconfidence: 80", 1.0, 0.8),
        ("**correct:** no\n**confidence:** 35%", 0.0, 0.35),
        ('{"extracted_final_answer": "4", "reasoning": "", "correct": "yes", "confidence": 60}', 1.0, 0.6),
        ("correct: yes", 1.0, 1.0),
    ],
)
def test_a_verdict_is_read_with_the_confidence(said, value, confidence):
    found, _ = verdict("hle", lambda text, seed: said, Sample("1", "2 + 2?", targets=("4",)), "Answer: 4")
    assert [(score.name, score.value, score.counts) for score in found.scores] == [
        ("correct", value, (confidence, value))
    ]


@pytest.mark.parametrize("said", ["It may be right.", "correct: yes\ncorrect: no", "correct: perhaps"])
def test_a_verdict_without_yes_or_no_is_unjudged(said):
    found, _ = verdict("hle", lambda text, seed: said, Sample("1", "2 + 2?", targets=("4",)), "Answer: 4")
    assert (found.validity, found.scores) == (Validity.UNJUDGED, ())


def reference(pairs):
    """What HLE's script computes, written by its definition: sorted, bins of 100, the last one left out."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    total = 0.0
    for number in range(len(ordered) // 100 - 1):
        inside = ordered[number * 100 : (number + 1) * 100]
        gap = sum(pair[0] for pair in inside) / 100 - sum(pair[1] for pair in inside) / 100
        total += 100 / len(ordered) * gap**2
    return total**0.5


@pytest.mark.parametrize("size", [200, 299, 300, 1234])
def test_the_calibration_error_is_that_of_the_publishers_script(size):
    rng = random.Random(size)
    pairs = [(rng.random(), float(rng.random() < 0.3)) for _ in range(size)]
    assert rms_error(pairs) == pytest.approx(reference(pairs), abs=1e-12)


def test_too_few_answers_have_no_calibration_error():
    metric = rms_calibration()
    score = Score("correct", 1.0, counts=(0.9, 1.0))
    rows = np.array([metric.observe(Record("t", n, Sample(str(n), "?"), scores=(score,))) for n in range(30)])
    found = metric.estimate(rows, np.arange(30))
    assert math.isnan(found.value)
    assert "30 answers make no two bins" in found.how
