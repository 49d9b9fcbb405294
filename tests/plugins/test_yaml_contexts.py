import json

import pytest
from click.testing import CliRunner

import evalkit
from evalkit.cli.group import cli
from evalkit.plugins import load

TASK = """
data: rows.jsonl
prompt: "{{ before }}"
choices: options
gold: {index: right}
answer: rest
method: choose_contexts
fewshot: 1
"""
ROWS = [
    {"before": "Ann saw Bea because ", "options": ["Ann", "Bea"], "rest": "was tall.", "right": 1},
    {"before": "The cup hit the glass, so the ", "options": ["cup", "glass"], "rest": "broke.", "right": 0},
]


@pytest.fixture
def path(tmp_path, monkeypatch):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "blanks.yaml").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "blanks.yaml"


def test_a_worked_example_has_its_right_option_in_the_blank(path):
    done = evalkit.run(str(path), "tiny", out="run", cache=False)
    prompts = sorted(record.prompt.text for record in done.records())
    assert prompts == [
        "Ann saw Bea because Bea was tall.\n\nThe cup hit the glass, so the ",
        "The cup hit the glass, so the cup broke.\n\nAnn saw Bea because ",
    ]
    assert [scorer.name for scorer in load("task", str(path)).scorers] == ["context_accuracy"]


def test_show_has_a_line_for_every_choice(path):
    done = evalkit.run(str(path), "tiny", out="run", cache=False)
    record = next(record for record in done.records() if "Ann" in record.sample.choices)
    values = [reply.loglikelihoods[0] for reply in record.replies]
    shown = CliRunner().invoke(cli, ["show", "run", "--sample", record.sample.id]).output
    lines = [line.split() for line in shown.splitlines()]
    right = ["✓→" if values[1] > values[0] else "✓", f"{values[1]:.4f}", "Bea"]
    assert right in lines
    assert any(line[-2:] == [f"{values[0]:.4f}", "Ann"] for line in lines)
    assert "reply 2" not in shown
