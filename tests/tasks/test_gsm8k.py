"""GSM8K: stored solutions with published counts, lm-evaluation-harness's filters and prompts, majority votes."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Reply, Sample, UsageError, Validity
from evalkit.plugins import load

FIRST = (
    "Question: Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for "
    "her friends every day with four. She sells the remainder at the farmers' market daily for $2 per fresh duck egg. "
    "How much in dollars does she make every day at the farmers' market?\nAnswer:"
)


@pytest.mark.shared_data
def test_the_prompt_byte_for_byte(on_real_rows):
    assert next(on_real_rows("gsm8k").prompts()) == FIRST


@pytest.mark.shared_data
def test_every_five_shot_prompt_is_the_one_of_lm_eval(on_real_rows, ask_lm_eval, hub_mirror):
    loaded = on_real_rows("gsm8k")
    expected = ask_lm_eval(LM_EVAL_PROMPTS, {"task": "gsm8k", "folder": str(hub_mirror / "openai/gsm8k/main")})
    found = list(loaded.prompts(shots=5, order="lm-eval"))
    assert len(found) == 1319
    assert found == expected


# Its own YAML, its own sampler; only where the rows come from is ours.
LM_EVAL_PROMPTS = """
import datasets, glob
from pathlib import Path
from lm_eval.tasks import TaskManager
files = {Path(path).name.split(".")[0]: path for path in glob.glob(asked["folder"] + "/*.jsonl.gz")}
rows = datasets.load_dataset("json", data_files=files)
datasets.load_dataset = lambda *args, **kwargs: rows
from lm_eval.api.task import ConfigurableTask
task = TaskManager().load([asked["task"]])["tasks"][asked["task"]]
task.set_fewshot_seed(1234)
found = [task.fewshot_context(doc, num_fewshot=5) for doc in task.test_docs()]
"""


@pytest.mark.shared_data
def test_the_stored_flags_of_four_models_are_reproduced(on_real_rows, hub_mirror):
    """Cobbe et al.'s published solutions with their correctness: 286, 515, 458 and 742 of 1,319."""
    path = hub_mirror.parent / "reference" / "gsm8k" / "example_model_solutions.jsonl"
    if not path.is_file():
        pytest.skip(f"no stored solutions at {path}")
    stored = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    loaded = on_real_rows("gsm8k")
    samples = {sample.input: sample for sample in loaded.samples()}
    strict, flexible, _ = loaded.task.scorers

    async def flags(model: str) -> list[tuple[bool, bool, bool]]:
        found = []
        for row in stored:
            sample = samples[row["question"]]
            # Their solutions end with "A: 18" where the data set has "#### 18".
            text = row[model]["solution"].replace("\nA: ", "\n#### ")
            reply = (Reply(texts=(text,), finish=("stop",)),)
            [exact], [last] = await strict.score(sample, reply), await flexible.score(sample, reply)
            found.append((row[model]["is_correct"], exact.value == 1.0, last.value == 1.0))
        return found

    counts = {}
    for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
        found = asyncio.run(flags(model))
        assert len(found) == 1319
        assert [row for row in found if row[0] != row[1]] == []
        assert [row for row in found if row[0] != row[2]] == []
        counts[model] = sum(exact for _, exact, _ in found)
    assert list(counts.values()) == [286, 515, 458, 742]


PIECES = (
    "#### |####|#### -|18|1,080|$1,080.50|-5|.|,|$|..|The answer is |the answer is |The answer is 18."
    "|The answer is 1,080|\n|72 |3.5|١٢|A: | |$,|-|−5|18 dollars|#### 18.|#### $18|#### 1,000.|answer"
)


@pytest.mark.parametrize("form", ["plain", "cot", "zeroshot_cot"])
def test_scores_equal_lm_eval_on_random_replies(form: str, ask_lm_eval: Callable[[str, object], Any]) -> None:
    """Its YAML's own filters and metric."""
    rng = random.Random(6)
    pieces = PIECES.split("|")
    pairs = []
    for _ in range(600):
        number = rng.choice(("18", "1,080", "-5", "1000", "72", "3.5"))
        pairs.append((f"One step.\n#### {number}", "".join(rng.choices([*pieces, number], k=rng.randrange(8)))))
    name = {"plain": "gsm8k", "cot": "gsm8k-cot", "zeroshot_cot": "gsm8k-cot-zeroshot"}[form]
    expected = ask_lm_eval(LM_EVAL_SCORES, {"name": name, "pairs": pairs})
    task = load("task", f"gsm8k,form={form}")

    async def ours() -> list[list[float]]:
        found = []
        for solution, text in pairs:
            sample = Sample("1", "q", targets=(solution.rpartition("#### ")[2],))
            reply = (Reply(texts=(text,), finish=("stop",)),)
            found.append([(await scorer.score(sample, reply))[0].value for scorer in task.scorers[:2]])
        return found

    found = asyncio.run(ours())
    wrong = [(pair, mine, theirs) for pair, mine, theirs in zip(pairs, found, expected, strict=True) if mine != theirs]
    assert wrong == []
    assert 20 < sum(values[1] for values in found) < 580


