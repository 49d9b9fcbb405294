"""Groups and tags as suites. A mean was worked out from lm-eval's rule: over all tasks below, by size or not."""

from __future__ import annotations

import json

import pytest

import evalkit
from evalkit.core import Suite, UsageError
from evalkit.plugins.lm_eval.index import index_of

BASE = """
dataset_path: json
dataset_kwargs: {data_files: {test: ROWS}}
test_split: test
doc_to_text: "{{q}}"
doc_to_target: a
"""


@pytest.fixture
def some(write, rows):
    rows({"q": "Q", "a": "A"}, {"q": "R", "a": "B"})
    write("_base", BASE)
    write("one.yaml", "include: _base\ntask: one\ntag: [some]\n")
    write("two.yaml", "include: one.yaml\ntask: two\ndoc_to_text: 'Again {{q}}'\n")


GROUP = """
group: all
task:
  - one
  - group: inner
    task: [two]
  - task: one
    num_fewshot: 1
    task_alias: with an example
aggregate_metric_list: [{metric: exact_match, weight_by_size: true}]
"""


def test_a_group_is_a_suite_with_what_it_says_of_its_tasks(some, write, load, folder):
    write("all.yaml", GROUP)
    suite = load("all")
    assert isinstance(suite, Suite)
    assert (suite.average, suite.members[0].metrics) == ("samples", ("exact_match",))
    assert [member.category for member in suite.members] == ["", "inner", ""]
    specs = [member.task for member in suite.members]
    assert specs == [f"lm-eval/{one},from={folder}" for one in ("one", "two", "one,group=all")]
    assert load("one").fewshot.k == 0
    assert load("one", group="all").fewshot.k == 1


def test_a_tag_has_no_number_of_its_own(some, load):
    assert load("some").average == "none"


def test_a_tag_of_a_file_whose_name_says_nothing_is_found(write, rows, load):
    rows({"q": "Q", "a": "A"})
    write("shared", BASE + "tag: [hidden]\n")
    write("one.yaml", "include: shared\ntask: one\n")
    assert [member.task.partition(",")[0] for member in load("hidden").members] == ["lm-eval/one"]


def test_an_included_file_of_elsewhere_gives_no_name(write, rows, folder, tmp_path):
    (tmp_path / "theirs.yaml").write_text("task: one\ndataset_path: theirs\n")
    for name, path in (("a", str(tmp_path / "theirs.yaml")), ("b", "../theirs.yaml")):
        write(f"{name}.yaml", f"include: {path}\ntask: {name}\n")
    assert {name: entry.path for name, entry in index_of(folder).entries.items()} == {"a": "a.yaml", "b": "b.yaml"}


CHOICE = """
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: "{{options}}"
doc_to_target: "{{gold}}"
"""
NESTED = """
group: all
task:
  - alpha
  - group: inner
    task: [beta, gamma]
    aggregate_metric_list: [{metric: acc, weight_by_size: BY}, {metric: acc_norm, weight_by_size: BY}]
  - outer
aggregate_metric_list: [{metric: acc, weight_by_size: BY}, {metric: acc_norm, weight_by_size: BY}]
"""
SIZES = {"alpha": 3, "beta": 7, "gamma": 1, "delta": 4}


@pytest.fixture
def four(write, folder):
    for place, (name, size) in enumerate(SIZES.items()):
        options = ["a", "bb and more of it", "c c"]
        rows = [{"q": f"{name} {n}", "options": options, "gold": (n * 2 + place) % 3} for n in range(size)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        write(f"{name}.yaml", f"task: {name}" + CHOICE.replace("FILE", str(folder / f"{name}.jsonl")))


@pytest.mark.parametrize("by_size", [True, False])
def test_several_metrics_of_nested_groups_are_means_over_all_tasks_below(four, write, folder, tmp_path, by_size):
    weight = str(by_size).lower()
    write("all.yaml", NESTED.replace("BY", weight))
    outer = "group: outer\ntask: [delta]\naggregate_metric_list:\n"
    write("outer.yaml", outer + f"  - {{metric: acc, weight_by_size: {weight}}}\n  - {{metric: acc_norm}}\n")
    run = evalkit.run(["lm-eval/all"], "tiny", tasks_from=folder, out=tmp_path / "run", cache=False)
    scores = {
        entry.name.removeprefix("lm-eval/"): {m.name: m.estimate.value for m in entry.result.metrics}
        for entry in run.manifest.tasks
    }
    assert scores.keys() == SIZES.keys()

    def mean(metric, names):
        weights = {name: SIZES[name] if by_size else 1 for name in names}
        return sum(scores[name][metric] * weights[name] for name in names) / sum(weights.values())

    suites = {suite.name: suite for suite in run.manifest.suites}
    for name, below in (("all", list(SIZES)), ("inner", ["beta", "gamma"]), ("outer", ["delta"])):
        suite = suites[f"lm-eval/{name}"]
        found = [suite.result.estimate.value, *(one.estimate.value for one in suite.also)]
        assert found == pytest.approx([mean("acc", below), mean("acc_norm", below)], abs=1e-12), name


@pytest.mark.parametrize(
    ("listed", "metrics", "average"),
    [
        ("[{metric: acc}]", ("acc",), "samples"),
        ("{metric: acc, weight_by_size: false}", ("acc",), "tasks"),
        ("[{metric: acc_norm, filter_list: none}, {metric: acc}]", ("acc_norm", "acc"), "samples"),
        # Without a filter's name, every filter that the tasks have.
        ("[{metric: exact_match}]", ("exact_match,loose", "exact_match,strict"), "samples"),
        ("[{metric: exact_match, filter_list: [strict]}]", ("exact_match,strict",), "samples"),
        # Only some tasks have it: the others weigh nothing.
        ("[{metric: likelihood}]", ("likelihood",), "samples"),
        # None has it, as in lm-eval, which warns.
        ("[{metric: nonsense}]", (), "none"),
    ],
)
def test_what_a_group_aggregates(four, write, load, listed, metrics, average):
    if "exact_match" in listed:
        chains = "[{name: strict, filter: [{function: take_first}]}, {name: loose, filter: [{function: take_first}]}]"
        for name in ("alpha", "beta"):
            write(f"{name}.yaml", f"{BASE}task: {name}\nfilter_list: {chains}\n")
    if "likelihood" in listed:
        write("beta.yaml", f"task: beta{CHOICE}metric_list: [{{metric: likelihood}}, {{metric: acc}}]\n")
    write("pair.yaml", f"group: pair\ntask: [alpha, beta]\naggregate_metric_list: {listed}\n")
    suite = load("pair")
    assert (suite.metrics, suite.average) == (metrics, average)
    weights = {member.task.partition(",")[0]: (member.weight, member.metrics) for member in suite.members}
    if "likelihood" in listed:
        assert weights == {"lm-eval/alpha": (0.0, ("acc",)), "lm-eval/beta": (1.0, ("likelihood",))}
    else:
        assert {weight for weight, _ in weights.values()} == {1.0}


def test_groups_that_hold_each_other_are_refused(some, write, load):
    write("a.yaml", "group: a\ntask: [b]\n")
    write("b.yaml", "group: b\ntask: [a]\n")
    with pytest.raises(UsageError, match="contain each other"):
        load("a")
