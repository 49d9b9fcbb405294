"""Prompts, filters, metrics and aggregations against lm-eval's own code, run on the same rows and answers."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
import yaml

from evalkit.plugins.lm_eval.aggregations import aggregation_of
from evalkit.plugins.lm_eval.config import config_of
from evalkit.plugins.lm_eval.documents import asked as asked_of
from evalkit.plugins.lm_eval.filters import chains_of
from evalkit.plugins.lm_eval.measures import measured, measures_of
from tests.plugins.lm_eval.conftest import asked

pytest.importorskip("lm_eval", reason="lm_eval is not installed")
pytestmark = pytest.mark.slow("imports lm_eval, which takes seconds")

ROWS = [
    {"q": f"Question {n}?", "a": f"answer {n}", "end": "goes on.", "options": ["one", "two or", "three"], "gold": n % 3}
    for n in range(6)
]
SHOWN = [{**row, "q": f"Shown {n}:", "a": f" shown {n}"} for n, row in enumerate(ROWS)]
BASE = """
task: qa
dataset_path: json
dataset_kwargs: {data_files: {test: ROWS, train: SHOWN}}
test_split: test
training_split: train
fewshot_split: train
"""
WRITTEN = "doc_to_text: '{{q}}'\ndoc_to_target: a\n"
CHOSEN = "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: options\ndoc_to_target: gold\n"


@pytest.fixture
def theirs():
    """lm-eval's own task of a YAML text."""
    from lm_eval.api.task import ConfigurableTask

    def made(text):
        task = ConfigurableTask(config=yaml.safe_load(text))
        task.set_fewshot_seed(1234)
        return task

    return made


