"""Tasks that are Python classes: what is asked and scored is what lm-eval's own object says, run on the same rows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Prompt, Reply, UsageError
from evalkit.core.parts import Attempt
from tests.plugins.lm_eval.conftest import asked

lm_eval = pytest.importorskip("lm_eval", reason="lm_eval is not installed")

MODULE = """
import json
from functools import partial
import datasets
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

def _share(key, items):
    return sum(item[key] for item in items) / len(items)

class Answerable(ConfigurableTask):
    VERSION = 1
    DATASET_PATH = "nowhere"

    def __init__(self, config=None):
        super().__init__(config={"metadata": {"version": self.VERSION}})
        self.ready = True

    def download(self, dataset_kwargs=None, **kwargs):
        rows = [json.loads(line) for line in open(ROWS)]
        self.dataset = {"validation": datasets.Dataset.from_list(rows)}

    def has_training_docs(self): return False
    def has_validation_docs(self): return True
    def has_test_docs(self): return False
    def validation_docs(self): return self.dataset["validation"]
    def doc_to_text(self, doc, *rest): return f"Question: {doc['q']}\\nAnswer:"
    def doc_to_target(self, doc, *rest): return " " + (doc["a"] or "unanswerable")

    def construct_requests(self, doc, ctx, chat_template=None, apply_chat_template=False, **kwargs):
        assert self.ready
        write = Instance(request_type="generate_until", doc=doc, arguments=(ctx, {"until": ["\\n"]}), idx=0, **kwargs)
        weigh = Instance(request_type="loglikelihood", doc=doc, arguments=(ctx, " unanswerable"), idx=0, **kwargs)
        return [write, weigh] if doc["a"] else weigh

    def process_results(self, doc, results):
        if not doc["a"]:
            (_, greedy), = results
            return {"right": {"n": float(greedy)}, "weight": 0.0}
        text, (weight, greedy) = results
        return {"right": {"n": float(text.strip() == doc["a"])}, "weight": weight}

    def aggregation(self): return {"right": partial(_share, "n"), "weight": lambda items: max(items)}
    def higher_is_better(self): return {"right": True, "weight": False}
"""
ROWS = ({"q": "Where?", "a": "Rome"}, {"q": "Why?", "a": ""}, {"q": "Who?", "a": "Ada"})


class Recorded:
    """A model that keeps what it was asked."""

    def __init__(self):
        self.asked = []

    async def answer(self, request):
        self.asked.append(request)
        if isinstance(request, Generate):
            return Reply(texts=(" Rome",), finish=("stop",))
        return Reply(loglikelihoods=(-2.5,), greedy=(True,))


@pytest.fixture
def task(write, rows, load, folder, leave):
    rows(*ROWS)
    write("own.py", MODULE.replace("ROWS", json.dumps(str(folder / "rows.jsonl"))))
    write("answerable.yaml", "task: answerable\nclass: !function own.Answerable\n")
    leave()
    return load("answerable")


@pytest.fixture
def theirs(task):
    """The object as lm-eval makes it: the class, with its data."""
    own = task.method.ask.own
    return type(own).__mro__[1]()


def test_texts_and_targets_are_those_of_the_class(task, theirs):
    found = asked(task)
    docs = list(theirs.validation_docs())
    assert [prompt.text for _, prompt in found] == [theirs.fewshot_context(doc, num_fewshot=0) for doc in docs]
    assert [sample.targets for sample, _ in found] == [(theirs.doc_to_target(doc),) for doc in docs]


def test_examples_are_joined_as_theirs(task, theirs):
    import random

    theirs.sampler.rnd = random.Random(1234)
    docs = list(theirs.validation_docs())
    expected = [theirs.fewshot_context(doc, num_fewshot=1) for doc in docs]
    found = [prompt.text for _, prompt in asked(task, 1)]
    # lm-eval draws one more and leaves out the row itself, as evalkit does with the same stream.
    assert found == expected


def test_requests_are_those_of_the_class(task, theirs):
    for sample, prompt in asked(task):
        model = Recorded()
        asyncio.run(task.method.ask(Attempt(sample, prompt), model))
        made = theirs.construct_requests(dict(sample.data), prompt.text)
        for sent, instance in zip(model.asked, made if isinstance(made, list) else [made], strict=True):
            assert sent.prompt.text == instance.args[0]
            if isinstance(sent, Choose):
                assert (sent.continuations, sent.delimiter) == ((instance.args[1],), "")
            else:
                assert (list(sent.stop), sent.max_tokens) == (instance.args[1]["until"], 256)


def test_scores_are_aggregated_by_the_class(task, theirs):
    scorer = task.scorers[0]
    items: dict[str, list[Any]] = {"right": [], "weight": []}
    for sample, prompt in asked(task):
        replies = asyncio.run(task.method.ask(Attempt(sample, prompt), Recorded()))
        scores = {score.name: score for score in asyncio.run(scorer.score(sample, replies))}
        results = [" Rome", (-2.5, True)] if sample.data["a"] else [(-2.5, True)]
        expected = theirs.process_results(dict(sample.data), results)
        assert scores["right"].details == {"item": expected["right"]}
        assert scores["weight"].value == expected["weight"]
        items["right"].append(scores["right"].details["item"])
        items["weight"].append(scores["weight"].value)
    told = theirs.aggregation()
    assert {name: told[name](values) for name, values in items.items()} == {"right": 2 / 3, "weight": 0.0}
    assert [(metric.name, metric.higher_is_better) for metric in scorer.metrics] == [("right", True), ("weight", False)]


def test_gold_replies_have_the_form_of_what_is_asked(task):
    (first, _), (second, _), _ = asked(task)
    kinds = [bool(reply.texts) for reply in task.method.gold(Attempt(first, Prompt("Q")))]
    assert (kinds, bool(task.method.gold(Attempt(second, Prompt("Q")))[0].texts)) == ([True, False], False)


def test_a_class_that_is_no_task_is_refused(write, load, leave):
    write("own.py", "class Other:\n    pass\n")
    write("other.yaml", "task: other\nclass: !function own.Other\n")
    leave()
    with pytest.raises(UsageError, match="no ConfigurableTask"):
        load("other")
