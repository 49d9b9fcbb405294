"""The schemas that editors take say what the readers say: a document that one of them refuses, the other does, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from evalkit.cli.commands.gate import command
from evalkit.cli.schemas import schemas, text_of, write_schemas
from evalkit.cli.suite_file import gate_of, read_suite
from evalkit.comparing.baselines import write
from evalkit.comparing.gates import read_policy
from evalkit.comparing.gates.policy_file import KEYS as POLICY_KEYS
from evalkit.core import UsageError
from evalkit.plugins.yaml_judge import yaml_judge
from evalkit.plugins.yaml_task import yaml_task
from tests.comparing.sides import side

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"
TASK = "data: rows.jsonl\nprompt: '{{ q }}'\nanswer: a\n"
RUBRIC = "criteria:\n  tone:\n    levels: {1: rude, 2: polite}\n"
# Each with values that the schema can judge; what follows from several keys, the reader alone says.
DOCUMENTS: dict[str, list[tuple[str, bool]]] = {
    "policy": [
        ("margin: 2%\n", True),
        ("margin: 0.02\n", True),
        ("margin: a lot\n", False),
        ("margin: -1\n", False),
        ("margin: [2%]\n", False),
        ("margins: 2%\n", False),
        ("mean: 1%\n", True),
        ("mean: {margin: 1%, weights: {quiz: 2}}\n", True),
        ("mean: {weights: {quiz: 2}}\n", False),
        ("mean: {margin: 1%, weights: {quiz: -2}}\n", False),
        ("confidence: 0.95\n", True),
        ("confidence: 95%\n", True),
        ("confidence: 95\n", False),
        ("confidence: 0.5\n", False),
        ("any_drop_blocks: true\n", True),
        ("any_drop_blocks: perhaps\n", False),
        ("tasks: [quiz]\n", True),
        ("tasks: quiz\n", False),
        ("tasks: {quiz: 1%}\n", True),
        ("tasks: {quiz: {margin: 1%, slices: [a, b], metric: acc}}\n", True),
        ("tasks: {quiz: {slices: {a: 1%}}}\n", True),
        ("tasks: {quiz: {margn: 1%}}\n", False),
        ("tasks: {quiz: {zero_tolerance: 1}}\n", False),
        ("limits: {latency: 20%, tokens: 0.1, cost: +10%, invalid_proportion: 3%}\n", True),
        ("limits: {latency: 20}\n", False),
        ("limits: {latency: quick}\n", False),
        ("limits: {invalid_proportion: 3}\n", False),
        ("limits: {speed: 20%}\n", False),
        ("max_failures: 5%\n", True),
        ("max_failures: 5\n", False),
        ("on_degraded: fail\n", True),
        ("on_degraded: block\n", False),
        ("on_inconclusive: pass\n", True),
        ("on_inconclusive: fail\n", False),
        ("max_age: 7d\n", True),
        ("max_age: 0\n", True),
        ("max_age: 7\n", False),
        ("max_age: a week\n", False),
        ("on_cached: warn\n", True),
        ("on_cached: pass\n", False),
        ("baseline: {}\n", False),
        ("common_samples: no\n", True),
    ],
    "suite": [
        ("tasks: [toy_mmlu]\nmodels: [tiny]\n", True),
        ("tasks: toy_mmlu\n", True),
        ("tasks:\n  - mmlu: {subject: STEM}\n", True),
        ("tasks:\n  - {mmlu: {subject: STEM}, squad: {}}\n", False),
        ("models: [tiny]\n", False),
        ("tasks: [a]\nlimit: 5\n", True),
        ("tasks: [a]\nlimit: 0\n", False),
        ("tasks: [a]\nlimit: few\n", False),
        ("tasks: [a]\nlimits: 5\n", False),
        ("tasks: [a]\nseed: 1\nsamples: 2\noffline: true\n", True),
        ("tasks: [a]\noffline: never\n", False),
        ("tasks: [a]\nmax_failures: 0.1\n", True),
        ("tasks: [a]\nmax_failures: 2\n", False),
        ("tasks: [a]\nmax_age: 12h\n", True),
        ("tasks: [a]\nmax_age: 0\n", True),
        ("tasks: [a]\nmax_age: soon\n", False),
        ("tasks: [a]\nfewshot_order: first\n", True),
        ("tasks: [a]\nfewshot_order: last\n", False),
        ("tasks: [a]\ngate: {baseline: b.evalkit, margin: 2%}\n", True),
        ("tasks: [a]\ngate: {baseline: b.evalkit, margin: much}\n", False),
    ],
    "task": [
        (TASK, True),
        (TASK + "method: generate\nmax_tokens: 8\nstop: [x]\n", True),
        (TASK + "max_tokens: 0\n", False),
        (TASK + "fewshot: 2\n", True),
        (TASK + "fewshot: {k: 2, order: first}\n", True),
        (TASK + "fewshot: {order: first}\n", False),
        (TASK + "fewshot: {k: 2, order: sorted}\n", False),
        (TASK + "fewshot: {k: -1}\n", False),
        (TASK + "version: 2\n", True),
        (TASK + "version: two\n", False),
        (TASK + "scorers: [exact_match]\n", True),
        (TASK + "scorers:\n  - {exact_match: {}, includes: {}}\n", False),
        (TASK + "promt: x\n", False),
        ("prompt: x\nanswer: a\n", False),
        ("data: rows.jsonl\nanswer: a\n", False),
        (TASK.replace("rows.jsonl", "{hub: a/b, split: test}"), True),
        (TASK.replace("rows.jsonl", "{hub: a/b, slpit: test}"), False),
        ("data: r.jsonl\nprompt: '{{ x }}'\nchoices: c\ngold: {index: i}\n", True),
        ("data: r.jsonl\nprompt: '{{ x }}'\nchoices: c\ngold: {number: i}\n", False),
        ("data: r.jsonl\nprompt: '{{ x }}'\nchoices: [a]\ngold: i\n", False),
    ],
    "rubric": [
        (RUBRIC, True),
        (RUBRIC + "reference: true\nmax_tokens: 100\nversion: 2\n", True),
        (RUBRIC + "reference: please\n", False),
        (RUBRIC + "max_tokens: 0\n", False),
        (RUBRIC + "colour: red\n", False),
        ("summary: nothing\n", False),
        ("criteria: {tone: {question: How}}\n", False),
        ("criteria: {tone: {levels: {good: yes, bad: no}}}\n", False),
        ("criteria: {tone: {levels: {1: a, 2: b}, weight: 2}}\n", True),
        ("criteria: {tone: {levels: {1: a, 2: b}, weight: much}}\n", False),
    ],
}
CASES = [(kind, text, fine) for kind, found in DOCUMENTS.items() for text, fine in found]


def _read(kind: str, path: Path) -> Any:
    if kind == "policy":
        return read_policy(path)
    if kind == "suite":
        return read_suite(path), gate_of(path)
    return yaml_task(path, {}, lambda *_: None) if kind == "task" else yaml_judge(path, {})  # type: ignore[arg-type]


def loaded(text: str) -> Any:
    """As JSON has it: keys are texts."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return plain(yaml.safe_load(text))


