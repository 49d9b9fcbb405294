"""Function calls against the official checker of the Berkeley leaderboard (package bfcl-eval) on its own rows, changed
in hundreds of ways, and cases worked by hand."""

from __future__ import annotations

import copy
import importlib.util
import json
import random
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Reply, Sample, ToolCall, Validity
from evalkit.scoring.extraction.calls import FunctionCall, calls, find_calls
from evalkit.scoring.scorers.call_rules import mistake_in_all
from evalkit.scoring.scorers.calls import function_calls

CATEGORIES = ["simple_python", "multiple", "parallel", "parallel_multiple", "live_simple", "live_multiple"]


@pytest.fixture(scope="module")
def bfcl() -> Iterator[Path]:
    """The folder of the installed package; it is a few files without what its model clients need."""
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("bfcl-eval is the oracle and not installed (pip install --no-deps bfcl-eval)")
    yield Path(next(iter(spec.submodule_search_locations)))


@pytest.fixture(scope="module")
def official(bfcl: Path) -> Iterator[Any]:
    """ast_checker.py of the package, with stand-ins for every vendor's client and for Java and JavaScript."""

    class Table(dict):
        def __missing__(self, key: str) -> object:
            return types.SimpleNamespace(underscore_to_dot=False)

    converters = "bfcl_eval.eval_checker.ast_eval.type_convertor"
    stand_ins: dict[str, dict[str, object]] = {
        "bfcl_eval.constants.model_config": {"MODEL_CONFIG_MAPPING": Table()},
        f"{converters}.java_type_converter": {"java_type_converter": None},
        f"{converters}.js_type_converter": {"js_type_converter": None},
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, content in stand_ins.items():
            module = types.ModuleType(name)
            module.__dict__.update(content)
            patched.setitem(sys.modules, name, module)
        path = bfcl / "eval_checker" / "ast_eval" / "ast_checker.py"
        spec = importlib.util.spec_from_file_location("bfcl_official_checker", path)
        assert spec is not None
        assert spec.loader is not None
        checker = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(checker)
    yield checker


def rows(bfcl: Path, category: str) -> list[dict[str, Any]]:
    def lines(path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    answers = {row["id"]: row for row in lines(bfcl / "data" / "possible_answer" / f"BFCL_v4_{category}.json")}
    return [row | answers[row["id"]] for row in lines(bfcl / "data" / f"BFCL_v4_{category}.json")]


def gold(wanted: list[dict[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """Calls that are right: of every parameter that must be given, the first acceptable value."""
    made = []
    for entry in wanted:
        name, values = next(iter(entry.items()))
        made.append({name: {key: plain(found[0]) for key, found in values.items() if found and found[0] != ""}})
    return made


def plain(value: Any) -> Any:
    """A dict of acceptable values as one of them."""
    if isinstance(value, dict):
        return {k: plain(v[0]) for k, v in value.items() if isinstance(v, list) and v and v[0] != ""}
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [plain(item) for item in value]
    return copy.deepcopy(value)


def changed(rng: random.Random, calls: list[dict[str, dict[str, Any]]]) -> list[dict[str, dict[str, Any]]]:
    """The calls with one thing changed: a name, a parameter, a value, a type, the number or the order of calls."""
    calls = copy.deepcopy(calls)
    which = rng.randrange(12)
    call = rng.choice(calls) if calls else None
    if which == 0:
        rng.shuffle(calls)
        return calls
    if which == 1:
        return [*calls, copy.deepcopy(rng.choice(calls))] if calls else calls
    if which == 2:
        return calls[:-1]
    if call is None:
        return calls
    name, arguments = next(iter(call.items()))
    if which == 3:
        del call[name]
        call[name + "_"] = arguments
        return calls
    if which == 4 or not arguments:
        arguments["surprise"] = 1
        return calls
    key = rng.choice(sorted(arguments))
    value = arguments[key]
    if which == 5:
        del arguments[key]
    elif which == 6:
        arguments[key] = str(value)
    elif which == 7:
        arguments[key] = [value]
    elif which == 8 and isinstance(value, str):
        arguments[key] = rng.choice([value.upper(), f" {value}. ", value.replace(" ", "-"), value + "x", ""])
    elif which == 8 and isinstance(value, bool):
        arguments[key] = int(value)
    elif which == 8 and isinstance(value, int | float):
        arguments[key] = rng.choice([float(value), value + 1, -value, int(value)])
    elif which == 9:
        arguments[key] = tuple(value) if isinstance(value, list) else None
    elif which == 10 and isinstance(value, list):
        arguments[key] = rng.choice([value[::-1], value[:-1], [], [str(item) for item in value]])
    elif which == 10 and isinstance(value, dict):
        arguments[key] = dict(list(value.items())[1:]) | rng.choice([{}, {"more": 1}])
    elif which == 11:
        arguments[key] = rng.choice(["", 0, True, [], {}, None, 1.5, "x"])
    return calls


@pytest.mark.parametrize("category", CATEGORIES)
def test_equals_the_official_checker_on_its_rows_and_on_changed_calls(official: Any, bfcl: Path, category: str) -> None:
    rng = random.Random(category)
    agreed = {True: 0, False: 0}
    for row in rows(bfcl, category)[:200]:
        right = gold(row["ground_truth"])
        for number in range(12):
            made = right if number == 0 else changed(rng, right)
            try:
                verdict = official.ast_checker(
                    row["function"],
                    made,
                    row["ground_truth"],
                    official.Language.PYTHON,
                    "parallel" if "parallel" in category else "multiple",
                    "any",
                )["valid"]
            except (AttributeError, TypeError, IndexError):
                continue  # the official checker cannot read such a value; ours must only not raise
            finally:
                calls = [FunctionCall(*next(iter(call.items()))) for call in made]
                ours = mistake_in_all(calls, row["function"], row["ground_truth"])
            assert (ours == "") == verdict, (row["id"], made, row["ground_truth"], ours)
            agreed[verdict] += 1
    assert min(agreed.values()) > 100


@pytest.mark.parametrize("category", CATEGORIES)
def test_right_calls_are_read_back_from_python_and_from_json(bfcl: Path, category: str) -> None:
    for row in rows(bfcl, category)[:100]:
        right = gold(row["ground_truth"])
        wanted = tuple(FunctionCall(*next(iter(call.items()))) for call in right)
        python = ", ".join(
            f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
            for call in right
            for name, arguments in call.items()
        )
        names = [{"name": name, "arguments": arguments} for call in right for name, arguments in call.items()]
        assert find_calls(f"[{python}]") == wanted
        assert find_calls(json.dumps(names)) == wanted
        assert find_calls(json.dumps(right)) == wanted
        tagged = "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in names)
        assert find_calls(tagged) == wanted


F = FunctionCall("f", {"a": 1})
GH = FunctionCall("g.h", {"b": "x", "c": [1, -2.5], "d": {"k": None}})


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("f(a=1)", (F,)),
        ("[f(a=1), g.h(b='x', c=[1, -2.5], d={'k': None})]", (F, GH)),
        ("f(a=1)\ng()", (F, FunctionCall("g", {}))),
        ("```python\nf(a=1)\n```", (F,)),
        ("Sure:\n```json\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n```", (F,)),
        ('{"name": "f", "parameters": {"a": 1}}', (F,)),
        ('{"name": "f", "arguments": "{\\"a\\": 1}"}', (F,)),
        ('{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}', (F,)),
        ('{"tool_calls": [{"function": {"name": "f", "arguments": "{\\"a\\": 1}"}}]}', (F,)),
        ('[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]', (F,)),
        ('<|python_tag|>{"name": "f", "parameters": {"a": 1}}', (F,)),
        ('I will call it. {"name": "f", "arguments": {"a": 1}}', (F,)),
        ('{"name": "f", "arguments": {"a": 1}}\n{"name": "g", "arguments": {}}', (F, FunctionCall("g", {}))),
        ('<tool_call>{"name": "f", "arguments": {"a": 1}}', (F,)),
        ("f(a=x)", (FunctionCall("f", {"a": "x"}),)),
        ("f(a=2*3+1)", (FunctionCall("f", {"a": 7}),)),
        ("f(1)", (FunctionCall("f", {}, 1),)),
        ("f(a=9**9**9**9)", (FunctionCall("f", {"a": "9 ** 9 ** 9 ** 9"}),)),
        ("f(a=__import__('os').system('true'))", (FunctionCall("f", {"a": "__import__('os').system('true')"}),)),
        ("[]", ()),
        ("", None),
        ("I cannot do that.", None),
        ("f(a=1", (F,)),
        ("f(**x)", None),
        ("{}", None),
        ("[1, 2]", None),
        ("(" * 5000, None),
        ("[" * 100_000, None),
        ("f(a=1/0)", None),
        ("null", None),
        ('{"name": 3}', None),
    ],
)  # fmt: skip
def test_what_is_read_of_a_reply(text: str, calls: tuple[FunctionCall, ...] | None) -> None:
    assert find_calls(text) == calls


WEATHER = {
    "name": "weather.get",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def sample(*wanted: dict[str, Any]) -> Sample:
    return Sample("1", "q", data={"functions": [WEATHER], "ground_truth": list(wanted)})


def test_a_reply_and_its_scores(scored: Any) -> None:
    right = sample({"weather.get": {"city": ["Oslo"]}})
    assert scored(function_calls(), right, "weather.get(city='oslo')")["call_match"].value == 1.0
    wrong = scored(function_calls(), right, "weather.get(city='Rome')")
    assert (wrong["call_match"].value, wrong["call_names"].value) == (0.0, 1.0)
    assert "Rome" in wrong["call_match"].reason
    none = scored(function_calls(), right, "It is sunny.")["call_match"]
    assert (none.value, none.validity) == (0.0, Validity.NO_ANSWER)


def test_where_no_function_fits_calling_none_is_right(scored: Any) -> None:
    assert scored(function_calls(), sample(), "I have no function for that.")["call_match"].value == 1.0
    assert scored(function_calls(), sample(), "[]")["call_match"].value == 1.0
    assert scored(function_calls(), sample(), "")["call_match"].validity is Validity.OK
    assert scored(function_calls(), sample(), "weather.get(city='Oslo')")["call_match"].value == 0.0


def test_calls_of_a_backend_come_before_the_text_and_without_dots(scored: Any) -> None:
    right = sample({"weather.get": {"city": ["Oslo"]}})
    made = Reply(texts=("",), finish=("stop",), calls=((ToolCall("weather_get", '{"city": "Oslo"}'),),))
    assert scored(function_calls(), right, made)["call_match"].value == 1.0
    broken = Reply(texts=("",), finish=("stop",), calls=((ToolCall("weather_get", '{"city": "Os'),),))
    assert scored(function_calls(), right, broken)["call_match"].validity is Validity.UNREADABLE
    # No call fits here, and one was tried: that it cannot be read does not make it none.
    assert scored(function_calls(), sample(), broken)["call_match"].value == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "weather.get(city=<city>)",
        "[weather.get(city='the king's town')]",
        "['weather.get'](city='Oslo')",
        "<tool_call>{'name': 'weather.get', </tool_call>",
        "```python\nx = [weather.get(c) for c in cities]\n```",
        "I would use weather.get(city=Oslo",
        "weather.get(city='Oslo') and then weather.get(city='Rome')",
        "[weather.get(city='Oslo')\nweather.get(city='Rome')]",
        "[weather.get(city='Oslo') == 'rain'] returns [] or not",
        '<invoke name="weather.get"><parameter name="city">Oslo</parameter></invoke>',
        "{'name': 'weather.get', 'description': 'The weather.', 'parameters': {'type': 'dict', 'properties': {}}}",
    ],
)
def test_what_cannot_be_read_is_never_no_call(scored: Any, text: str) -> None:
    found = scored(function_calls(), sample(), text)["call_match"]
    assert (found.value, found.validity) == (0.0, Validity.UNREADABLE)


F1 = (FunctionCall("f", {"a": 1}),)


@pytest.mark.parametrize(
    "text",
    [
        "[f(a=1)]\n\nThis line calls f with a as 1.",
        "Here it is:\n\n    f(a=1)\n",
        "```python\n        return f(a=1)\n```\nIt returns the result.",
        "result = f(a=1)",
        "[f(a=1)",
        "{'name': 'f', 'parameters': {'a': 1}}",
        "['f(a=1)']",
        '["f(a=1)"]',
        "`f(a=1)`",
        "The call is [f(a=1)] and nothing else.",
        "f(a=1)\n\nOutput:\n```\n2\n```",
        "```json\n[{'name': 'f', 'arguments': {'a': 1}}]",
        "print(f(a=1))",
        ">>> f(a=1)",
        "1. f(a=1)",
        "- **f(a=1)**",
        "Function call: f(a=1)",
        '<function=f>{"a": 1}</function>',
        'Thought: it fits.\nAction: f\nAction Input: {"a": 1}\n',
        'function<｜tool▁sep｜>f\n```json\n{"a": 1}\n```<｜tool▁call▁end｜>',
        '{"function_name": "f", "arguments": {"a": 1}}',
        '{"tool": "f", "tool_input": {"a": 1}}',
    ],
)
def test_a_call_is_found_however_it_is_wrapped(text: str) -> None:
    assert find_calls(text) == F1


def test_a_reply_that_was_cut_is_not_completed(scored: Any) -> None:
    cut = Reply(texts=("weather.get(city='Oslo'",), finish=("length",))
    assert scored(function_calls(), sample({"weather.get": {"city": ["Oslo"]}}), cut)["call_match"].value == 0.0


def test_stored_replies_are_read(real_replies: Callable[[str], list[dict[str, Any]]]) -> None:
    """Of 1,280 replies (BFCL, August 2024) 610 were read before; the others are no call, or said to be unreadable."""
    outcomes: Counter[tuple[str, str]] = Counter()
    for row in real_replies("function-calls"):
        read = calls(row["text"])
        outcomes[row["id"].rpartition("/")[0], "read" if read.value else str(read.validity)] += 1
    assert outcomes == {
        ("google_gemma-7b-it/simple", "read"): 389,
        ("google_gemma-7b-it/simple", "no_answer"): 2,
        ("google_gemma-7b-it/simple", "unreadable"): 9,
        ("google_gemma-7b-it/relevance", "read"): 144,
        ("google_gemma-7b-it/relevance", "ok"): 30,
        ("google_gemma-7b-it/relevance", "no_answer"): 45,
        ("google_gemma-7b-it/relevance", "unreadable"): 21,
        ("databricks-dbrx-instruct/relevance", "read"): 150,
        ("databricks-dbrx-instruct/relevance", "ok"): 3,
        ("databricks-dbrx-instruct/relevance", "no_answer"): 62,
        ("databricks-dbrx-instruct/relevance", "unreadable"): 25,
        ("gpt-4o-2024-05-13/simple", "read"): 399,
        ("gpt-4o-2024-05-13/simple", "unreadable"): 1,
    }


PIECES = [*"f()[]{},:.'-1", "a=", '"x"', "\n", "```", "<tool_call>", "**", "lambda"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abk"), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=40))
def test_no_text_makes_the_reading_fail(text: str) -> None:
    found = find_calls(text)
    assert found is None or all(isinstance(call, FunctionCall) and isinstance(call.name, str) for call in found)


@given(VALUES, st.sampled_from(["string", "integer", "float", "boolean", "array", "tuple", "dict", "any", "object"]))
def test_no_value_makes_the_rules_fail(value: Any, kind: str) -> None:
    described = {"type": kind, "items": {"type": "dict"}} if kind in ("array", "tuple") else {"type": kind}
    function = {"name": "f", "parameters": {"properties": {"a": described}, "required": ["a"]}}
    for wanted in ([1], ["x", ""], [[1, 2], []], [{"k": [1, ""]}], [[{"k": ["v"]}]], [True], [""], [1.5]):
        verdict = mistake_in_all([FunctionCall("f", {"a": value})], [function], [{"f": {"a": wanted}}])
        assert isinstance(verdict, str)
