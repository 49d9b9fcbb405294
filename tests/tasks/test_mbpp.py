"""MBPP: prompts of lm-evaluation-harness, every solution of both editions, and broken ones."""

from __future__ import annotations

import asyncio
import json

import pytest

from evalkit.core import DataOptions, Reply, Sample, UsageError
from evalkit.plugins import load
from evalkit.sandbox import usable_engine
from tests.tasks.loading import good

SPLITS = {"full": {"prompt": 10, "test": 500, "validation": 90, "train": 374}}
SPLITS["sanitized"] = {"prompt": 7, "test": 257, "validation": 43, "train": 120}


@pytest.fixture
def engine() -> str:
    try:
        return usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")


def passed(task, samples: list[Sample], text) -> dict[str, float]:
    (scorer,) = task.scorers
    ready = scorer.ready(False)

    async def run() -> dict[str, float]:
        async def one(sample: Sample) -> tuple[str, float]:
            reply = Reply(texts=(text(sample),), finish=("stop",))
            return sample.id, (await ready.score(sample, (reply,)))[0].value

        return dict(await asyncio.gather(*map(one, samples)))

    return asyncio.run(run())


# CPU limit 15 s as by default; the slowest solution needs about 2 s.
@pytest.mark.shared_data
@pytest.mark.parametrize("edition", ["full", "sanitized"])
def test_every_solution_passes(on_real_rows, engine, edition):
    right = 0
    for split, count in SPLITS[edition].items():
        mbpp = on_real_rows(f"mbpp,set={edition},split={split}")
        found = passed(mbpp.task, mbpp.samples(), lambda s: s.targets[0])
        assert [name for name, value in found.items() if value != 1.0] == []
        assert len(found) == count
        right += count
    assert right == {"full": 974, "sanitized": 427}[edition]


# The functions' names are bound to ones that return nothing that a test can expect.
def spoiled(sample: Sample) -> str:
    wrong = "\n".join(f"def {name}(*a, **k): return 'broken', 'by a test'" for name in sample.data["entry"])
    return f"{sample.targets[0]}\n{wrong}\n"


@pytest.mark.shared_data
def test_each_with_its_return_value_broken_fails(on_real_rows, engine):
    mbpp = on_real_rows("mbpp")
    found = passed(mbpp.task, mbpp.samples(), spoiled)
    assert [name for name, value in found.items() if value != 0.0] == []


@pytest.mark.shared_data
def test_every_prompt_is_lm_evals(on_real_rows, lm_eval_tasks):
    import jinja2
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads the harness's own tag as text."""

    Loader.add_multi_constructor("!function", lambda loader, suffix, node: node.value)
    config = yaml.load((lm_eval_tasks / "mbpp" / "mbpp.yaml").read_text(), Loader)
    render = jinja2.Environment(keep_trailing_newline=True).from_string(config["doc_to_text"]).render
    assert (config["num_fewshot"], config["target_delimiter"]) == (3, "")
    mbpp = on_real_rows("mbpp")
    part = mbpp.task.data[0]
    shown = [row.values for row in part.examples.open(mbpp.options).rows()]
    assert [row["task_id"] for row in shown] == [2, 3, 4]
    examples = "".join(f"{render(row)}{row['code']}\n[DONE]\n\n" for row in shown)
    expected = [examples + render(row.values) for row in mbpp.rows(part)]
    assert list(mbpp.prompts(shots=3)) == expected
    assert mbpp.task.method.settings["stop"] == repr(tuple(config["generation_kwargs"]["until"]))
    assert mbpp.task.fewshot.k == 3


PLUS_TEST = """
import numpy as np
inputs = [[[1, 2], [2, 3]], [[], [1]]]
results = [[2], []]

def assertion(out, exp, atol):
    assert np.array_equal(sorted(out), exp)

for i, (inp, exp) in enumerate(zip(inputs, results)):
    assertion(shared(*inp), exp, 0)
"""


# Rows in the shape of evalplus/mbppplus: a program of tests, and three assertions for the prompt.
def test_the_plus_edition_runs_its_program_of_tests(engine, tmp_path):
    row = {"task_id": 2, "code": "def shared(a, b): return list(set(a) & set(b))", "prompt": "Find what both have."}
    row |= {"source_file": "x", "test_imports": [], "test": PLUS_TEST}
    row |= {"test_list": ["assert shared([1], [1]) == [1]"] * 3}
    folder = tmp_path / "evalplus" / "mbppplus" / "default"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(json.dumps(row) + "\n")
    task = load("task", "mbpp,set=plus")
    options = DataOptions(mirror=tmp_path, offline=True)
    samples = [task.sample(good(found)) for found in task.data[0].rows.open(options).rows()]
    assert passed(task, samples, lambda s: s.targets[0]) == {"MBPP/2": 1.0}
    # Right on the assertions of the prompt, wrong on the others.
    assert passed(task, samples, lambda s: "def shared(a, b): return a") == {"MBPP/2": 0.0}
