"""`compare`, `baseline` and `history` over real runs of the embedded model and of one whose weights carry noise."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from evalkit import run
from evalkit.models.tiny import TINY
from tests.cli.console import evalkit
from tests.comparing.gates.damage import damage, retemplate

pytest.importorskip("torch")

pytestmark = pytest.mark.slow("a process for every run and comparison")

MMLU, SQUAD, PAGES = "toy_mmlu", "toy_squad", "toy_perplexity"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders `a` (tiny), `b` (damaged) and `t` (tiny with another chat template)."""
    folder = tmp_path_factory.mktemp("runs")
    tasks = [MMLU, SQUAD, PAGES]
    run(tasks, "tiny", out=folder / "a", cache=False)
    run(tasks, f"hf/{damage(folder / 'damaged', 0.3, TINY)}", out=folder / "b", cache=False)
    run([MMLU], f"hf/{retemplate(folder / 'templated', TINY)},chat=on", out=folder / "t", cache=False, limit=10)
    return folder


def test_every_task_and_metric_stands_beside_each_other(runs: Path) -> None:
    done = evalkit("compare", "a", "b", cwd=runs)
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert lines[3] == "B is worse at toy_mmlu, toy_squad and toy_perplexity; nothing is shown to be better."
    table = lines[5 : lines.index("", 6)]
    assert max(map(len, table)) <= 80
    assert table[0].split()[-2:] == ["n", "-/+"]
    assert all(re.search(r" \d+ +\d+/\d+$", line) for line in table[1:] if "%" in line or " … " in line)
    text = " ".join(table)
    for metric in ("acc", "acc_norm", "f1", "exact", "word_perplexity", "bits_per_byte"):
        assert f"{metric} " in text
    assert re.search(r"toy_mmlu: \d+ worse: mc-", done.out)
    assert re.search(r"--explain \S+", lines[-1])


def test_the_numbers_are_those_of_the_runs(runs: Path) -> None:
    done = evalkit("compare", "a", "b", "--json", cwd=runs)
    found = {task["task"]: task for task in json.loads(done.out)["tasks"]}
    for folder, side in (("a", "a"), ("b", "b")):
        manifest = json.loads((runs / folder / "manifest.json").read_text())
        for entry in manifest["tasks"]:
            wanted = {m["name"]: m["estimate"]["value"] for m in entry["result"]["metrics"]}
            shown = {m["metric"]: m[side] for m in found[entry["name"]]["metrics"]}
            assert shown == pytest.approx(wanted, rel=1e-12)
    (acc,) = [m for m in found[MMLU]["metrics"] if m["metric"] == "acc"]
    assert acc["difference"] == pytest.approx((len(acc["better"]) - len(acc["worse"])) / acc["n"])
    assert {group["group"] for group in found[MMLU]["groups"]} >= {"geography", "language"}


def test_a_run_and_itself_do_not_differ(runs: Path) -> None:
    done = evalkit("compare", "a", "a", cwd=runs)
    assert done.out.count("no sample changed its") == 3
    assert "--explain" not in done.out


def test_groups_have_lines_of_their_own(runs: Path) -> None:
    done = evalkit("compare", "a", "b", "--task", MMLU, cwd=runs)
    assert done.code == 0, done
    header = next(line for line in done.out.splitlines() if line.startswith("group (acc)"))
    assert "p (BH)" in header
    assert "zoology" in done.out


def test_explain_shows_both_transcripts_and_where_they_part(runs: Path) -> None:
    done = evalkit("compare", "a", "b", "--json", cwd=runs)
    worse = next(m["worse"] for t in json.loads(done.out)["tasks"] for m in t["metrics"] if m["metric"] == "acc")
    explained = evalkit("compare", "a", "b", "--explain", worse[0], cwd=runs)
    assert explained.code == 0, explained
    assert "model A tiny@" in explained.out
    assert "model B hf/" in explained.out
    assert "first difference: log-likelihoods" in explained.out
    assert "equal before that: sample, prompt, tokens" in explained.out
    templated = evalkit("compare", "a", "t", "--task", MMLU, "--explain", "mc-geography-01", cwd=runs)
    # Through its template a chat model is shown the description as the system's words (--fewshot-turns auto).
    assert "first difference: prompt" in templated.out


