"""Wherever a score on a toy set is shown, it is marked; and no average mixes it with other tasks in silence."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evalkit.reporting.leaderboard import board
from evalkit.runs.store import Run
from tests.cli.console import evalkit

pytestmark = pytest.mark.slow("a process for every command")

TASK = """\
data: rows.jsonl
prompt: "Question: What is the capital of {{ country }}?\\nAnswer:"
answer: "{{ capital }}"
stop: "\\n"
scorers: [exact_match]
"""
BUNDLED = (
    'data: {bundled: qa}\nprompt: "{{ question }}"\nanswer: "{{ question }}"\nscorers: [exact_match]\nmax_tokens: 2\n'
)
ROWS = [{"country": c, "capital": t} for c, t in (("France", "Paris"), ("Japan", "Tokyo"), ("Kenya", "Nairobi"))]
MEANING = "small and made up, for trials"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of a task of the user's, a toy set, and a task of the user's over rows that ship; two models."""
    place = tmp_path_factory.mktemp("toys")
    (place / "own.yaml").write_text(TASK)
    (place / "borrowed.yaml").write_text(BUNDLED)
    (place / "mixed.yaml").write_text("name: mixed\nsuite: [./own.yaml, toy_mmlu, ./borrowed.yaml]\n")
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    models = ("--model", "tiny", "--model", "tiny,dtype=bfloat16")
    done = evalkit("run", "./mixed.yaml", *models, "--limit", "4", "--out", "runs", "-q", cwd=place)
    assert done.code == 0, done
    (place / "table.txt").write_text(done.out)
    return place


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_table_names_the_toy_sets_below_it(place: Path) -> None:
    text = (place / "table.txt").read_text()
    assert f"toy_mmlu and borrowed are toy sets: {MEANING}. Their numbers say nothing about a model." in flat(text)
    assert "The mean of mixed is over toy sets and other tasks." in flat(text)
    told = text[text.index("toy_mmlu and") : text.index("\n\nrun:")].splitlines()
    assert len(told) > 1
    assert max(map(len, told)) <= 80
    shown = evalkit("show", "runs/tiny", "--task", "toy_mmlu", cwd=place).out
    assert f"toy_mmlu is a toy set: {MEANING}. Its numbers say nothing about a model." in flat(shown)
    assert "toy set" not in evalkit("show", "runs/tiny", "--task", "own", cwd=place).out


def test_pages_and_markdown_mark_them(place: Path) -> None:
    text = evalkit("report", "runs/tiny", "--as", "markdown", cwd=place).out
    assert "| toy_mmlu (toy) | tiny | acc |" in text
    assert "| borrowed (toy) |" in text
    assert "| own | tiny |" in text
    assert f"toy_mmlu and borrowed are toy sets: {MEANING}" in text
    assert "The mean of mixed is over toy sets and other tasks." in text
    assert evalkit("report", "runs/tiny", "-o", "page.html", cwd=place).code == 0
    page = (place / "page.html").read_text()
    marked = re.findall(r'<th scope="row">(\w+) <span class="toy"', page)
    assert set(marked) == {"toy_mmlu", "borrowed"}
    assert f"toy_mmlu and borrowed are toy sets: {MEANING}" in page
    assert "The mean of mixed is over toy sets and other tasks." in page
    assert (
        evalkit("report", "--compare", "runs/tiny", "runs/tiny-dtype=bfloat16", "-o", "two.html", cwd=place).code == 0
    )
    assert set(re.findall(r'<th scope="row">(\w+) <span class="toy"', (place / "two.html").read_text())) == set(marked)


