"""Mistakes of a first day: what is wrong, where, and what to write in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.console import evalkit

TASK = 'data: d.jsonl\nprompt: "Q: {{ q }}\\nA:"\nanswer: "{{ a }}"\n'
PROMPT = 'prompt: "Q: {{ q }}\\nA:"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d.jsonl").write_text('{"q": "1+1?", "a": "2"}\n' * 3)
    (tmp_path / "semicolons.csv").write_text("q;a\n1+1?;2\n")
    (tmp_path / "tabs.csv").write_text("q\ta\n1+1?\t2\n")
    (tmp_path / "one.csv").write_text("q\n1+1?\n")
    (tmp_path / "notes.txt").write_text("x\n")
    return tmp_path


@pytest.mark.parametrize(
    ("task", "line", "said", "fix"),
    [
        (TASK + 'stop: ""\n', 4, "stop holds an empty text", "leave stop out"),
        (TASK + 'stop: ["\\n", ""]\n', 4, "stop holds an empty text", r'"\n"'),
        (TASK + 'method: {chain_of_thought: {stop: [""]}}\n', 4, "stop holds an empty text", "leave stop out"),
        (TASK.replace('A:"', 'A: "'), 2, "the prompt ends in a blank", "remove the blank"),
        (TASK.replace('A:"', 'A:\\t"'), 2, "the prompt ends in a blank", 'delimiter: ""'),
        (TASK + "metrics: [acuracy]\n", 4, "no metric named 'acuracy'", "scorers: [accuracy]"),
        (TASK + "metrics: [exact_mach]\n", 4, "no metric named 'exact_mach'", "did you mean 'exact_match'?"),
        (TASK + "scorers: [token_f2]\n", 4, "no scorer named 'token_f2'", "did you mean 'token_f1'?"),
        (TASK.replace("d.jsonl", "semicolons.csv"), 0, "separated by semicolons", "save the file with commas"),
        (TASK.replace("d.jsonl", "tabs.csv"), 0, "separated by tabs", "save the file with commas"),
        (TASK.replace("d.jsonl", "one.csv"), 3, "column 'a' does not exist", "name one of the columns"),
    ],
)
def test_a_task_file(task: str, line: int, said: str, fix: str, folder: Path) -> None:
    (folder / "t.yaml").write_text(task)
    done = evalkit("run", "t.yaml", "--model", "tiny", "-q", cwd=folder)
    assert done.code == 2, done
    assert said in done.err and fix in done.err
    assert (f"t.yaml:{line}: " if line else ".csv:1: ") in done.err
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("scorer", ["exact_match", "token_f1", "rouge", "numeric", "includes", "chrf"])
def test_a_scorer_that_needs_answers_says_so_before_a_run_begins(scorer: str, folder: Path) -> None:
    (folder / "t.yaml").write_text(f"data: d.jsonl\n{PROMPT}\nscorers: [{scorer}]\n")
    done = evalkit("run", "t.yaml", "--model", "tiny", "-q", cwd=folder)
    assert done.code == 2 and "site-packages" not in done.err and ".py:" not in done.err
    assert f"the scorer {scorer!r} needs an answer" in done.err and "answer: <column or template>" in done.err
    assert not (folder / "runs").exists()


def test_a_prompt_may_end_in_a_blank_where_its_delimiter_is_said(folder: Path) -> None:
    (folder / "t.yaml").write_text(TASK.replace('A:"', 'A: "') + 'delimiter: ""\n')
    assert evalkit("run", "t.yaml", "--model", "tiny", "-q", cwd=folder).code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("d.jsonl", "d.jsonl holds rows, not a task"),
        ("./one.csv", "`data: one.csv`"),
        ("notes.txt", "notes.txt is not a task"),
        ("missing.jsonl", "no task named 'missing.jsonl'"),
    ],
)
def test_a_file_that_is_no_task(name: str, said: str, folder: Path) -> None:
    done = evalkit("run", name, "--model", "tiny", "-q", cwd=folder)
    assert done.code == 2 and said in done.err and "Python" not in done.err


@pytest.mark.parametrize("model", ["hf/x,foo=1", "openai/x,foo=1", "hf/x,dtyp=bfloat16"])
def test_an_unknown_option_of_a_model_lists_each_option_once(model: str, folder: Path) -> None:
    done = evalkit("run", "toy_mmlu", "--model", model, "-q", cwd=folder, OPENAI_API_KEY="x")
    assert done.code == 2
    listed = done.err.partition("try:")[2].replace(",", " ").split()
    options = [word for word in listed if "_" in word]
    assert len(options) >= 3 and len(options) == len(set(options)), done.err


@pytest.mark.parametrize(
    ("judge", "code", "said"),
    [("nope", 2, "no model provider named 'nope'"), ("tiny", 0, "no task here is scored by a judge")],
)
def test_a_judge_that_nobody_asks(judge: str, code: int, said: str, folder: Path) -> None:
    done = evalkit("run", "toy_mmlu", "--model", "tiny", "--judge", judge, "--limit", "2", "-q", cwd=folder)
    assert (done.code, said in done.err) == (code, True), done
