"""The tree of YAML: includes, functions, names, groups; what may run and what may not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evalkit import plugins
from evalkit.core import UsageError
from evalkit.plugins.families import rows_of
from evalkit.plugins.lm_eval import index as indexing
from evalkit.plugins.lm_eval import yaml_files
from tests.plugins.lm_eval.conftest import asked

BASE = """
dataset_path: json
dataset_kwargs: {data_files: {test: ROWS}}
test_split: test
doc_to_text: "{{q}}"
doc_to_target: a
"""
RAISES = "raise RuntimeError('this ran')\n"


@pytest.fixture
def some(write, rows):
    rows({"q": "Q", "a": "A"}, {"q": "R", "a": "B"})
    write("_base", BASE)
    write("one.yaml", "include: _base\ntask: one\ntag: [some]\n")
    write("two.yaml", "include: one.yaml\ntask: two\ndoc_to_text: 'Again {{q}}'\n")


def test_own_keys_lie_over_included_ones(some, load):
    assert [prompt.text for _, prompt in asked(load("two"))] == ["Again Q", "Again R"]


def test_everything_is_listed_and_nothing_is_run(some, write, folder):
    write("bad.py", RAISES)
    write("three.yaml", "include: _base\ntask: three\nprocess_docs: !function bad.process\n")
    names = {name: tags for name, _, tags in rows_of("lm-eval/", str(folder))}
    # A tag comes with what is included, as lm-eval has it.
    assert names.keys() == {"lm-eval/one", "lm-eval/two", "lm-eval/three", "lm-eval/some"}
    assert names["lm-eval/two"] == ("some",)


def test_a_list_of_names_loads_nothing_that_makes_tasks(some, folder):
    code = (
        "import sys; from evalkit.plugins.families import rows_of\n"
        f"assert len(list(rows_of('lm-eval/', {str(folder)!r}))) == 3\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"lm_eval", "evaluate", "datasets", "torch", "numpy", "jinja2", "evalkit.plugins.lm_eval.building"}
    assert not heavy & set(done.stdout.split())


def test_the_index_follows_an_edit_and_reads_nothing_else_again(some, write, folder, monkeypatch):
    indexing.index_of(folder)
    read = []
    original = yaml_files.plain
    monkeypatch.setattr(indexing, "plain", lambda path: read.append(path.name) or original(path))
    write("one.yaml", "include: _base\ntask: other_name\n")
    assert {"other_name", "two"} <= indexing.index_of(folder).entries.keys()
    assert read == ["one.yaml"]


def test_a_folder_of_somebody_elses_runs_no_python_unasked(some, write, load, folder, tmp_path, leave):
    write("own.py", "def process(rows):\n    return [{'q': row['q'] * 2, 'a': row['a']} for row in rows]\n")
    write("three.yaml", "include: _base\ntask: three\nprocess_docs: !function own.process\n")
    with pytest.raises(UsageError, match="--allow-code"):
        load("three")
    assert [prompt.text for _, prompt in asked(load("three", folder))] == ["QQ", "RR"], "the project's own runs"
    leave()
    assert [prompt.text for _, prompt in asked(load("three"))] == ["QQ", "RR"]


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ("include: ../outside.yaml", "leads out"),
        ("include: one.yaml", "includes itself"),
        ("doc_to_text: !function ..outside.f", "no such module|lies outside"),
        ("doc_to_text: !function os.system", "no such module"),
        ("output_type: multiple_choise", "output_type"),
        ("filter_list: [{name: f, filter: [{function: regexp}]}]", "no filter named 'regexp'"),
        ("metric_list: [{metric: exact_match, aggregation: avg}]", "no aggregation named 'avg'"),
        ("generation_kwargs: {num_beams: 4}", "no model here"),
        ("doc_to_audio: sound", "sounds"),
    ],
)
def test_what_cannot_be_is_refused(write, rows, load, tmp_path, keys, wrong, leave):
    (tmp_path / "outside.yaml").write_text("doc_to_text: x")
    (tmp_path / "outside.py").write_text(RAISES)
    rows({"q": "Q", "a": "A"})
    write("one.yaml", ("" if "include" in keys else BASE) + f"task: one\n{keys}\n")
    leave()
    with pytest.raises(UsageError, match=wrong):
        load("one")


def test_a_name_that_there_is_none_of(some, load):
    with pytest.raises(UsageError, match="did you mean 'two'"):
        load("twoo")


def test_the_digest_is_of_every_file(some, write, folder):
    write("helper.py", "WORD = 'a'\n")
    write("own.py", "from helper import WORD\ndef process(rows):\n    return rows\n")
    write("three.yaml", "include: _base\ntask: three\nprocess_docs: !function own.process\n")

    def digest():
        return plugins.origin("task", "lm-eval/three", {"from": str(folder)}).digest

    seen = [digest()]
    for name, text in (("helper.py", "WORD = 'b'\n"), ("_base", BASE + "num_fewshot: 1\n")):
        write(name, text)
        seen.append(digest())
    write("own.py", "from helper import WORD\ndef process(rows):\n    return list(rows)\n")
    seen.append(digest())
    assert len(set(seen)) == 4
    assert not [name for name in sys.modules if name == "helper"]


@pytest.mark.parametrize("shots", [0, None])
def test_no_examples_by_the_task_cannot_be_changed(some, write, load, shots):
    write("three.yaml", "include: _base\ntask: three\n" + ("num_fewshot: 0\n" if shots == 0 else ""))
    assert load("three").fewshot.fixed is (shots == 0)