def test_an_average_leaves_them_out_where_other_tasks_stand_beside_them(place: Path) -> None:
    found = board([Run.open(place / "runs" / name) for name in ("tiny", "tiny-dtype=bfloat16")])
    assert {c.name: (c.toy, c.aside, c.counts) for c in found.columns} == {
        "own": (False, False, True),
        "toy_mmlu": (True, True, False),
        "borrowed": (True, True, False),
    }
    own = next(column for column in found.columns if column.name == "own")
    for model, average in enumerate(found.average):
        assert average is not None
        assert average.value == own.cells[model].estimate.value != 0.0
        assert average.value != pytest.approx(found.mean_of(model, ["own", "toy_mmlu", "borrowed"]))
    assert found.win_rate(0, 1) == own.wins[0, 1] / own.paired[0, 1]
    notes = "\n".join(found.notes)
    assert "are toy sets" in notes
    assert "leave them out" in notes
    assert "mixed: the mean is over toy sets and other tasks" in notes
    done = evalkit("leaderboard", "runs", cwd=place)
    assert "toy_mmlu (toy) acc" in done.out
    assert " own exact_match" in done.out
    page = (place / "runs" / "leaderboard.html").read_text()
    assert re.search(r'data-column="\d">toy_mmlu <span class="toy"', page)
    assert not re.search(r">own <span", page)
    assert page.count("not in the average: it is a toy set") == 2


def test_toy_sets_alone_have_an_average(place: Path) -> None:
    found = evalkit("leaderboard", "runs", "--task", "toy_mmlu", "-o", "toys.json", cwd=place)
    assert found.code == 0, found
    data = json.loads((place / "toys.json").read_text())
    assert [(task["task"], task["toy"], task["counts"]) for task in data["tasks"]] == [("toy_mmlu", True, True)]
    assert all(model["average"]["value"] > 0 for model in data["models"])
    assert "leave them out" not in data["notes"][0]


def test_a_gate_says_that_it_gates_toy_sets(place: Path) -> None:
    gate = (
        "gate",
        "run",
        "runs/tiny",
        "--baseline",
        "runs/tiny",
        "--margin",
        "49%",
        "--inconclusive",
        "pass",
        "--task",
        "toy_mmlu",
    )
    done = evalkit(*gate, "--junit", "g.xml", "--markdown", "g.md", cwd=place)
    assert done.code == 0, done
    assert done.out.count(f"toy_mmlu: a toy set: {MEANING}; its scores say nothing about a model") == 1
    assert "exit code 0; only toy sets are gated" in done.out
    assert "only toy sets are gated" in (place / "g.md").read_text()
    [suite] = ElementTree.parse(place / "g.xml").getroot()
    assert "a toy set" in suite.findtext("system-out", "")
    both = evalkit(
        "gate", "run", "runs/tiny", "--baseline", "runs/tiny", "--margin", "49%", "--inconclusive", "pass", cwd=place
    )
    assert "; 2 of its tasks are toy sets" in both.out
    own = evalkit(*gate[:-1], "own", cwd=place)
    assert "toy set" not in own.out


def test_baselines_and_plans_say_so(place: Path) -> None:
    assert evalkit("baseline", "save", "runs/tiny", "b.evalkit", cwd=place).code == 0
    for words in (("baseline", "show", "b.evalkit"), ("gate", "plan", "b.evalkit")):
        done = evalkit(*words, cwd=place)
        assert f"borrowed and toy_mmlu are toy sets: {MEANING}" in flat(done.out)


def test_a_comparison_says_so(place: Path) -> None:
    done = evalkit("compare", "runs/tiny", "runs/tiny-dtype=bfloat16", cwd=place)
    assert f"note: toy_mmlu: a toy set: {MEANING}" in done.out
    assert "note: own: a toy set" not in done.out


def test_the_list_and_the_error_name_them(place: Path) -> None:
    listed = evalkit("list", "tasks", "--tag", "toy", "--names", cwd=place).out.split()
    assert "toy_mmlu" in listed
    assert all(name.startswith("toy_") for name in listed)
    assert "#toy" in evalkit("list", "tasks", "toy_mmlu", cwd=place).out
    done = evalkit("run", "mmlu,data=sample", "--model", "tiny", cwd=place)
    assert done.code == 2
    assert "try:   toy_mmlu\n" in done.err