@pytest.mark.parametrize(("kind", "text", "fine"), CASES)
def test_schema_and_reader_say_the_same(tmp_path: Path, kind: str, text: str, fine: bool) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    (tmp_path / "rows.jsonl").write_text('{"q": "?", "a": "!"}\n')
    try:
        _read(kind, path)
        read = True
    except UsageError:
        read = False
    assert read is fine
    assert jsonschema.Draft7Validator(schemas()[kind]).is_valid(loaded(text)) is fine


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
def test_every_schema_is_one_and_is_published(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(schemas()[kind])
    assert (DOCS / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8") == text_of(kind)


def test_every_key_of_a_policy_is_among_the_cases() -> None:
    used = {key for text, fine in DOCUMENTS["policy"] if fine for key in yaml.safe_load(text)}
    assert set(POLICY_KEYS) - used == {"baseline"}


def test_a_project_gets_them(tmp_path: Path) -> None:
    names = {path.relative_to(tmp_path).as_posix() for path in write_schemas(tmp_path)}
    assert names == {f".evalkit/{kind}.schema.json" for kind in DOCUMENTS}


# ---------------------------------------------------------------- gate check


def checked(*arguments: str | Path) -> str:
    done = CliRunner().invoke(command, ["check", *map(str, arguments)])
    if isinstance(done.exception, UsageError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_gate_check_holds_a_policy_against_its_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gate.yaml").write_text("baseline: base.evalkit\nmargin: 1.5%\ntasks: {quiz: {slices: {odd: 10%}}}\n")
    assert "keys and values are valid; baseline" in checked("gate.yaml")
    write(Path("base.evalkit"), {"quiz": side([1.0] * 200), "other": side([1.0] * 200, "other")})
    said = checked("gate.yaml")
    assert "quiz acc: margin 1.5 points, confidence 0.95" in said
    assert "other acc: margin 1.5 points" in said
    assert "gate.yaml: valid for" in said
    for text, wrong in (
        ("baseline: base.evalkit\nmargin: 2\n", "did you mean 2%"),
        ("baseline: base.evalkit\ntasks: {quizz: 2%}\n", "names a task 'quizz'"),
        ("baseline: base.evalkit\ntasks: {quiz: {metric: f1}}\n", "has no metric 'f1'"),
        ("baseline: base.evalkit\nlimits: {cost: 10%}\n", "do not say what a sample took in cost"),
        ("baseline: base.evalkit\nmargn: 2%\n", "did you mean 'margin'"),
    ):
        Path("gate.yaml").write_text(text)
        with pytest.raises(UsageError, match=wrong):
            checked("gate.yaml")
    Path("suite.yaml").write_text("tasks: [quiz]\ngate: {baseline: base.evalkit, margin: 3%}\n")
    assert "margin 3 points" in checked("suite.yaml")
