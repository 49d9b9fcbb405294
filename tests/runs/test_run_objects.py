"""Runs in Python: samples, tables, comparisons, reports, notebooks; and the notebook of the docs, executed."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import UsageError
from evalkit.runs.notebook import NotebookProgress, in_notebook

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorials" / "compare_two_models.ipynb"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"q": "{n} + {n}", "a": "{2 * n}"}}\n' for n in range(40)))
    (tmp_path / "sums.yaml").write_text('data: rows.jsonl\nprompt: "{{ q }}"\nanswer: a\nscorers: [exact_match]\n')
    return tmp_path


def adds(prompt: str) -> str:
    return str(sum(map(int, prompt.split(" + "))))


def guesses(prompt: str) -> str:
    return adds(prompt) if int(prompt.split()[0]) % 3 else "no idea"


def test_samples_come_in_the_order_of_the_data(project: Path) -> None:
    run = evalkit.run("sums.yaml", adds)
    assert [record.index for record in run.samples()] == list(range(40))
    assert run.samples("sums") == run.samples()
    with pytest.raises(UsageError, match="suns"):
        run.samples("suns")


def test_a_run_is_a_short_line_and_a_table(project: Path) -> None:
    run = evalkit.run("sums.yaml", guesses)
    assert repr(run) == f"<Run of python/guesses: sums 65.0%; {run.folder}>"
    table = run._repr_html_()
    assert "<td>sums</td><td>exact_match</td><td>65.0%</td>" in table
    run.manifest.model["name"] = "<script>"
    assert "<script>" not in run._repr_html_()


def test_a_comparison_has_the_numbers_of_the_command(project: Path) -> None:
    from tests.cli.console import evalkit as command

    a, b = (evalkit.run("sums.yaml", one, out=project / one.__name__) for one in (adds, guesses))
    found = a.compare(b)
    (row,) = found.rows
    done = command("compare", "adds", "guesses", "--json", cwd=project)
    (task,) = json.loads(done.out)["tasks"]
    theirs = task["metrics"][0]
    assert (row.difference, row.low, row.high) == pytest.approx((theirs["difference"], theirs["low"], theirs["high"]))
    assert (row.n, len(row.worse), len(row.better)) == (40, 14, 0)
    frame = found.to_pandas()
    assert list(frame["difference"]) == [pytest.approx(-0.35)]
    assert "-35.0" in repr(found)
    assert "<td>-35.0</td>" in found._repr_html_()


def test_a_report_is_written_where_it_is_asked_for(project: Path) -> None:
    run = evalkit.run("sums.yaml", adds)
    assert run.report() == run.folder / "report.html"
    assert "sums" in (run.folder / "report.html").read_text()
    assert run.report("scores.csv").read_text().startswith("model,")
    assert run.report("a.txt", "markdown").is_file()
    for wrong in ({"out": "a.pdf"}, {"out": "a.html", "name": "htlm"}, {"out": "a.html", "titel": "x"}):
        with pytest.raises(UsageError):
            run.report(**wrong)


def test_load_reads_what_is_there(project: Path) -> None:
    run = evalkit.run("sums.yaml", adds, out=project / "runs" / "one")
    again = evalkit.load("runs/one")
    assert (again.model, again.estimate("sums")) == (run.model, run.estimate("sums"))
    assert evalkit.load("runs").folder == Path("runs/one")
    evalkit.run("sums.yaml", guesses, out=project / "runs" / "two")
    with pytest.raises(UsageError, match="holds 2 runs"):
        evalkit.load("runs")
    with pytest.raises(UsageError, match="does not exist"):
        evalkit.load("nowhere")


def test_runs_of_other_tasks_are_not_compared(project: Path) -> None:
    (project / "other_rows.jsonl").write_text('{"q": "5 + 6 + 7", "a": "18"}\n{"q": "5 + 6 + 8", "a": "19"}\n')
    (project / "others.yaml").write_text((project / "sums.yaml").read_text().replace("rows.jsonl", "other_rows.jsonl"))
    one, other = evalkit.run("sums.yaml", adds), evalkit.run("others.yaml", adds)
    with pytest.raises(UsageError, match=r"no task in common|share no sample"):
        one.compare(other)
    with pytest.raises(UsageError, match="confidence must be between 0 and 1"):
        one.compare(one, confidence=95)
    with pytest.raises(UsageError, match="compared with a run"):
        evalkit.compare(one, "runs/two")  # type: ignore[arg-type]


def test_a_running_loop_is_no_hindrance(project: Path) -> None:
    async def cell() -> float:
        return evalkit.run("sums.yaml", adds).estimate("sums").value

    assert asyncio.run(cell()) == 1.0


def test_progress_is_shown_where_a_notebook_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not in_notebook()
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert in_notebook()
    evalkit.run("sums.yaml", adds)
    assert "40/40" in capsys.readouterr().err


def test_a_bar_a_task(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evalkit.run("sums.yaml", adds, progress=NotebookProgress())
    assert "sums · python/adds" in capsys.readouterr().err


@pytest.mark.slow("runs the embedded model")
def test_the_notebook_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell by cell inside a running loop, as a kernel does it; the last expression of a cell is shown."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    space: dict[str, Any] = {"__name__": "__main__"}

    async def shown() -> list[Any]:
        return [_executed("".join(cell["source"]), space) for cell in cells]

    values = asyncio.run(shown())
    assert all(hasattr(value, "_repr_html_") for value in (values[0], values[1], values[2], values[4]))
    assert (tmp_path / "report.html").stat().st_size > 50_000
    assert "toy_squad" in repr(values[4])


def _executed(source: str, space: dict[str, Any]) -> Any:
    tree = ast.parse(source)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "cell", "exec"), space)
        return None
    tree.body.pop()
    exec(compile(tree, "cell", "exec"), space)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), space)
