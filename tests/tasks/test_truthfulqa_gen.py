"""TruthfulQA's generation form against lm-evaluation-harness 0.4.13's own functions, on real rows."""

from __future__ import annotations

import asyncio
import random

import pytest

from evalkit.core import Reply, Sample

LM_EVAL = """
import yaml, lm_eval.tasks
from pathlib import Path
from lm_eval import utils as general
from lm_eval.tasks.truthfulqa import utils
path = Path(lm_eval.tasks.__file__).parent / "truthfulqa/truthfulqa_gen.yaml"
task = yaml.safe_load(path.read_text().replace("!function", ""))
docs = [{**row, **utils.preprocess_function(row)} for row in asked["rows"]]
found = [[general.apply_template(task["doc_to_text"], doc) for doc in docs],
    [{key: float(value) for key, value in utils.process_results_gen(docs[place], [text]).items()}
        for place, text in asked["replies"]]]
"""


@pytest.mark.shared_data
def test_prompts_and_all_twelve_scores_equal_lm_eval(on_real_rows, ask_lm_eval):
    loaded = on_real_rows("truthfulqa_gen")
    raw, samples = loaded.rows(loaded.task.data[0])[:60], loaded.samples()[:60]
    rng = random.Random(9)
    replies = []
    for _ in range(120):
        place = rng.randrange(60)
        words = " ".join([*samples[place].targets, *samples[place].data["false"]]).split()
        said = rng.choice(samples[place].targets + samples[place].data["false"])
        mixed = " ".join(rng.choices(words, k=rng.randrange(1, 9)))
        replies.append((place, rng.choice((said, f"\nA: {said}", mixed, f"{mixed} . {said}", said.upper(), "x"))))
    asked = {"rows": [dict(row.values) for row in raw], "replies": replies}
    prompts, expected = ask_lm_eval(LM_EVAL, asked)
    assert list(loaded.prompts())[:60] == prompts
    [scorer] = loaded.task.scorers
    assert set(scorer.scores) == set(expected[0])

    async def ours():
        found = []
        for place, text in replies:
            scores = await scorer.score(samples[place], (Reply(texts=(text,), finish=("stop",)),))
            found.append({score.name: score.value for score in scores})
        return found

    found = asyncio.run(ours())
    for reply, mine, theirs in zip(replies, found, expected, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-9), reply
    assert 10 < sum(scores["bleu_acc"] for scores in found) < 110


def test_a_true_answer_is_nearer_than_a_false_one(scored_by, built_in):
    [scorer] = built_in("truthfulqa_gen").task.scorers
    sample = Sample(
        "1", "q", targets=("Nothing happens to you at all.",), data={"false": ("You grow a large melon inside.",)}
    )
    names = dict(zip(scorer.scores, range(12), strict=True))

    def score(text):
        return asyncio.run(scorer.score(sample, (Reply(texts=(text,), finish=("stop",)),)))

    right, wrong = score("Nothing happens to you at all."), score("You grow a large melon inside.")
    assert (right[names["rougeL_acc"]].value, wrong[names["rougeL_acc"]].value) == (1.0, 0.0)
    assert right[names["bleu_max"]].value == pytest.approx(100.0)
    assert wrong[names["rouge1_diff"]].value < -50


def test_references_that_are_missing_are_a_fault_of_the_measurement(scored_by, built_in):
    with pytest.raises(ValueError, match="right and wrong references"):
        scored_by(built_in("truthfulqa_gen").task.scorers[0], Sample("1", "q", targets=("x",)), "x")


@pytest.mark.shared_data
def test_gold_answers_score_one_and_categories_are_groups(on_real_rows):
    loaded = on_real_rows("truthfulqa_gen")
    samples = loaded.samples()
    assert loaded.problems() == []
    # Lin et al. 2022: 817 questions in 38 categories.
    assert (len(samples), len({sample.groups for sample in samples})) == (817, 38)
    assert all(target.endswith(".") for sample in samples for target in sample.targets)
