"""HumanEval: prompts and stops of lm-evaluation-harness, canonical solutions, broken ones, chat models, the sample."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from typing import Any

import pytest

from evalkit.core import Capabilities, Identity, Reply, Request, Sample, UsageError
from evalkit.plugins import load
from evalkit.runs.runner import Settings, prepare
from evalkit.sandbox import usable_engine
from tests.tasks.loading import good, task_of


@pytest.fixture
def engine() -> str:
    try:
        return usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")


def passed(task, samples: list[Sample], text) -> dict[str, float]:
    """Sample id to the proportion of right completions, for the text that `text` makes of each sample."""
    (scorer,) = task.scorers
    ready = scorer.ready(False)

    async def run() -> dict[str, float]:
        async def one(sample: Sample) -> tuple[str, float]:
            reply = Reply(texts=(text(sample),), finish=("stop",))
            return sample.id, (await ready.score(sample, (reply,)))[0].value

        return dict(await asyncio.gather(*map(one, samples)))

    return asyncio.run(run())


def broken(solution: str) -> str:
    """The solution with its return values changed: what it returned, in a tuple with something else."""
    return re.sub(
        r"^(\s*)(return|yield)\b *(.*(?:\n(?!\s*(?:return|yield|if|else|for|while|def|class)\b).*)*)",
        _spoiled,
        solution,
        flags=re.M,
    )


def _spoiled(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]} 'broken', 'by a test'"


@pytest.mark.shared_data
def test_all_canonical_solutions_pass(on_real_rows, engine):
    humaneval = on_real_rows("humaneval")
    found = passed(humaneval.task, humaneval.samples(), lambda s: s.targets[0])
    assert len(found) == 164
    assert [name for name, value in found.items() if value != 1.0] == []


@pytest.mark.shared_data
def test_each_with_its_return_value_broken_fails(on_real_rows, engine):
    humaneval = on_real_rows("humaneval")
    found = passed(humaneval.task, humaneval.samples(), lambda s: broken(s.targets[0]))
    assert [name for name, value in found.items() if value != 0.0] == []


@pytest.mark.shared_data
def test_an_empty_completion_of_any_problem_fails(on_real_rows, engine):
    humaneval = on_real_rows("humaneval")
    found = passed(humaneval.task, humaneval.samples(), lambda s: "    pass\n")
    assert set(found.values()) == {0.0}


# Independent of the sandbox and of everything in it: the program and its tests in one plain interpreter.
@pytest.mark.shared_data
def test_verdicts_are_those_of_a_plain_interpreter(on_real_rows, engine):
    humaneval = on_real_rows("humaneval")
    samples = humaneval.samples()[::9]

    def altered(sample: Sample) -> str:
        # Some stay right, some turn wrong: which, the oracle says.
        return sample.targets[0].replace("==", "!=", 1).replace("+ 1", "+ 2", 1)

    def by_itself(sample: Sample) -> float:
        whole = sample.data["prefix"] + altered(sample) + "\n" + sample.data["tests"]
        try:
            return float(subprocess.run([sys.executable, "-c", whole], capture_output=True, timeout=60).returncode == 0)
        except subprocess.TimeoutExpired:
            return 0.0

    ours = passed(humaneval.task, samples, altered)
    assert ours == {sample.id: by_itself(sample) for sample in samples}
    assert set(ours.values()) == {0.0, 1.0}


@pytest.mark.shared_data
def test_prompt_and_stops_are_lm_evals(on_real_rows, lm_eval_tasks):
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads the harness's own tag as text."""

    Loader.add_multi_constructor("!function", lambda loader, suffix, node: node.value)
    config = yaml.load((lm_eval_tasks / "humaneval" / "humaneval.yaml").read_text(), Loader)
    humaneval = on_real_rows("humaneval")
    assert config["doc_to_text"] == "{{prompt}}"
    assert list(humaneval.prompts()) == [row.values["prompt"] for row in humaneval.rows(humaneval.task.data[0])]
    asked = settings_of(humaneval.task)
    assert asked["stop"] == repr(tuple(config["generation_kwargs"]["until"]))
    assert asked["max_tokens"] == str(config["generation_kwargs"]["max_gen_toks"])
    assert asked["sampling"] == "greedy"
    sampled = yaml.load((lm_eval_tasks / "humaneval" / "humaneval_64.yaml").read_text(), Loader)
    ks = ",".join(map(str, sampled["metric_list"][0]["k"]))
    ours = load("task", f"humaneval,n=64,temperature=0.2,k={ks}")
    assert ours.method.settings["sampling"] == f"t=0.2,top_p={sampled['generation_kwargs']['top_p']},n=64"
    assert [m.name for m in ours.metrics] == ["pass@1", *(f"pass@{k}" for k in sampled["metric_list"][0]["k"])]


