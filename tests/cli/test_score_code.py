"""`evalkit score` on completions of code tasks, as a user calls it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evalkit import Run
from evalkit.core import UsageError
from evalkit.data.toy import toy_path
from evalkit.sandbox import usable_engine
from tests.cli.console import Finished, evalkit

pytestmark = pytest.mark.slow("a process for every run, and programs in sandboxes")

TASK = "toy_humaneval"


@pytest.fixture(scope="module", autouse=True)
def _isolation() -> None:
    try:
        usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")


def problems() -> list[dict[str, str]]:
    return [json.loads(line) for line in toy_path("programs").read_text().splitlines()]


def written(folder: Path, lines: list[dict[str, object]], name: str = "samples.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def score(folder: Path, file: str, *arguments: str) -> Finished:
    return evalkit(
        "score", TASK, "--responses", file, *arguments, "-q", cwd=folder, EVALKIT_CACHE=str(folder / "cache")
    )


def test_four_completions_a_problem(tmp_path):
    lines: list[dict[str, object]] = []
    for number, row in enumerate(problems()):
        for place in range(4):
            right = place < number % 5
            completion = row["canonical_solution"] if right else "    return [][0]\n"
            lines.append({"task_id": row["task_id"], "completion": completion, "mine": place})
    written(tmp_path, lines)
    done = score(tmp_path, "samples.jsonl", "--k", "1,2,4", "--out", "run", "--results", "results.jsonl")
    assert done.code == 0, done
    run = Run.open(tmp_path / "run")
    counts = [number % 5 for number in range(24)]
    # By the definition: the proportion of pairs of the four completions that hold a right one.
    pairs = [1 - ((4 - c) * (3 - c) / 2) / 6 for c in counts]
    task = run.tasks[0]
    assert run.estimate(task, "pass@1").value == pytest.approx(sum(counts) / 4 / 24)
    assert run.estimate(task, "pass@2").value == pytest.approx(sum(pairs) / 24)
    assert run.estimate(task, "pass@4").value == pytest.approx(sum(c > 0 for c in counts) / 24)
    assert run.estimate(task, "pass@4").n == 24
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [{k: v for k, v in line.items() if k not in ("result", "passed", "sample")} for line in results] == lines
    assert [line["passed"] for line in results] == [place < n % 5 for n in range(24) for place in range(4)]
    assert {line["result"] for line in results} == {"passed", "failed: IndexError"}
    again = evalkit("rescore", "run", cwd=tmp_path, EVALKIT_CACHE=str(tmp_path / "cache"))
    assert again.code == 0, again


def test_a_packed_file_of_some_problems(tmp_path):
    lines = [{"task_id": row["task_id"], "completion": row["canonical_solution"]} for row in problems()[:3]]
    with gzip.open(tmp_path / "some.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    refused = score(tmp_path, "some.jsonl.gz")
    assert refused.code == 2
    assert "21 of 24 samples have no response" in refused.err
    done = score(tmp_path, "some.jsonl.gz", "--missing", "out")
    assert done.code == 0, done
    assert "100.0%" in done.out


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"task_id": "Sample/0"}'], "samples.jsonl:1"),
        (['{"task_id": "Sample/0", "completion": "x"}', "{"], "samples.jsonl:2"),
        (['{"task_id": "Sample/999", "completion": "x"}'], "no response fits a sample"),
        ([""], "no responses in it"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, lines, message):
    (tmp_path / "samples.jsonl").write_text("\n".join(lines))
    done = score(tmp_path, "samples.jsonl")
    assert done.code == 2
    assert message in done.err


def test_k_needs_that_many_completions(tmp_path):
    written(tmp_path, [{"task_id": "Sample/0", "completion": "    pass\n"}])
    done = score(tmp_path, "samples.jsonl", "--missing", "out", "--k", "1,10")
    assert done.code == 2
    assert "pass@10 needs that many completions" in done.err
    assert score(tmp_path, "nothing.jsonl").code == 2
