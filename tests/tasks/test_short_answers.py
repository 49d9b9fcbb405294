"""TriviaQA, Natural Questions and DROP: prompts and scores as lm-evaluation-harness 0.4.13 makes them."""

from __future__ import annotations

import asyncio
import random

import pytest

from evalkit.core import Reply, Sample, Validity
from evalkit.plugins import load

TRIVIA = [
    {
        "question": question,
        "question_id": f"tc_{number}",
        "answer": {"value": aliases[0], "aliases": aliases, "normalized_aliases": [alias.lower() for alias in aliases]},
    }
    for number, (question, aliases) in enumerate(
        [
            ("Who was the man behind The Chipmunks?", ["David Seville"]),
            ("Which Lloyd Webber musical premiered in the US on 10th December 1993", ["Sunset Blvd", "Sunset Blvd."]),
            ('Who said "I came, I saw"?', ["Cæsar", "O'Caesar"]),
            ("What is [this]?", ["[bracketed]", 'it\'s "quoted"']),
        ]
    )
]
SHOWN = [{**row, "question": f"{row['question']} ({number})"} for number in (1, 2) for row in TRIVIA]
PASSAGE = "The Raiders took a 7-0 lead with a 20-yard pass, and won 24-17 on 5 May 1990."


def _drop(question, answers):
    blank = {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": []}
    full = [{**blank, **answer} for answer in answers]
    validated = {key: [answer[key] for answer in full[1:]] for key in blank}
    return {
        "query_id": question,
        "passage": PASSAGE,
        "question": question,
        "answer": full[0],
        "validated_answers": validated,
    }


DROP = [
    _drop("How many points did the winner score?", [{"number": "24"}, {"number": "24"}, {"spans": ["24 points"]}]),
    _drop("Who won?", [{"spans": ["The Raiders"]}]),
    _drop("Which two scores?", [{"spans": ["24", "17"]}]),
    _drop("When?", [{"date": {"day": "5", "month": "May", "year": "1990"}}]),
]


@pytest.fixture
def trivia(over):
    name = "mandarjoshi/trivia_qa/rc.nocontext"
    return over("triviaqa", {f"{name}/train": SHOWN, f"{name}/validation": TRIVIA})


@pytest.fixture
def reading(over):
    return over("drop", {"EleutherAI/drop/default/train": DROP, "EleutherAI/drop/default/validation": DROP})


LM_EVAL = """
import datasets, os, sys
from lm_eval.tasks import TaskManager
rows = datasets.DatasetDict({split: datasets.Dataset.from_list(rows) for split, rows in asked["rows"].items()})
datasets.load_dataset = lambda *args, **kwargs: rows
task = TaskManager().load([asked["task"]])["tasks"][asked["task"]]
task.set_fewshot_seed(1234)
docs = list(task.validation_docs())
prompts = [task.fewshot_context(doc, num_fewshot=asked["shots"]) for doc in docs]
class Instance:
    def __init__(self, text):
        self.resps, self.doc, self.filtered_resps = [text], {}, {}
scores = []
for number, text in asked["replies"]:
    instance = Instance(text)
    for steps in task._filters:
        steps.apply([instance])
    [said] = instance.filtered_resps.values()
    result = task.process_results(docs[number], said if isinstance(said, list) else [said])
    scores.append({key: float(value) for key, value in result.items()})
found = [prompts, scores]
"""


def replies_to(samples, rng, count=500):
    pieces = ["the ", "The ", "a ", "An ", " ", "'", '"', "-", "!", "x", "É", "of", "\n"]
    found = []
    for _ in range(count):
        number = rng.randrange(len(samples))
        target = rng.choice(samples[number].targets)
        said = rng.choice([target, target.upper(), target.lower(), f"the {target}", f" {target}! ", "no", ""])
        found.append((number, said + "".join(rng.choices(pieces, k=rng.choice((0, 0, 1, 3))))))
    return found


def ours(task, samples, replies, name):
    scorer = next(scorer for scorer in task.scorers if name in scorer.scores)

    async def run():
        found = []
        for number, text in replies:
            scores = await scorer.score(samples[number], (Reply(texts=(text,), finish=("stop",)),))
            found.append(next(score.value for score in scores if score.name == name))
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("shots", [0, 2])
def test_triviaqa_equals_lm_eval(trivia, ask_lm_eval, shots):
    samples = trivia.samples()
    replies = replies_to(samples, random.Random(1))
    rows = {"train": SHOWN, "validation": TRIVIA}
    asked = {"task": "triviaqa", "rows": rows, "shots": shots, "replies": replies}
    prompts, scores = ask_lm_eval(LM_EVAL, asked)
    assert list(trivia.prompts(shots=shots, order="lm-eval")) == prompts
    same(ours(trivia.task, samples, replies, "exact_match"), replies, scores, "exact_match")


@pytest.mark.shared_data
def test_nq_open_equals_lm_eval_on_real_rows(on_real_rows, ask_lm_eval):
    loaded = on_real_rows("nq_open")
    samples = loaded.samples()[:300]
    rows = [{"question": sample.input, "answer": list(sample.targets)} for sample in samples]
    replies = replies_to(samples, random.Random(2))
    splits = {"train": rows, "validation": rows}
    asked = {"task": "nq_open", "rows": splits, "shots": 0, "replies": replies}
    prompts, scores = ask_lm_eval(LM_EVAL, asked)
    assert list(loaded.prompts())[:300] == prompts
    same(ours(loaded.task, samples, replies, "exact_match"), replies, scores, "exact_match")


def test_nq_open_worked_examples_equal_lm_eval(over, ask_lm_eval):
    rows = [{"question": f"what is {n}", "answer": [f"the {n}", str(n)]} for n in range(12)]
    name = "google-research-datasets/nq_open/nq_open"
    loaded = over("nq_open", {f"{name}/train": rows[:6], f"{name}/validation": rows[6:]})
    splits = {"train": rows[:6], "validation": rows[6:]}
    asked = {"task": "nq_open", "rows": splits, "shots": 3, "replies": []}
    prompts, _ = ask_lm_eval(LM_EVAL, asked)
    assert list(loaded.prompts(shots=3, order="lm-eval")) == prompts


def test_drop_equals_lm_eval(reading, ask_lm_eval):
    samples = reading.samples()
    replies = replies_to(samples, random.Random(3))
    rows = {"train": DROP, "validation": DROP}
    asked = {"task": "drop", "rows": rows, "shots": 0, "replies": replies}
    prompts, scores = ask_lm_eval(LM_EVAL, asked)
    assert list(reading.prompts()) == prompts
    for name in ("em", "f1"):
        same(ours(reading.task, samples, replies, name), replies, scores, name)


def same(found, replies, scores, name):
    """Every score is lm-eval's, and neither all right nor all wrong."""
    expected = [score[name] for score in scores]
    assert [row for row in zip(replies, found, expected, strict=True) if row[1] != row[2]] == []
    assert 50 < sum(found) < 450


def test_drop_groups_by_the_kind_of_answer_and_clusters_by_passage(reading):
    samples = reading.samples()
    assert [sample.groups for sample in samples] == [("number",), ("span",), ("spans",), ("date",)]
    assert samples[0].data["answers"] == (("24",), ("24 points",))
    assert samples[3].targets == ("5 May 1990",)
    assert len({sample.cluster for sample in samples}) == 1
    assert reading.task.prompt.answer(samples[2]) == "24, 17"


def test_gold_answers_score_one(trivia, reading):
    assert trivia.problems() == []
    assert reading.problems() == []


@pytest.mark.shared_data
def test_gold_answers_of_nq_open_score_one(on_real_rows):
    assert on_real_rows("nq_open").problems() == []


@pytest.mark.parametrize("name", ["triviaqa", "nq_open", "drop"])
def test_an_empty_reply_is_no_answer(scored_by, name):
    score = scored_by(load("task", name).scorers[0], Sample("1", "q", targets=("x",)), " \n")
    assert (score.value, score.validity) == (0.0, Validity.NO_ANSWER)