def test_what_was_not_asked_alike_is_named(runs: Path) -> None:
    done = evalkit("compare", "a", "t", "--task", MMLU, cwd=runs)
    assert done.code == 0, done
    assert "80 of the baseline's samples are missing in the candidate" in done.out
    assert "the limit changed: – → 10" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("a", "nowhere"), 2, "found no run, baseline or log at nowhere"),
        (("a", "b", "--task", "mmul"), 2, "no task in common"),
        (("a", "b", "--explain", "nothing"), 2, "no sample 'nothing' is in both runs"),
        (("a", "b", "--pair", "mmlu"), 2, "--pair takes A=B"),
        (("a", "."), 2, ". holds 3 runs; one is compared"),
        (("a", "b", "--confidence", "95"), 2, "--confidence must be between 0 and 1"),
        (("a", "b", "--pair", f"{MMLU}={SQUAD}"), 3, "the two runs share no sample"),
    ],
)
def test_mistakes(runs: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = evalkit("compare", *arguments, cwd=runs)
    assert done.code == code, done
    assert said in done.err


def test_a_run_of_a_task_that_is_gone_is_compared_by_its_means_and_says_so(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a", tmp_path / "a")
    path = tmp_path / "a" / "manifest.json"
    path.write_text(path.read_text().replace('"spec": "toy_perplexity"', '"spec": "./gone.yaml"'))
    done = evalkit("compare", "a", "a", "--task", PAGES, cwd=tmp_path)
    assert done.code == 0, done
    assert "its task is not there to compute" in done.out
    assert "only means of scores are compared" in done.out
    # The candidate's task computes what a baseline alone cannot.
    whole = evalkit("compare", "a", runs / "b", "--task", PAGES, cwd=tmp_path)
    assert whole.code == 0, whole


def test_a_baseline_is_saved_shown_and_updated(runs: Path, tmp_path: Path) -> None:
    def baseline(*arguments: str | Path) -> str:
        done = evalkit("baseline", *arguments, cwd=tmp_path)
        assert done.code == 0, done
        return done.out

    assert "3 tasks new or changed" in baseline("save", runs / "a")
    saved = (tmp_path / "baseline.evalkit").read_text()
    shown = baseline("show")
    assert re.search(r"toy_mmlu +acc +74\.4% +90 +0", shown)
    again = evalkit("baseline", "save", runs / "a", cwd=tmp_path)
    assert again.code == 2
    assert "already exists" in again.err
    assert "0 tasks new or changed" in baseline("update", "baseline.evalkit", runs / "a")
    assert (tmp_path / "baseline.evalkit").read_text() == saved
    assert "1 task new or changed" in baseline("update", "baseline.evalkit", runs / "b", "--task", MMLU)
    changed = (tmp_path / "baseline.evalkit").read_text()
    assert changed.partition('task: "perplexity')[2] == saved.partition('task: "perplexity')[2]
    wrong = evalkit("baseline", "save", runs / "a", "x", "--task", "mmul", cwd=tmp_path)
    assert (wrong.code, "has no task 'mmul'" in wrong.err) == (2, True)


def test_history_flags_the_run_where_the_model_was_damaged(runs: Path, tmp_path: Path) -> None:
    names = ["a", "a", "a", "a", "b", "b", "b", "b"]
    for number, name in enumerate(names):
        shutil.copytree(runs / name, tmp_path / f"night-{number}")
        path = tmp_path / f"night-{number}" / "manifest.json"
        text = re.sub(
            r'"created": "[^"]+"', f'"created": "2026-01-0{number + 1}T02:00:00+00:00"', path.read_text(), count=1
        )
        path.write_text(re.sub(r'"name": "hf/[^"]+"', '"name": "tiny"', text))
    done = evalkit("history", ".", "--task", SQUAD, cwd=tmp_path)
    assert done.code == 0, done
    flagged = [line for line in done.out.splitlines() if line.startswith("▼")]
    assert len(flagged) == 1
    assert "night-4" in flagged[0]
    assert max(len(line) for line in done.out.splitlines() if "night-" in line and "next" not in line) <= 80
    assert "next: evalkit compare night-3 night-4" in done.out
    found = json.loads(evalkit("history", ".", "--json", cwd=tmp_path).out)
    points = {s["task"]: [c["place"] for c in s["change_points"]] for s in found["series"]}
    assert points[SQUAD] == [4]
    (series,) = [s for s in found["series"] if s["task"] == SQUAD]
    assert [point["run"] if "run" in point else point["folder"] for point in series["points"]] == [
        f"night-{n}" for n in range(8)
    ]


def test_history_keeps_models_and_questions_apart(runs: Path) -> None:
    found = json.loads(evalkit("history", ".", "--task", MMLU, "--json", cwd=runs).out)
    assert len(found["series"]) == 3
    together = json.loads(evalkit("history", ".", "--task", MMLU, "--across-models", "--json", cwd=runs).out)
    # The run of ten samples asked something else.
    assert sorted(len(series["points"]) for series in together["series"]) == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"), [(("nowhere",), "does not exist"), ((".", "--task", "x"), "no matching finished run")]
)
def test_history_of_nothing(runs: Path, arguments: tuple[str, ...], said: str) -> None:
    done = evalkit("history", *arguments, cwd=runs)
    assert (done.code, said in done.err) == (2, True), done
