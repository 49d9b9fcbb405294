"""JSON output and function calls: gold answers, prompts, the leaderboard's own rows, and runs on the embedded model."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import (
    Attempt,
    Capabilities,
    DataOptions,
    Generate,
    Identity,
    Prompt,
    Reply,
    Request,
    Row,
    ToolCall,
    UsageError,
)
from evalkit.plugins import load
from evalkit.prompting.methods.structured import json_schema_of, tool_of
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check
from tests.tasks.loading import good, task_of

SPECS = ["toy_json_output", "toy_json_output,constrained=true", "toy_function_calls"]


def samples(task: Any) -> list[Any]:
    rows = task.data[0].rows.open(DataOptions()).rows()
    return [task.sample(good(row)) for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize("spec", [*SPECS, "toy_function_calls,native=true"])
def test_gold_answers_score_one(spec: str) -> None:
    found = asyncio.run(check(prepare(task_of(spec), spec, "", GoldModel(), Settings())))
    assert found.problems == []
    assert found.samples >= 50


def test_the_rows_of_every_category_are_there_and_their_prompts_hold_what_is_needed() -> None:
    task = load("task", "toy_function_calls")
    found = samples(task)
    assert {sample.groups for sample in found} == {("simple",), ("multiple",), ("parallel",), ("irrelevance",)}
    for sample in found:
        assert all(json.dumps(function) in sample.input for function in sample.data["functions"])
        assert sample.input.endswith("\n\nCalls:")
        assert (sample.data["ground_truth"] == []) == (sample.groups == ("irrelevance",))
    first = samples(load("task", "toy_json_output"))[0]
    assert json.dumps(first.data["schema"]) in first.input
    assert json.loads(first.targets[0])["customer"]["town"] in first.input


def test_every_expected_object_follows_its_own_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for sample in samples(load("task", "toy_json_output")):
        jsonschema.Draft202012Validator(sample.data["schema"]).validate(json.loads(sample.targets[0]))


@pytest.mark.parametrize("category", ["simple_python", "multiple", "parallel", "parallel_multiple"])
def test_the_leaderboards_own_rows_are_read_and_their_gold_calls_are_right(category: str) -> None:
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("bfcl-eval brings the rows and is not installed (pip install --no-deps bfcl-eval)")
    data = Path(next(iter(spec.submodule_search_locations))) / "data"
    name = f"BFCL_v4_{category}.json"
    task_spec = f"function_calls,files={data / name},answers={data / 'possible_answer' / name}"
    found = asyncio.run(check(prepare(task_of(task_spec), task_spec, "", GoldModel(), Settings())))
    assert found.samples >= 200
    assert found.problems == []


def test_irrelevant_functions_of_the_leaderboard_need_no_file_of_answers() -> None:
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("bfcl-eval brings the rows and is not installed (pip install --no-deps bfcl-eval)")
    data = Path(next(iter(spec.submodule_search_locations))) / "data"
    found = samples(load("task", f"function_calls,files={data / 'BFCL_v4_irrelevance.json'}"))
    assert len(found) == 240
    assert {(sample.groups, str(sample.data["ground_truth"])) for sample in found} == {(("irrelevance",), "[]")}


def test_a_row_without_an_answer_is_a_bad_row(tmp_path: Path) -> None:
    function = {"name": "f", "parameters": {"type": "dict", "properties": {}, "required": []}}
    rows = [{"id": f"r{n}", "question": "q", "function": [function]} for n in (1, 2)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "answers.jsonl").write_text(json.dumps({"id": "r2", "ground_truth": [{"f": {}}]}) + "\n")
    task = load("task", f"function_calls,files={tmp_path / 'rows.jsonl'},answers={tmp_path / 'answers.jsonl'}")
    opened = task.data[0].rows.open(DataOptions())
    bad, other = opened.rows()
    assert "no row of this id" in bad.problem
    assert task.sample(good(other)).data["ground_truth"] == [{"f": {}}]
    alone = load("task", f"function_calls,files={tmp_path / 'rows.jsonl'}").data[0].rows.open(DataOptions())
    assert opened.digest != alone.digest


class Caller:
    """Calls the first tool it is given through its own interface; writes the schema's example otherwise."""

    identity = Identity("caller")
    capabilities = Capabilities(requests=frozenset({Generate}), features=frozenset({"schema", "tools"}))

    def __init__(self) -> None:
        self.asked: list[Generate] = []

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        self.asked.append(request)
        if request.tools:
            call = ToolCall(request.tools[0].name, json.dumps({"town": "Seaview"}))
            return Reply(texts=("",), finish=("stop",), calls=((call,),))
        return Reply(texts=("{}",), finish=("stop",))

    async def close(self) -> None: ...


