"""`evalkit check lm-eval --all`: which tasks of a folder can be asked, and what each of the others lacks."""

from __future__ import annotations

import json

import pytest

from tests.cli.console import evalkit
from tests.plugins.lm_eval.test_reading import BASE

TASKS = {
    "good/plain.yaml": BASE + "task: plain\n",
    "good/chosen.yaml": BASE.replace("doc_to_target: a", "doc_to_target: '{{answer}}'")
    + "task: chosen\noutput_type: multiple_choice\ndoc_to_choice: choices\n",
    "good/made.yaml": BASE + "task: made\nprocess_docs: !function own.process\n",
    "good/own.py": "def process(rows):\n    return rows.map(lambda row: {'q': row['x']['y'].upper()})\n",
    "bad/sound.yaml": BASE + "task: sound\ndoc_to_audio: noise\n",
    "bad/lacks.yaml": BASE + "task: lacks\nprocess_docs: !function own.process\n",
    "bad/own.py": "import a_package_of_nobodys\n",
    "half/fits.yaml": BASE + "task: fits\n",
    "half/never.yaml": BASE + "task: never\ndoc_to_text: !function own.text\n",
    "half/own.py": "def text(row):\n    print('a word')\n    raise LookupError('no row is right')\n",
    "runs/unsafe.yaml": BASE + "task: unsafe\nunsafe_code: true\nprocess_results: !function own.run\n",
    "runs/own.py": "def run(doc, results):\n    exec(results[0])\n",
}


@pytest.fixture
def many(write):
    for name, text in TASKS.items():
        write(name, text.replace("ROWS", "nowhere.jsonl"))


def test_the_report_counts_tasks_and_families_and_names_what_is_missing(many, folder, tmp_path):
    arguments = ("--tasks-from", folder, "--allow-code")
    done = evalkit("check", "lm-eval", "--all", "--json", *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    counts = {
        key: found[key] for key in ("tasks", "covered", "families", "families_covered", "families_covered_in_part")
    }
    assert list(counts.values()) == [8, 4, 4, 1, 2]
    assert found["rows"] == {"made": 4}
    assert found["reasons"] == {
        "audio": 1,
        "a package is not installed, or not in its version": 1,
        "fails on the rows that were made": 1,
        "runs programs outside of a sandbox": 1,
    }
    problems = {one["task"]: (one["family"], one["problem"]) for one in found["lacking"]}
    assert problems.keys() == {"sound", "lacks", "never", "unsafe"}
    assert "a_package_of_nobodys" in problems["lacks"][1]
    assert problems["never"] == ("half", "LookupError: no row is right")


def test_in_words_and_without_leave(many, folder, tmp_path):
    (tmp_path / "project").mkdir()
    done = evalkit("check", "lm-eval", "--all", "--tasks-from", folder, cwd=tmp_path / "project")
    assert done.out.splitlines()[:2] == ["3 of 8 tasks can be asked", "0 of 4 families wholly, 2 at least in part"]
    assert "      3  its Python may not run (--allow-code)" in done.out.splitlines()


def test_names_are_listed_and_nothing_is_imported(many, write, folder, tmp_path):
    for name in ("good/own.py", "bad/own.py", "half/own.py", "runs/own.py"):
        write(name, "raise RuntimeError('this ran')\n")
    done = evalkit("check", "lm-eval", "--all", "--list", "--tasks-from", folder, "--allow-code", cwd=tmp_path)
    names = ["chosen", "fits", "lacks", "made", "never", "plain", "sound", "unsafe"]
    assert (done.code, done.out.split()) == (0, [f"lm-eval/{name}" for name in names]), done.err