@pytest.fixture
def both(write, folder, load, theirs):
    """(evalkit's task, lm-eval's) of the same keys."""

    def made(keys):
        for name, rows in (("rows", ROWS), ("shown", SHOWN)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        text = BASE.replace("SHOWN", str(folder / "shown.jsonl")) + keys
        path = write("qa.yaml", text)
        return load("qa"), theirs(path.read_text())

    return made


FORMS = {
    "plain": WRITTEN,
    "description": WRITTEN + "description: 'About {{gold}}.\\n\\n'\n",
    "prefix": WRITTEN + "gen_prefix: 'So:'\n",
    "prefix with a space": WRITTEN + "gen_prefix: 'So: '\ndescription: Say.\n",
    "prefix from a column": WRITTEN + "gen_prefix: '{{options[gold]}}'\ntarget_delimiter: '/'\n",
    "prefix of examples alone": WRITTEN + "fewshot_config: {gen_prefix: 'Well,'}\n",
    "white space before a prefix": 'doc_to_text: "{{q}}\\n"\ndoc_to_target: a\ngen_prefix: So\n',
    "delimiters": WRITTEN + "target_delimiter: '='\nfewshot_delimiter: '##'\n",
    "choices": CHOSEN + "description: Choose.\n",
    "choices after a prefix": CHOSEN + "gen_prefix: The best answer is\ntarget_delimiter: ''\n",
}


def _chat(messages, *, add_generation_prompt):
    return json.dumps([messages, add_generation_prompt])


@pytest.mark.parametrize("k", [0, 2])
@pytest.mark.parametrize("form", FORMS)
def test_prompts_are_the_same_as_text_and_as_turns(both, form, k):
    ours, theirs = both(FORMS[form])
    docs = list(theirs.test_docs())
    expected = [theirs.fewshot_context(doc, k, gen_prefix=theirs.doc_to_prefix(doc)) for doc in docs]
    assert [prompt.text for _, prompt in asked(ours, k)] == expected
    theirs.set_fewshot_seed(1234)
    for doc, (_, prompt) in zip(docs, asked(ours, k, chats=True, turns=True), strict=True):
        prefix = theirs.doc_to_prefix(doc)
        more = {"apply_chat_template": True, "fewshot_as_multiturn": True, "chat_template": _chat}
        turns, generates = json.loads(theirs.fewshot_context(doc, k, gen_prefix=prefix, **more))
        found = [{"role": one.role, "content": one.content} for one in prompt.as_messages()]
        assert (found, bool(prompt.begun)) == (turns, not generates)


TEXTS = [
    "The answer is (B). #### 1,234",
    "#### -7.5 and then #### 8",
    " two or ",
    "none of it",
    "",
    "A: (C)",
    "It is: B",
    "[('The', 'DET'), ('cat', 'NOUN')]",
    "Person: Ada, Bob $$ location: Rome",
    "date: none\norganization: ACM",
]
FILTERS = [
    [{"function": "regex", "regex_pattern": r"#### (\-?[0-9\.\,]+)"}],
    [{"function": "regex", "regex_pattern": r"#### (\-?[0-9\.\,]+)", "group_select": -1, "fallback": "?"}],
    [{"function": "regex", "regex_pattern": r"(\d+)\.(\d+)|\((\w)\)"}, {"function": "take_first"}],
    [{"function": "multi_choice_regex", "regex_pattern": r"(\([A-Z]\))", "ignore_case": True}],
    [{"function": "multi_choice_regex", "ignore_punctuation": True, "group_select": -1, "regexes_to_ignore": ["or"]}],
    [{"function": "remove_whitespace"}, {"function": "lowercase"}, {"function": "take_first"}],
    [{"function": "uppercase"}],
    [{"function": "majority_vote"}, {"function": "take_first"}],
    [{"function": "take_first_k", "k": 2}, {"function": "majority_vote"}],
    [{"function": "map", "mapping_dict": {"": "empty", "none of it": 3}, "default_value": "other"}],
    [{"function": "regex_pos", "regex_pattern": r"\('([^']*)', '([^']*)'\)"}],
    [{"function": "format_span"}],
]


@pytest.mark.parametrize("steps", FILTERS, ids=lambda steps: "+".join(step["function"] for step in steps))
def test_filters_give_the_same(steps):
    from lm_eval.api.instance import Instance
    from lm_eval.filters import build_filter_ensemble

    parts = [[step["function"], {key: v for key, v in step.items() if key != "function"}] for step in steps]
    theirs = build_filter_ensemble("f", parts)
    (ours,) = chains_of([{"name": "f", "filter": [dict(step) for step in steps]}], "")
    doc = {"choices": ["one", "two or", "(none) of it"]}
    for place in range(len(TEXTS)):
        answers = [TEXTS[place], TEXTS[(place + 3) % len(TEXTS)], TEXTS[place]]
        instance = Instance(request_type="generate_until", doc=doc, arguments=("", {}), idx=0, resps=list(answers))
        theirs.apply([instance])
        assert ours.apply([answers], doc) == [instance.filtered_resps["f"]], answers


METRICS = {
    "acc, acc_norm": "[{metric: acc}, {metric: acc_norm}]",
    "acc_bytes, exact_match": "[{metric: acc_bytes}, {metric: exact_match}]",
    "f1, mcc": "[{metric: f1}, {metric: mcc}]",
    "brier_score": "[{metric: brier_score}]",
    "likelihood": "[{metric: likelihood}]",
    "acc_mutual_info": "[{metric: acc_mutual_info}, {metric: acc}]",
}


@pytest.mark.parametrize("gold", ["gold", "'[0, 2]'", "'{{options[1]}}'"])
@pytest.mark.parametrize("metrics", METRICS)
def test_metrics_of_choices_are_the_same(both, metrics, gold):
    if "[0" in gold and ("f1" in metrics or "mutual" in metrics):
        pytest.skip("lm-eval itself fails on several right choices here")
    keys = CHOSEN.replace("doc_to_target: gold", f"doc_to_target: {gold}") + f"metric_list: {METRICS[metrics]}\n"
    _, theirs = both(keys)
    config = config_of(yaml.safe_load(BASE + keys), "")
    drawn = random.Random(1)
    for doc in theirs.test_docs():
        count = 6 if "mutual" in metrics else 3
        results = [(-drawn.uniform(0.1, 9.0), drawn.random() < 0.4) for _ in range(count)]
        expected = theirs.process_results(doc, results)
        found = measured(config, measures_of(config, ""), doc, asked_of(config, doc), results)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert _flat(found[name]) == pytest.approx(_flat(value), abs=1e-12), name


@pytest.mark.parametrize(
    "keys",
    [
        "{metric: exact_match}",
        "{metric: exact_match, ignore_case: true, ignore_punctuation: true}",
        "{metric: exact_match, ignore_numbers: true, regexes_to_ignore: [',', '\\\\$']}",
        "{metric: bleu}",
        "{metric: chrf}",
    ],
)
def test_metrics_of_texts_are_the_same(both, keys):
    text = WRITTEN + f"metric_list: [{keys}]\n"
    _, theirs = both(text)
    config = config_of(yaml.safe_load(BASE + text), "")
    for doc in theirs.test_docs():
        for answer in (doc["a"], doc["a"].upper() + "!", "answer", "$answer, 1"):
            expected = theirs.process_results(doc, [answer])
            found = measured(config, measures_of(config, ""), doc, asked_of(config, doc), [answer])
            assert {name: list(_flat(v)) for name, v in found.items()} == {
                name: list(_flat(v)) for name, v in expected.items()
            }


PAIRS = [(0, 0), (1, 0), (1, 1), (0, 1), (1, 1)]
TRANSLATED = [("the cat sat", "the cat sits"), ("on a red mat", "on the red mat"), ("it is late", "it is late now")]
ITEMS: dict[str, list[Any]] = {
    "mean": [0.0, 1.0, 0.5],
    "median": [3.0, 1.0, 2.0, 9.0],
    "nanmean": [1.0, math.nan, 0.0],
    "perplexity": [-1.5, -0.2],
    "weighted_perplexity": [(-10.5, 4), (-3.25, 2)],
    "bits_per_byte": [(-10.5, 4), (-3.25, 2)],
    "f1": PAIRS,
    "matthews_corrcoef": PAIRS,
    "brier_score": [(0, [0.7, 0.3]), (1, [0.6, 0.4])],
    "bleu": TRANSLATED,
    "chrf": TRANSLATED,
    "ter": TRANSLATED,
}


@pytest.mark.parametrize("name", ITEMS)
def test_aggregations_are_the_same(name):
    from lm_eval.api.registry import get_aggregation

    _, ours = aggregation_of(name, name, "")
    items: Any = ITEMS[name]
    found = ours(items) if ours is not None else sum(items) / len(items)
    assert found == pytest.approx(get_aggregation(name)(items), rel=1e-12)


def test_groups_are_weighed_the_same():
    from lm_eval.api.metrics import aggregate_subtask_metrics

    scores, sizes = [0.25, 0.5, 1.0], [8, 2, 10]
    assert aggregate_subtask_metrics(scores, sizes, True) == pytest.approx((0.25 * 8 + 0.5 * 2 + 10) / 20)
    assert aggregate_subtask_metrics(scores, sizes, False) == pytest.approx(1.75 / 3)


def _flat(value):
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [part for one in value for part in _flat(one)]
    return [float(value) if isinstance(value, bool | int | float) else value]
