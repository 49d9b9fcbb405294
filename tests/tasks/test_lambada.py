import asyncio
import math

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, Score
from evalkit.scoring.metrics.perplexity import perplexity
from evalkit.scoring.scorers import prediction
from tests.tasks.harness import definition

ROWS = [
    {"text": "He bought a loaf, some butter\nand ham, and went home to make a sandwich"},
    {"text": "“Where is it?” she asked, and he gave her the  key"},
]
PATHS = {"openai": "EleutherAI/lambada_openai/default", "standard": "cimec/lambada/default"}


@pytest.fixture(params=["openai", "standard"])
def lambada(request, over):
    rows = {f"{PATHS[request.param]}/test": ROWS}
    if request.param == "standard":
        rows[f"{PATHS['standard']}/validation"] = [{"text": "one two three", "domain": "x"}]
    return over(f"lambada,text={request.param}", rows)


def test_the_last_word_is_what_must_be_predicted(lambada):
    assert [(s.input, s.choices) for s in lambada.samples()] == [
        ("He bought a loaf, some butter\nand ham, and went home to make a", ("sandwich",)),
        ("“Where is it?” she asked, and he gave her the ", ("key",)),
    ]
    assert list(lambada.prompts()) == [sample.input for sample in lambada.samples()]
    assert lambada.problems() == []


def test_context_and_continuation_are_those_of_lm_eval(lambada, lm_eval_tasks):
    name = "openai" if "openai" in lambada.task.data[0].rows.id else "standard"
    oracle = definition(lm_eval_tasks / "lambada" / f"lambada_{name}.yaml")
    assert oracle.values["dataset_path"] == lambada.task.data[0].rows.id
    for sample, prompt, row in zip(lambada.samples(), lambada.prompts(), ROWS, strict=True):
        assert [(prompt, " " + sample.choices[0])] == oracle.asked(row)


def test_a_worked_example_has_one_space_before_its_word(over):
    shown = {"cimec/lambada/default/validation": [{"text": "one two three"}], "cimec/lambada/default/test": ROWS}
    prompt = next(over("lambada,text=standard", shown).prompts(shots=1))
    assert prompt.startswith("one two three\n\nHe bought")


# ---------------------------------------------------------------- scorer and metric


def scores(value, greedy):
    sample = Sample("s", "the", choices=("word",), gold=(0,))
    reply = Reply(loglikelihoods=(value,), greedy=(greedy,))
    return {score.name: score.value for score in asyncio.run(prediction().score(sample, (reply,)))}


def test_a_word_is_predicted_where_each_of_its_tokens_is_the_likeliest():
    assert scores(-0.5, True) == {"acc": 1.0, "loglikelihood": -0.5}
    assert scores(-9.0, False) == {"acc": 0.0, "loglikelihood": -9.0}


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_what_is_no_likelihood_is_an_error(value):
    with pytest.raises(ValueError, match="log-likelihood is"):
        scores(value, False)


def test_two_choices_are_an_error():
    sample = Sample("s", "the", choices=("a", "b"), gold=(0,))
    with pytest.raises(ValueError, match="one choice is needed, found 2"):
        asyncio.run(prediction().score(sample, (Reply(loglikelihoods=(-1.0, -2.0), greedy=(False, False)),)))


def test_perplexity_counts_every_passage_once():
    # lm-eval's aggregation `perplexity`: exp(-mean of log-likelihoods).
    rng = np.random.default_rng(3)
    nats = rng.exponential(4.0, 400)
    found = perplexity().estimate(nats[:, None], np.arange(400))
    assert found.value == pytest.approx(math.exp(nats.mean()), rel=1e-12)
    assert found.low < found.value < found.high
    assert found.n == 400


def test_perplexity_reads_the_log_likelihood_of_a_record():
    record = Record("t", 0, Sample("s", "the"), scores=(Score("acc", 1.0), Score("loglikelihood", -2.5)))
    assert perplexity().observe(record) == (2.5,)
    assert perplexity().observe(Record("t", 0, Sample("s", "the"))) is None


def test_perplexity_of_hopeless_predictions_is_infinite():
    assert perplexity().estimate(np.full((2, 1), 1e4), np.arange(2)).value == math.inf