LM_EVAL_SCORES = """
import yaml, lm_eval.tasks
from pathlib import Path
from lm_eval.api.metrics import exact_match_fn
from lm_eval.filters import build_filter_ensemble
folder = Path(lm_eval.tasks.__file__).parent / "gsm8k"
task = yaml.safe_load((folder / (asked["name"] + ".yaml")).read_text())
settings = {k: v for k, v in task["metric_list"][0].items() if k not in ("metric", "aggregation", "higher_is_better")}
class Instance:
    def __init__(self, text):
        self.resps, self.doc, self.filtered_resps = [text], {}, {}
found = [[] for _ in asked["pairs"]]
for entry in task["filter_list"]:
    steps = [(step["function"], {k: v for k, v in step.items() if k != "function"}) for step in entry["filter"]]
    instances = [Instance(text) for _, text in asked["pairs"]]
    build_filter_ensemble(entry["name"], steps).apply(instances)
    for (solution, _), instance, row in zip(asked["pairs"], instances, found):
        said = instance.filtered_resps[entry["name"]]
        row.append(float(exact_match_fn(predictions=[said], references=[solution], **settings)["exact_match"]))
"""


def test_no_number_is_no_answer(scored_by):
    strict, flexible, _ = load("task", "gsm8k").scorers
    sample = Sample("1", "q", targets=("18",))
    assert scored_by(strict, sample, "It is 18.").validity is Validity.NO_ANSWER
    assert scored_by(flexible, sample, "It is 18.").value == 1.0
    assert scored_by(flexible, sample, "I do not know.").validity is Validity.NO_ANSWER


@pytest.mark.shared_data
def test_chain_of_thought_rewrites_training_solutions(on_real_rows):
    prompt = next(on_real_rows("gsm8k,form=cot").prompts(shots=1))
    shown, _, asked = prompt.partition("\n\nQ: ")
    assert shown.startswith("Q: ")
    assert re.search(r"\nA: .* The answer is [0-9,]+\.$", shown)
    assert "<<" not in shown
    assert asked.endswith("farmers' market?\nA:")


def test_worked_examples_come_from_a_file_in_order(on_real_rows, tmp_path: Path):
    path = tmp_path / "eight.jsonl"
    rows = [{"question": f"Is it {n}?", "target": f"It is. The answer is {n}."} for n in range(3)]
    path.write_text("\n".join(map(json.dumps, rows)))
    loaded = on_real_rows(f"gsm8k,form=cot,examples={path}")
    assert loaded.task.fewshot.order == "first"
    prompt = next(loaded.prompts(shots=2))
    assert prompt.startswith(
        "Q: Is it 0?\nA: It is. The answer is 0.\n\nQ: Is it 1?\nA: It is. The answer is 1.\n\nQ: Janet’s"
    )
    with pytest.raises(UsageError, match="no few-shot examples"):
        load("task", f"gsm8k,form=zeroshot_cot,examples={path}")


@pytest.mark.shared_data
def test_chain_of_thought_with_lm_evals_own_examples_is_its_prompt(on_real_rows, ask_lm_eval, tmp_path: Path):
    """The eight of Wei et al., handed over as a file, give the prompt of its gsm8k_cot."""
    loaded = on_real_rows("gsm8k,form=cot")
    docs = [{"question": sample.input} for sample in loaded.samples()[:5]]
    script = (
        "import yaml, lm_eval.tasks\nfrom pathlib import Path\nfrom lm_eval import utils\n"
        "path = Path(lm_eval.tasks.__file__).parent / 'gsm8k/gsm8k-cot.yaml'\n"
        "task = yaml.safe_load(path.read_text())\n"
        "shown = task['fewshot_config']['samples']\n"
        "def asked_of(doc): return utils.apply_template(task['doc_to_text'], doc)\n"
        "def told(doc): return utils.apply_template(task['doc_to_target'], doc)\n"
        "text = ''.join(asked_of(doc) + ' ' + told(doc) + '\\n\\n' for doc in shown)\n"
        "found = [shown, [text + asked_of(doc) for doc in asked], task['num_fewshot']]"
    )
    shown, expected, count = ask_lm_eval(script, docs)
    path = tmp_path / "eight.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in shown))
    loaded = on_real_rows(f"gsm8k,form=cot,examples={path}")
    assert loaded.task.fewshot.k == count == 8
    assert list(loaded.prompts(shots=8))[:5] == expected


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("gsm8k", {"sampling": "greedy", "stop": repr(("Question:", "</s>", "<|im_end|>"))}),
        ("gsm8k,form=cot", {"sampling": "greedy", "stop": repr(("Q:", "</s>", "<|im_end|>"))}),
        ("gsm8k,form=cot,n=40,temperature=0.5", {"sampling": "t=0.5,top_p=1,n=40", "vote": "majority"}),
    ],
)
def test_how_it_asks(spec, settings):
    found = load("task", spec).method.settings
    assert {key: found[key] for key in settings} == settings
