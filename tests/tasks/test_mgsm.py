"""MGSM against lm-evaluation-harness 0.4.13: its YAML's own templates, filters and metric, in all eleven languages."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from evalkit.core import Attempt, Capabilities, Identity, Prompt, Reply, UsageError
from evalkit.plugins import load

LANGUAGES = ["bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"]
FORMS = {"native_cot": "native_cot", "direct": "direct", "en_cot": "en_cot"}

LM_EVAL = """
import yaml, lm_eval.tasks
from pathlib import Path
from lm_eval import utils
from lm_eval.api.metrics import exact_match_fn
from lm_eval.filters import build_filter_ensemble
folder = Path(lm_eval.tasks.__file__).parent / "mgsm"
class Instance:
    def __init__(self, text):
        self.resps, self.doc, self.filtered_resps = [text], {}, {}
found = {}
for form, cases in asked.items():
    base = yaml.safe_load((folder / form / ("direct_yaml" if form == "direct" else "cot_yaml")).read_text())
    for code, (rows, replies) in cases.items():
        task = {**base, **yaml.safe_load((folder / form / f"mgsm_{form}_{code}.yaml").read_text())}
        kept = ("ignore_case", "ignore_punctuation")
        settings = {key: task["metric_list"][0][key] for key in kept}
        prompts = [utils.apply_template(task["doc_to_text"], row) for row in rows]
        targets = [utils.apply_template(task["doc_to_target"], row) for row in rows]
        scores = [[] for _ in replies]
        for number, entry in enumerate(task["filter_list"]):
            steps = [(s["function"], {k: v for k, v in s.items() if k != "function"}) for s in entry["filter"]]
            instances = [Instance(text) for _, text in replies]
            build_filter_ensemble(str(number), steps).apply(instances)
            for (place, _), instance, row in zip(replies, instances, scores):
                said = instance.filtered_resps[str(number)]
                found_one = exact_match_fn(predictions=[said], references=[targets[place]], **settings)
                row.append(float(found_one["exact_match"]))
        until = task["generation_kwargs"]["until"]
        found[f"{form} {code}"] = [prompts, targets, scores, until, task["target_delimiter"]]
"""

PIECES = ["18", "1,080", "$5", ".", " ", "\n", "-3", "。", "です。", "The answer is ", "x", ",", ""]


def before_the_number(loaded):
    """What a strict answer begins with, taken from the gold reply."""
    sample = loaded.samples()[0]
    return loaded.task.method.gold(Attempt(sample, Prompt()))[0].texts[0].partition(sample.targets[0])[0]


@pytest.mark.shared_data
def test_prompts_targets_stops_and_scores_equal_lm_eval(on_real_rows, ask_lm_eval):
    rng = random.Random(4)
    asked: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    for form in FORMS:
        asked[form] = {}
        for code in LANGUAGES:
            loaded = on_real_rows(f"mgsm,language={code},form={form}")
            samples = loaded.samples()[:20]
            raw = loaded.rows(loaded.task.data[0])[:20]
            # The hub's rows have the column `answer`, which is null in the test split.
            rows = [{"answer": None, **row.values} for row in raw]
            replies = []
            for _ in range(40):
                place = rng.randrange(20)
                pieces = [*PIECES, samples[place].targets[0], before_the_number(loaded)]
                replies.append((place, "".join(rng.choices(pieces, k=rng.randrange(6)))))
                replies.append(
                    (
                        place,
                        before_the_number(loaded) + samples[place].targets[0] + rng.choice(("", ".", "。", "です。")),
                    )
                )
            asked[form][code] = (rows, replies)
            ours[f"{form} {code}"] = (list(loaded.prompts())[:20], samples, replies, loaded.task)
    expected = ask_lm_eval(LM_EVAL, asked)
    for name, (prompts, samples, replies, task) in ours.items():
        their_prompts, their_targets, their_scores, until, delimiter = expected[name]
        assert prompts == their_prompts, name
        assert asyncio.run(stops(task, samples[0])) == tuple(until), name
        assert [sample.targets[0] for sample in samples] == their_targets, name
        assert task.prompt.delimiter == delimiter, name
        found = asyncio.run(scores(task, samples, replies))
        wrong = [row for row in zip(replies, found, their_scores, strict=True) if row[1] != row[2]]
        assert wrong == [], name
        assert sum(row[1] for row in found) > 5, name


async def scores(task, samples, replies):
    found = []
    for place, text in replies:
        reply = (Reply(texts=(text,), finish=("stop",)),)
        found.append([(await scorer.score(samples[place], reply))[0].value for scorer in task.scorers[:2]])
    return found


async def stops(task, sample):
    """The stops of the request that the task makes."""
    asked = []

    class Listening:
        identity, capabilities = Identity("x"), Capabilities()

        async def answer(self, request):
            asked.append(request.stop)
            return Reply(texts=("1",), finish=("stop",))

    await task.method.ask(Attempt(sample, Prompt()), Listening())
    return asked[0]


@pytest.mark.shared_data
def test_each_language_stops_at_its_own_word_for_question(on_real_rows):
    loaded = on_real_rows("mgsm")
    found = [asyncio.run(stops(loaded.task, loaded.samples(number)[0])) for number in range(11)]
    assert [stop[0] for stop in found][:3] == ["প্রশ্ন:", "Frage:", "Question:"]
    assert len(set(found)) == 11


def test_a_worked_example_shows_its_solution(over):
    rows = [
        {
            "question": "Frage: Wie viel ist 1 + 1?",
            "answer": "Schritt-für-Schritt-Antwort: Das ist 2. Die Antwort lautet 2.",
            "answer_number": 2,
        },
        {
            "question": "Frage: Und 2 + 2?",
            "answer": "Schritt-für-Schritt-Antwort: Das ist 4. Die Antwort lautet 4.",
            "answer_number": 4,
        },
    ]
    test = [{"question": "Wie viel ist 3 + 3?", "answer": None, "answer_number": 6}]
    sets = {"juletxara/mgsm/de/train": rows, "juletxara/mgsm/de/test": test}
    native = over("mgsm,language=de", sets)
    assert next(native.prompts(shots=2, order="first")) == (
        "Frage: Wie viel ist 1 + 1?\nSchritt-für-Schritt-Antwort: Das ist 2. Die Antwort lautet 2.\n\n"
        "Frage: Und 2 + 2?\nSchritt-für-Schritt-Antwort: Das ist 4. Die Antwort lautet 4.\n\n"
        "Frage: Wie viel ist 3 + 3?\nSchritt-für-Schritt-Antwort:"
    )
    direct = over("mgsm,language=de,form=direct", sets)
    assert next(direct.prompts(shots=1, order="first")).startswith("Frage: Wie viel ist 1 + 1?\nAntwort:2\n\n")


@pytest.mark.shared_data
@pytest.mark.parametrize("form", FORMS)
def test_gold_answers_score_one(on_real_rows, form):
    loaded = on_real_rows(f"mgsm,form={form}")
    assert len(loaded.samples()) == 2750
    assert loaded.problems() == []


def test_another_language_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="'dee'"):
        load("task", "mgsm,language=dee")
