"""`evalkit judge` as a user calls it, against a real server on loopback; once in a process of its own."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.core import UsageError
from evalkit.judging.session import read_verdicts
from evalkit.runs.store import Run
from evalkit.stats.tournaments import fit_length
from evalkit.stats.tournaments.tables import read_anchor
from tests.cli import console
from tests.cli.console import Finished
from tests.judging.scripted import shown
from tests.judging.server import JUDGES, chatty, fair, judge_server, outputs

pytestmark = pytest.mark.slow("a process for every command")

TASK = """
summary: questions for a judge
data: rows.jsonl
prompt: "{{ question }}"
max_tokens: 4
groups: ["{{ kind }}"]
answer: "{{ right }}"
scorers: [{judge: good}]
"""
RUBRIC = """
summary: is it good
criteria:
  right: {question: Is it right?, weight: 2, levels: {0: no, 1: yes}}
  short: {question: Is it short?, levels: {0: no, 1: middling, 2: yes}}
"""


def evalkit(*arguments: str | Path, cwd: Path) -> Finished:
    """One call of the command line in `cwd`, in this process: nothing is imported twice."""
    with contextlib.chdir(cwd):
        done = CliRunner().invoke(cli, list(map(str, arguments)))
    if isinstance(done.exception, UsageError):
        return Finished(2, done.stdout, str(done.exception))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Finished(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seed, low, high in (("ant", 1, 4, 8), ("bee", 2, 2, 6), ("cat", 3, 1, 3)):
        (tmp_path / f"{name}.jsonl").write_text(outputs(name, seed, 20, low=low, high=high), encoding="utf-8")
    return tmp_path


def levels(prompt: str) -> str:
    return json.dumps({"reasoning": "…", "levels": {"right": 1, "short": 1}})


def test_pairwise_over_files_made_elsewhere(folder: Path) -> None:
    with judge_server(fair) as (spec, asked):
        arguments = ("judge", "pairwise", "ant.jsonl", "bee.jsonl", "--judge", spec, "--out", "v.jsonl")
        done = console.evalkit(*arguments, cwd=folder)
        assert done.code == 0, done.err
        assert len(asked) == 40
        assert "ant against bee" in done.out
        assert "0 unjudged" in done.out
        assert "40 requests" in done.err
        assert max(map(len, done.out.splitlines())) <= 80
        again = evalkit(
            *("judge", "pairwise", "ant.jsonl", "bee.jsonl", "--judge", spec, "--out", "v.jsonl", "--json"), cwd=folder
        )
        assert len(asked) == 40
    found = json.loads(again.out)
    assert found["wins"] + found["ties"] + found["losses"] == 20
    assert found["both orders agree"]["value"] == 1.0
    assert {"easy", "hard"} <= found.keys()
    assert len((folder / "v.jsonl").read_text().splitlines()) == 20


def test_the_response_cache_answers_where_the_verdicts_file_is_another(folder: Path) -> None:
    with judge_server(chatty) as (spec, asked):
        for name in ("one", "two"):
            arguments = ("judge", "pairwise", "ant.jsonl", "bee.jsonl", "--judge", spec, "--out", f"{name}.jsonl")
            done = evalkit(*arguments, cwd=folder)
        assert len(asked) == 40
        assert "(40 from the cache), 0 prompt" in done.err


def test_a_tournament_ranks_and_says_who_beat_whom(folder: Path) -> None:
    with judge_server(fair) as (spec, _):
        done = evalkit(
            *("judge", "tournament", "ant.jsonl", "bee.jsonl", "cat.jsonl"),
            *("--judge", spec, "--elo", "--ties", "davidson", "--out", "v.jsonl"),
            cwd=folder,
        )
        assert done.code == 0, done.err
        found = evalkit("judge", "tournament", "--verdicts", "v.jsonl", "--json", cwd=folder)
    models = json.loads(found.out)["models"]
    assert [row["model"] for row in models] == ["ant", "bee", "cat"]
    assert "win/tie/loss" in done.out
    assert "Davidson" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_tournament_at_equal_style_says_what_the_judge_adds(folder: Path) -> None:
    """A judge that counts list items: the model that writes lists leads, and at equal style it does not."""
    for name, seed, most in (("lister", 1, 9), ("plain", 2, 4)):
        rng = random.Random(seed)
        rows = [
            {
                "id": f"q{n}",
                "question": f"What about {n}?",
                "model": name,
                "answer": "Well.\n" + "- so\n" * rng.randint(0, most),
            }
            for n in range(60)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def loves_lists(prompt: str) -> str:
        found = shown(prompt)
        a, b = (found[letter].count("- so") for letter in "AB")
        chance = 1 / (1 + math.exp(3 * (b - a) / max(1, a + b)))
        one, two = sorted((found["A"], found["B"]))
        coin = random.Random(prompt.split("What about ")[1][:3] + one + two).random()
        return f"Verdict: {'A' if (coin if found['A'] == one else 1 - coin) < chance else 'B'}"

    arguments = ("judge", "tournament", "lister.jsonl", "plain.jsonl", "--style-control", "--out", "v.jsonl")
    with judge_server(loves_lists) as (spec, _):
        done = evalkit(*arguments, "--judge", spec, cwd=folder)
        found = json.loads(evalkit(*arguments, "--judge", spec, "--json", cwd=folder).out)
    assert done.code == 0, done.err
    assert "at equal style" in done.out
    assert re.search(r"for headers +– +never differ", done.out)
    assert max(map(len, done.out.splitlines())) <= 80
    raw = next(row for row in found["models"] if row["model"] == "lister")
    fair = next(row for row in found["at_equal_style"]["models"] if row["model"] == "lister")
    assert raw["strength"]["low"] > 0
    assert fair["strength"]["value"] < raw["strength"]["value"] / 2
    assert fair["strength"]["low"] < 0
    assert found["at_equal_style"]["coefficients"]["lists"]["value"] > 0
    old = [json.loads(line) for line in (folder / "v.jsonl").read_text().splitlines()]
    (folder / "old.jsonl").write_text("".join(json.dumps({**row, "style": []}) + "\n" for row in old))
    refused = evalkit("judge", "tournament", "--verdicts", "old.jsonl", "--style-control", cwd=folder)
    assert refused.code == 2
    assert "does not say how the answers were styled" in refused.err


def test_a_win_rate_at_equal_length_with_difficulties_by_id(folder: Path) -> None:
    """The rate is what the library fits to the same columns, difficulties found by their id in a shuffled file."""
    lines = ["index,instruction_difficulty", *(f"q{n},{(n * 7 % 20) / 10 - 1}" for n in reversed(range(20)))]
    (folder / "hard.csv").write_text("\n".join(lines) + "\n")
    (folder / "gamed.csv").write_text(
        "std_delta_len,instruction_difficulty,preference\n" + "".join(f"{n / 10 - 1},0.1,{n / 20}\n" for n in range(20))
    )
    arguments = ("judge", "pairwise", "ant.jsonl", "bee.jsonl", "--using", "alpaca_eval", "--out", "v.jsonl", "--json")
    with judge_server(JUDGES["verbose"]) as (spec, _):
        done = evalkit(*arguments, "--judge", spec, "--length-control", "--difficulty", "hard.csv", cwd=folder)
        held = evalkit(*arguments, "--judge", spec, "--difficulty", "hard.csv", "--anchor", "gamed.csv", cwd=folder)
        (folder / "hard.csv").write_text("\n".join(lines[:-1]) + "\n")
        missing = evalkit(*arguments, "--judge", spec, "--difficulty", "hard.csv", cwd=folder)
    assert done.code == 0, done.err
    # In the file they stand as they came.
    verdicts = sorted(read_verdicts(folder / "v.jsonl"), key=lambda verdict: int(verdict.key[1:]))
    win = np.array([v.scores["win"] if v.models[0] == "ant" else 1 - v.scores["win"] for v in verdicts])
    own, other = (np.array([float(v.chars[v.models.index(name)]) for v in verdicts]) for name in ("ant", "bee"))
    hard = np.array([(int(v.key[1:]) * 7 % 20) / 10 - 1 for v in verdicts])
    expected = fit_length(win, own, other, hard).rate
    assert json.loads(done.out)["at equal length"]["value"] == pytest.approx(expected.value, abs=1e-9)
    anchored = fit_length(win, own, other, hard, anchor=read_anchor(folder / "gamed.csv")).rate
    assert json.loads(held.out)["at equal length"]["value"] == pytest.approx(anchored.value, abs=1e-9)
    assert missing.code == 2
    assert "1 of 20 samples have no difficulty" in missing.err


def test_a_ranking_judge_makes_pairs(folder: Path) -> None:
    def by_facts(prompt: str) -> str:
        found = shown(prompt)
        return "Ranking: " + " > ".join(sorted(found, key=lambda key: -len(re.findall(r"fact \d+", found[key]))))

    with judge_server(by_facts) as (spec, asked):
        done = evalkit(
            *("judge", "tournament", "ant.jsonl", "bee.jsonl", "cat.jsonl"),
            *("--judge", spec, "--using", "ranking", "--json"),
            cwd=folder,
        )
        assert len(asked) == 20
    assert [row["model"] for row in json.loads(done.out)["models"]] == ["ant", "bee", "cat"]


def test_a_rubric_over_a_file_of_outputs(folder: Path) -> None:
    (folder / "good.yaml").write_text(RUBRIC, encoding="utf-8")
    with judge_server(levels) as (spec, _):
        done = evalkit(
            *("judge", "rubric", "ant.jsonl", "--rubric", "./good.yaml", "--judge", spec, "--json"), cwd=folder
        )
    found = json.loads(done.out)
    assert found["good"]["value"] == pytest.approx((2 * 1 + 1 * 0.5) / 3)
    assert found["short"]["value"] == 0.5
    assert found["unjudged"] == 0


def test_a_mean_is_corrected_by_the_grades_of_people(folder: Path) -> None:
    """A judge that is two too kind on a scale to 10: with twelve of twenty graded, the mean is people's."""
    truth = {f"q{n}": 2.0 + n % 5 for n in range(20)}

    def kind(prompt: str) -> str:
        n = int(re.findall(r"What about (\d+)\?", prompt)[-1])
        return f"Rating: {truth[f'q{n}'] + 2:g}"

    lines = ["id,label", *(f"{key},{value:g}" for key, value in list(truth.items())[:12])]
    (folder / "grades.csv").write_text("\n".join(lines) + "\n")
    arguments = ("judge", "rubric", "ant.jsonl", "--using", "rating", "--labels", "grades.csv")
    with judge_server(kind) as (spec, _):
        done = evalkit(*arguments, "--judge", spec, cwd=folder)
        found = json.loads(evalkit(*arguments, "--judge", spec, "--json", cwd=folder).out)
        (folder / "grades.csv").write_text("id,label\nq1,good\n")
        wrong = evalkit(*arguments, "--judge", spec, cwd=folder)
        (folder / "grades.csv").write_text("id,label\nz1,3\nz2,4\n")
        strange = evalkit(*arguments, "--judge", spec, cwd=folder)
    assert done.code == 0, done.err
    assert "rating by people" in done.out
    assert found["rating"]["value"] == pytest.approx(6.0)
    # Every difference is exactly two, whatever weight the judge's mean has.
    assert found["rating by people"]["low"] < 4.0 < found["rating by people"]["high"]
    assert found["rating by people"]["value"] == pytest.approx(4.0, abs=0.2)
    assert found["agreement, Spearman"]["value"] == pytest.approx(1.0)
    assert found["agreement, α"]["value"] < 0.8
    assert (wrong.code, "grades.csv:2" in wrong.err) == (2, True)
    assert (strange.code, "0 of 2 labels are of an answer that was judged" in strange.err) == (2, True)