def test_a_backend_with_tools_gets_the_functions_and_its_calls_are_scored(tmp_path: Path) -> None:
    weather = {
        "name": "weather.get",
        "description": "The weather.",
        "parameters": {"type": "dict", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    }
    row = {
        "question": "Weather in Seaview?",
        "function": [weather],
        "ground_truth": [{"weather.get": {"town": ["Seaview"]}}],
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    model = Caller()
    run = evalkit.run(
        f"function_calls,files={tmp_path / 'rows.jsonl'},native=true", model, out=tmp_path / "run", cache=False
    )
    [entry] = run.manifest.tasks
    assert entry.result.metric("call_match").estimate.value == 1.0
    [request] = model.asked
    assert request.prompt.text == "Weather in Seaview?"
    assert request.tools == (tool_of(weather),)
    assert (request.tools[0].name, request.tools[0].schema["type"]) == ("weather_get", "object")
    assert "tools=by the backend" in entry.identity["method settings"]
    [record] = run.records()
    assert record.replies[0].calls[0][0].name == "weather_get"


def test_a_backend_with_schemas_gets_the_rows_own(tmp_path: Path) -> None:
    model = Caller()
    evalkit.run("toy_json_output,constrained=true", model, out=tmp_path / "run", limit=3, cache=False)
    wanted = [sample.data["schema"] for sample in samples(load("task", "toy_json_output"))[:3]]
    assert [json.loads(request.schema) for request in model.asked] == wanted


@pytest.mark.parametrize("spec", ["toy_json_output,constrained=true", "toy_function_calls,native=true"])
def test_a_model_without_the_interface_is_told_before_anything_is_made(spec: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs a model with (schema|tools), which tiny lacks"):
        evalkit.run(spec, "tiny", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_leaderboards_types_become_json_schemas() -> None:
    described = {
        "type": "dict",
        "properties": {
            "type": {"type": "string"},
            "at": {"type": "tuple", "items": {"type": "float"}},
            "x": {"type": "any", "description": "d"},
            "y": {"type": ["string", "null"]},
        },
        "required": ["type"],
    }
    assert json_schema_of(described) == {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "at": {"type": "array", "items": {"type": "number"}},
            "x": {"description": "d"},
            "y": {"type": ["string", "null"]},
        },
        "required": ["type"],
    }


def test_rows_of_which_nothing_is_expected_are_held_to_their_schema_alone() -> None:
    task = load("task", "toy_json_output,fields=false")
    assert [scorer.name for scorer in task.scorers] == ["json_schema"]
    assert samples(task)[0].targets == ()


def test_a_run_on_the_embedded_model(tmp_path: Path) -> None:
    run = evalkit.run(["toy_json_output", "toy_function_calls"], "tiny", out=tmp_path / "run", limit=8)
    for entry in run.manifest.tasks:
        assert (entry.result.samples, entry.result.failed) == (8, 0)


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ("json_output", "needs rows with schemas"),
        ("function_calls", "needs rows with functions"),
        ("toy_json_output,max_tokens=0", "at least 1"),
    ],
)
def test_mistakes(spec: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        load("task", spec)


def test_several_turns_are_not_asked(tmp_path: Path) -> None:
    turns = [[{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}]]
    function = {"name": "f", "parameters": {"type": "dict", "properties": {}, "required": []}}
    (tmp_path / "rows.jsonl").write_text(json.dumps({"question": turns, "function": function}) + "\n")
    task = load("task", f"function_calls,files={tmp_path / 'rows.jsonl'}")
    [row] = task.data[0].rows.open(DataOptions()).rows()
    with pytest.raises(UsageError, match="asks in one turn"):
        task.sample(good(row))


def test_the_gold_reply_leaves_out_what_may_be_left_out() -> None:
    task = load("task", "toy_function_calls")
    [sample] = [s for s in samples(task) if "weather.get" in str(s.data["ground_truth"])][:1]
    [reply] = task.method.gold(Attempt(sample, Prompt()))
    assert "unit" not in reply.texts[0]


def test_a_yaml_task_of_your_own_uses_the_same_scores(tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    row = {"said": "a is 1", "schema": schema, "wanted": '{"a": 1}'}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "own.yaml").write_text(
        "data: rows.jsonl\n"
        'prompt: "{{ said }}"\n'
        "answer: wanted\n"
        "method: {write_json: {constrained: true}}\n"
        "scorers: [json_schema, json_match]\n"
    )
    spec = str(tmp_path / "own.yaml")
    found = asyncio.run(check(prepare(task_of(spec), spec, "", GoldModel(), Settings())))
    assert (found.samples, found.problems) == (1, [])
    run = evalkit.run(spec, Caller(), out=tmp_path / "run", cache=False)
    [record] = run.records()
    assert {score.name: score.value for score in record.scores} == {
        "schema_valid": 0.0, "json_valid": 1.0, "json_match": 0.0, "json_fields": 0.0,
    }  # fmt: skip
