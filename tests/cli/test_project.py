"""The project that `init` writes runs as it is: its task, its judge, its report and its suite."""

from pathlib import Path

import pytest

from evalkit import Run
from tests.cli.console import evalkit

pytest.importorskip("torch")

pytestmark = pytest.mark.slow("a process for every command")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects")
    made = evalkit("init", "mine", cwd=folder, EVALKIT_CACHE=str(folder / "cache"))
    assert made.code == 0, made
    assert "cd mine && evalkit run suite.yaml" in made.out
    done = evalkit("run", "suite.yaml", "--out", "run", cwd=folder / "mine", EVALKIT_CACHE=str(folder / "cache"))
    assert done.code == 0, done
    return folder / "mine"


def test_the_suite_ran_the_own_task_with_the_own_judge(project: Path) -> None:
    run = Run.open(project / "run")
    assert run.tasks == ("capitals", "toy_mmlu")
    assert run.estimate("capitals", "brevity").n == 6
    assert all(r.prompt is not None and r.prompt.preamble.count("Question:") == 2 for r in run.records("capitals"))


def test_own_plugins_are_listed_as_the_projects(project: Path) -> None:
    done = evalkit("list", cwd=project)
    for name in ("capitals", "brevity", "primary_metrics"):
        assert f"  {name}" in done.out
    assert "[project]" in done.out


def test_the_own_report_is_written(project: Path) -> None:
    done = evalkit("report", "run", "--as", "primary_metrics", cwd=project)
    assert done.code == 0, done
    assert [line.split()[:2] for line in done.out.splitlines()] == [["tiny", "capitals"], ["tiny", "toy_mmlu"]]


def test_the_markdown_report_has_every_score_and_signature(project: Path) -> None:
    done = evalkit("report", "run", "-o", "scores.md", cwd=project)
    assert "wrote scores.md" in done.out
    text = (project / "scores.md").read_text()
    acc = Run.open(project / "run").estimate("toy_mmlu")
    assert f"| {100 * acc.value:.1f}% | {100 * acc.low:.1f} – {100 * acc.high:.1f} | {acc.n} |" in text
    assert "`toy_mmlu|v1|" in text


def test_a_report_is_not_written_under_a_suffix_that_is_none(project: Path) -> None:
    done = evalkit("report", "run", "-o", "scores.htlm", cwd=project)
    assert done.code == 2
    assert "the suffix of -o says which format to write" in done.err
    assert not (project / "scores.htlm").exists()


def test_show_tells_the_summary_groups_and_single_samples(project: Path) -> None:
    summary = evalkit("show", "run", "--task", "toy_mmlu", cwd=project)
    assert "geography" in summary.out
    assert "capitals" not in summary.out
    record = next(Run.open(project / "run").records("capitals"))
    one = evalkit("show", "run", "--sample", record.sample.id, cwd=project)
    assert one.code == 0
    assert "Question: What is the capital of France?" in one.out
    assert f"target\n{record.sample.targets[0]}" in one.out
    assert "brevity = " in one.out
    assert evalkit("show", "run", "--sample", "nobody", cwd=project).code == 2
    assert "run  " in evalkit("show", cwd=project).out or "no runs" in evalkit("show", cwd=project).out


def test_nothing_printed_is_wider_than_80_columns(project: Path) -> None:
    for arguments in (("show", "run"), ("list",), ("--help",), ("run", "--help"), ("show", "run", "--wrong")):
        out = evalkit(*arguments, cwd=project).out
        wide = [line for line in out.splitlines() if len(line) > 80 and "|" not in line]
        assert not wide, (arguments, wide)


def test_init_never_overwrites(project: Path) -> None:
    (project / "suite.yaml").write_text("mine: now\n")
    done = evalkit("init", cwd=project)
    assert done.code == 2
    assert (project / "suite.yaml").read_text() == "mine: now\n"


def test_rescore_redoes_the_scores_and_keeps_the_replies(project: Path) -> None:
    task = project / "tasks" / "capitals.yaml"
    task.write_text(task.read_text().replace("[exact_match, {judge: brevity}]", "[{judge: 'brevity,words=-1'}]"))
    done = evalkit("rescore", "run", "--out", "again", cwd=project)
    assert done.code == 0, done
    old, new = Run.open(project / "run"), Run.open(project / "again")
    assert old.estimate("capitals", "brevity").value > 0.5
    assert new.estimate("capitals", "brevity").value == 0.0
    assert new.estimate("toy_mmlu") == old.estimate("toy_mmlu")
    assert [r.replies for r in new.records()] == [r.replies for r in old.records()]
    assert old.manifest.task("capitals").result.signature != new.manifest.task("capitals").result.signature


def test_check_finds_a_task_whose_gold_answer_is_not_right(project: Path) -> None:
    (project / "wrong.yaml").write_text(
        'data: rows.jsonl\nprompt: "{{ q }}"\nanswer: "{{ a }}"\nscorers: [exact_match]\n'
    )
    (project / "rows.jsonl").write_text('{"q": "1+1", "a": "2"}\n{"q": "empty", "a": " "}\n')
    done = evalkit("check", "wrong.yaml", cwd=project)
    assert done.code == 1
    assert "rows/1" in done.out
    assert evalkit("check", "toy_mmlu", cwd=project).code == 0


def test_the_cache_is_shown_and_cleared(project: Path, tmp_path: Path) -> None:
    evalkit("run", "toy_mmlu", "--model", "tiny", "--limit", "3", cwd=tmp_path)
    assert evalkit("cache", cwd=tmp_path).out.startswith("3 replies")
    assert evalkit("cache", "--clear", cwd=tmp_path).out.startswith("deleted 3 replies")
    assert evalkit("cache", cwd=tmp_path).out.startswith("0 replies")


def test_doctor_names_what_is_there(tmp_path: Path) -> None:
    done = evalkit("doctor", cwd=tmp_path)
    assert done.code == 0
    for words in ("evalkit", "torch", "tasks", "EVALKIT_DATA"):
        assert words in done.out