def test_a_rubric_as_a_scorer_of_a_task(folder: Path) -> None:
    (folder / "judges").mkdir()
    (folder / "judges" / "good.yaml").write_text(RUBRIC, encoding="utf-8")
    (folder / "asked.yaml").write_text(TASK, encoding="utf-8")
    rows = [{"question": f"What is {n}?", "right": "x", "kind": "ab"[n % 2]} for n in range(4)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    without = evalkit("run", "./asked.yaml", "--model", "tiny", "-q", cwd=folder)
    assert without.code == 2
    assert "--judge MODEL" in without.err
    with judge_server(levels) as (spec, _):
        done = evalkit("run", "./asked.yaml", "--model", "tiny", "--judge", spec, "-q", "--out", "runs/x", cwd=folder)
        again = evalkit("judge", "rubric", "runs/x", "--rubric", "good", "--judge", spec, cwd=folder)
    assert done.code == 0, done.err
    _is_judged_once_more(folder)
    manifest = json.loads((folder / "runs" / "x" / "manifest.json").read_text())
    [task] = manifest["tasks"]
    assert {metric["name"] for metric in task["result"]["metrics"]} == {"good", "right", "short"}
    assert manifest["model"]["judge"]["requests"] == 4
    assert manifest["request"]["judge"] == spec
    assert "|judge:openai/judge@" in task["result"]["signature"]
    assert again.code == 0, again.err
    assert "(4 from the cache)" in again.err


def _is_judged_once_more(folder: Path) -> None:
    """The run scored again by another judge: its replies stay, its scores, transcripts and signature are new."""
    with judge_server(lambda prompt: levels(prompt).replace('"right": 1', '"right": 0')) as (spec, asked):
        done = evalkit("rescore", "runs/x", "--judge", spec, "--out", "runs/y", cwd=folder)
        assert len(asked) == 4
    assert done.code == 0, done.err
    old, new = Run.open(folder / "runs" / "x"), Run.open(folder / "runs" / "y")
    assert new.manifest.request["judge"] == spec
    assert new.manifest.model["judge"]["requests"] == 4
    for before, after in zip(old.records(), new.records(), strict=True):
        assert after.replies == before.replies
        assert (before.scores[0].value, after.scores[0].value) == pytest.approx((5 / 6, 1 / 6))
        assert after.scores[0].details["transcript"][0]["verdict"] == "right: 0, short: 1"
    with judge_server(lambda prompt: "Hard to say.") as (spec, _):
        none = evalkit("rescore", "runs/x", "--judge", spec, "--out", "runs/z", cwd=folder)
    assert none.code == 3
    assert "4 of 4 samples could not be measured; most often unjudged" in " ".join(none.err.split())


def test_gold_answers_are_judged_where_a_judge_is_named(folder: Path) -> None:
    """They need a verdict, not the best one; without a judge the rest of the task is checked, and that is said."""
    (folder / "good.yaml").write_text(RUBRIC, encoding="utf-8")
    (folder / "asked.yaml").write_text(TASK.replace("judge: good", "judge: ./good.yaml"), encoding="utf-8")
    rows = [{"question": f"What is {n}?", "right": "x", "kind": "a"} for n in range(3)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    without = evalkit("check", "./asked.yaml", cwd=folder)
    assert (without.code, "3 samples, no judge asked" in without.out) == (0, True), without.err
    with judge_server(levels) as (spec, asked):
        done = evalkit("check", "./asked.yaml", "--judge", spec, cwd=folder)
        assert len(asked) == 3
    assert (done.code, done.out) == (0, "ok      ./asked.yaml: 3 samples\n")
    with judge_server(lambda prompt: "Fine.") as (spec, _):
        bad = evalkit("check", "./asked.yaml", "--judge", spec, cwd=folder)
    assert bad.code == 1
    assert "WRONG   ./asked.yaml: 3 of 3 samples" in bad.out
    assert "unjudged: " in bad.out


def test_a_judge_that_gives_no_verdict_leaves_all_unjudged_with_code_3(folder: Path) -> None:
    with judge_server(JUDGES["refusing"]) as (spec, _):
        some = evalkit("judge", "pairwise", "ant.jsonl", "bee.jsonl", "--judge", spec, cwd=folder)
    assert some.code == 3
    assert "are unjudged; most often unjudged: " in some.err
    with judge_server(lambda prompt: "Both have merits.") as (spec, asked):
        done = evalkit("judge", "pairwise", "ant.jsonl", "bee.jsonl", "--judge", spec, cwd=folder)
        assert len(asked) == 80
    assert done.code == 3
    assert "all 20 are unjudged" in done.err
    assert "a stronger judge" in done.err
    assert "95 % interval" not in done.out  # no table without a row
    with judge_server(lambda prompt: "Both have merits.") as (spec, _):
        ranked = evalkit("judge", "tournament", "ant.jsonl", "bee.jsonl", "--judge", spec, cwd=folder)
    assert ranked.code == 3
    assert "all 20 are unjudged" in ranked.err


def test_an_audit_in_words_with_labels(folder: Path) -> None:
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerows([["id", "a", "b", "label"], *([f"q{n}", "ant", "bee", "a"] for n in range(12))])
    arguments = ("judge", "audit", "ant.jsonl", "bee.jsonl", "--labels", "labels.csv", "--probes", "12")
    with judge_server(JUDGES["verbose"]) as (spec, _):
        done = evalkit(*arguments, "--judge", spec, cwd=folder)
    assert done.code == 0, done.err
    assert "verbosity bias: it leans to the longer answer by +50 points" in " ".join(done.out.split())
    assert "Do not believe this judge as it is: " in done.out
    assert "corrected win rate" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_page_for_people_is_one_file_and_blind(folder: Path) -> None:
    attack = {"id": "x", "question": "</script><b>?", "answer": "</script><script>alert(1)</script>", "model": "ant"}
    (folder / "one.jsonl").write_text(json.dumps(attack) + "\n")
    (folder / "two.jsonl").write_text(json.dumps(attack | {"model": "bee", "answer": "no"}) + "\n")
    done = evalkit("judge", "annotate", "one.jsonl", "two.jsonl", cwd=folder)
    assert done.code == 0, done.err
    page = (folder / "annotate.html").read_text(encoding="utf-8")
    assert page.count("</script>") == 1
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    shown_text = page.split("<script>")[0]
    assert "ant" not in re.findall(r">[^<]*<", shown_text)
    pairs = json.loads(page.split("const every = ")[1].split(";\n")[0].replace("<\\/", "</"))
    assert [pair["id"] for pair in pairs] == ["x"]
    assert not re.search(r"\b(ant|bee)\b", page)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pairwise", "ant.jsonl", "bee.jsonl"), "no judge is given"),
        (("pairwise", "ant.jsonl", "none.jsonl", "--judge", "tiny"), "is neither a run nor a file"),
        (("pairwise", "ant.jsonl", "bee.jsonl", "--judge", "tiny", "--using", "rating"), "judges single answers"),
        (("rubric", "ant.jsonl", "--judge", "tiny"), "no rubric"),
        (("tournament", "ant.jsonl", "--judge", "tiny"), "at least two runs"),
        (("pairwise", "ant.jsonl", "bad.jsonl", "--judge", "tiny"), "bad.jsonl:1: the row has no answer"),
        (("pairwise", "ant.jsonl", "ant.jsonl", "--judge", "tiny"), "one name"),
        (("audit", "ant.jsonl", "bee.jsonl", "--judge", "tiny", "--own", "cat"), "none of the two"),
        (("pairwise", "ant.jsonl", "bee.jsonl", "--judge", "tiny", "--anchor", "x.csv"), "--difficulty CSV"),
    ],
)
def test_a_mistake_is_said_with_code_2(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    (folder / "bad.jsonl").write_text('{"question": "?"}\n')
    done = evalkit("judge", *arguments, cwd=folder)
    assert done.code == 2
    assert said in done.err