def settings_of(task):
    return dict(task.method.settings)


class Model:
    """Answers every request with one text and remembers what it was asked."""

    identity = Identity("scripted")

    def __init__(self, text: str, *, chats: bool) -> None:
        self.capabilities = Capabilities(chats=chats)
        self.text = text
        self.asked: list[Any] = []

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        return Reply(texts=(self.text,) * request.n, finish=("stop",) * request.n)

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("spec", "chats", "asked_as_chat"),
    [("", False, False), ("", True, True), (",form=chat", False, True), (",form=completion", True, False)],
)
def test_a_chat_model_is_asked_in_words_and_without_stops(engine, spec, chats, asked_as_chat):
    model = Model("```python\nreturn 1\n```", chats=chats)
    task = task_of(f"toy_humaneval{spec}")
    prepared = prepare(task, "humaneval", "", model, Settings(limit=1))
    (work,) = prepared.work()
    (reply,) = asyncio.run(prepared.task.method.ask(work.attempt, model))
    (request,) = model.asked
    assert (request.stop == ()) is asked_as_chat
    assert request.prompt.text.startswith("Write a solution") is asked_as_chat
    assert ("chat" in reply.notes) is asked_as_chat
    assert prepared.identity["method"] == ("generate-chat" if asked_as_chat else "generate")


def test_n_samples_are_one_request(engine):
    model = Model("    return 1\n", chats=False)
    prepared = prepare(task_of("toy_humaneval,n=20,temperature=0.8"), "h", "", model, Settings(limit=1))
    (work,) = prepared.work()
    asyncio.run(prepared.task.method.ask(work.attempt, model))
    (request,) = model.asked
    assert (request.n, request.temperature, request.top_p) == (20, 0.8, 0.95)
    assert [metric.name for metric in prepared.task.metrics] == ["pass@1", "pass@10", "pass@20"]


def test_without_isolation_nothing_is_prepared(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    usable_engine.cache_clear()
    try:
        with pytest.raises(UsageError, match="nothing here can isolate it"):
            prepare(task_of("toy_humaneval"), "h", "", Model("", chats=False), Settings())
    finally:
        usable_engine.cache_clear()


def test_greedy_samples_would_all_be_one():
    with pytest.raises(UsageError, match="would all be the same"):
        load("task", "humaneval,n=5")


def test_the_bundled_problems_are_twenty_or_more_and_their_solutions_pass(built_in, engine):
    sample = built_in("toy_humaneval")
    found = passed(sample.task, sample.samples(), lambda s: s.targets[0])
    assert len(found) >= 20
    assert set(found.values()) == {1.0}
    wrong = passed(sample.task, sample.samples(), lambda s: broken(s.targets[0]))
    assert set(wrong.values()) == {0.0}


def test_the_time_limit_is_fifteen_seconds_or_more_and_in_the_signature(engine):
    model = Model("", chats=False)
    prepared = prepare(task_of("toy_humaneval"), "humaneval", "", model, Settings())
    limit = re.search(r"cpu=(\d+)s", prepared.identity["scorers"])
    assert limit is not None
    assert int(limit[1]) >= 15


PLUS_TEST = """
import numpy as np

def assertion(out, exp, atol):
    if atol:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {out}, exp: {exp}"

def check(candidate):
    inputs = [[1.0, [2.0]], [0.5, []]]
    results = [3.0, 0.5]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 1e-6)
"""


# Rows in the shape of evalplus/humanevalplus, whose tests use numpy.
def test_tests_with_numpy_run(built_in, engine, tmp_path):
    import json

    from evalkit.core import DataOptions

    prompt = "from typing import List\n\n\ndef total(a: float, b: List[float]) -> float:\n    '''The sum.'''\n"
    row = {"task_id": "HumanEval/0", "prompt": prompt, "canonical_solution": "    return a + sum(b)\n"}
    row |= {"test": PLUS_TEST, "entry_point": "total"}
    folder = tmp_path / "evalplus" / "humanevalplus" / "default"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(json.dumps(row) + "\n")
    task = load("task", "humaneval,plus=true")
    options = DataOptions(mirror=tmp_path, offline=True)
    samples = [task.sample(good(found)) for found in task.data[0].rows.open(options).rows()]
    assert passed(task, samples, lambda s: s.targets[0]) == {"HumanEval/0": 1.0}
    assert passed(task, samples, lambda s: "    return a\n") == {"HumanEval/0": 0.0}
