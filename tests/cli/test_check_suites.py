import json

import pytest
from click.testing import CliRunner

from evalkit import plugins
from evalkit.cli.group import cli

TASK = """
data: rows.jsonl
prompt: "{{ q }}"
choices: [a, b]
gold: GOLD
"""


@pytest.fixture
def check(tmp_path, monkeypatch):
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "rows.jsonl").write_text(json.dumps({"q": "which?", "right": "b"}) + "\n")
    (folder / "fine.yaml").write_text(f"name: fine\n{TASK.replace('GOLD', 'right')}")
    (folder / "empty.yaml").write_text(
        f"name: empty\n{TASK.replace('rows.jsonl', 'none.jsonl').replace('GOLD', 'right')}"
    )
    (folder / "all_of_mine.yaml").write_text("name: all_of_mine\nsuite: [fine, 'toy_mmlu']\n")
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli, ["check", "--limit", "5", "--offline", *words], catch_exceptions=True)


def test_a_suite_is_checked_by_its_tasks(check):
    found = check("all_of_mine")
    assert found.output.splitlines() == ["ok      fine: 1 samples", "ok      toy_mmlu: 5 samples"]
    assert found.exit_code == 0


def test_all_says_what_was_skipped_for_want_of_data(check, monkeypatch):
    # All of the built-in tasks would take their time; these stand for them.
    few = {"fine", "empty", "all_of_mine", "hellaswag", "cnn_dailymail", "toy_cnn_dailymail", "open_llm_leaderboard_v1"}
    index = plugins.index
    monkeypatch.setattr(plugins, "index", lambda kind: [entry for entry in index(kind) if entry.name in few])
    found = check("--all")
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert "ok      fine: 1 samples" in lines
    assert any(line.startswith("skipped empty: ") for line in lines)
    assert any(line.startswith("skipped hellaswag: ") for line in lines)
    assert "ok      toy_cnn_dailymail: 5 samples" in lines, "what ships is at hand"
    assert max(map(len, lines)) <= 80
    assert not any("all_of_mine" in line or "leaderboard" in line for line in lines)
    assert lines[-1].startswith("2 ok, 0 wrong; ")
