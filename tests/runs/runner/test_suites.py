"""A suite from its name to the mean in manifest, table and report, on the embedded model."""

import json
import math
from dataclasses import replace

import pytest

import evalkit
from evalkit.core import UsageError
from evalkit.runs.store import Run
from evalkit.stats import combined_interval

CAPITALS = """
data: rows.jsonl
prompt: "What is the capital of {{ country }}?\\nAnswer:"
choices: [Lima, Quito]
gold: right
"""
ROWS = [{"country": "Peru", "right": "Lima"}, {"country": "Ecuador", "right": "Quito"}]
SUITE = """
suite:
  - first: {fewshot: 1, metric: acc_norm, weight: 2, category: here}
  - second: {category: here}
  - toy_mmlu: {category: there}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS * 4))
    for name in ("first", "second"):
        (folder / f"{name}.yaml").write_text(f"name: {name}\n{CAPITALS}")
    (folder / "both.yaml").write_text(f"name: both\nsummary: two and a sample\ntags: [suite]\n{SUITE}")
    (folder / "sized.yaml").write_text(f"name: sized\naverage: samples\n{SUITE}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name="both", **options):
    return evalkit.run(name, "tiny", limit=6, out=f"runs/{name}", cache=False, **options)


def estimates(done):
    found = {entry.name: entry.result for entry in done.manifest.tasks}
    return [found["first"].metric("acc_norm"), found["second"].metric(), found["toy_mmlu"].metric()]


def test_a_suite_runs_its_tasks_and_tells_their_weighted_mean(project):
    done = run()
    assert done.tasks == ("first", "second", "toy_mmlu")
    [suite] = done.manifest.suites
    parts = [metric.estimate for metric in estimates(done)]
    # The first two ask the same rows: what they share is not known, so their reaches are added.
    assert suite.result.estimate == combined_interval(parts, [2.0, 1.0, 1.0], ["rows", "rows", "mmlu"])
    assert suite.result.estimate.how == "mover over 3 tasks of 2 sets of questions"
    assert suite.result.estimate.value == pytest.approx((2 * parts[0].value + parts[1].value + parts[2].value) / 4)
    assert suite.categories["here"].estimate == combined_interval(parts[:2], [2.0, 1.0], ["rows", "rows"])
    assert suite.categories["there"].estimate.value == parts[2].value


def test_every_member_is_asked_with_its_own_examples(project):
    shots = {entry.name: entry.identity["few-shot"] for entry in run().manifest.tasks}
    assert shots == {"first": "1-shot", "second": "0-shot", "toy_mmlu": "0-shot"}


def test_an_average_over_samples_weighs_tasks_by_their_size(project):
    (project / "tasks" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done = run("sized")
    parts = [metric.estimate for metric in estimates(done)]
    assert [part.n for part in parts] == [2, 2, 6]
    assert done.manifest.suites[0].result.estimate == combined_interval(
        parts, [4.0, 2.0, 6.0], ["rows", "rows", "mmlu"]
    )


def test_the_mean_is_read_back_from_the_folder(project):
    done = run()
    assert Run.open(done.folder).manifest.suites == done.manifest.suites


def test_a_suite_whose_weights_changed_is_not_resumed(project):
    from evalkit.runs.execution import resume
    from evalkit.runs.runner import Silent

    run()
    file = project / "tasks" / "both.yaml"
    file.write_text(file.read_text().replace("weight: 2", "weight: 3"))
    with pytest.raises(UsageError, match="would not measure the same thing") as caught:
        resume(project / "runs" / "both", Silent())
    assert "first (acc_norm × 2)" in caught.value.found
    assert "first (acc_norm × 3)" in caught.value.found


def test_a_run_that_was_cut_short_has_a_mean_once_it_was_resumed(project, monkeypatch):
    from evalkit.runs.runner.evaluate import Evaluation

    whole, begun = Evaluation.run, []

    async def cut(self):
        begun.append(self.prepared.name)
        if self.prepared.name == "second":
            raise evalkit.core.RunError("the disk is full")
        return await whole(self)

    monkeypatch.setattr(Evaluation, "run", cut)
    with pytest.raises(evalkit.core.RunError, match="disk is full"):
        run()
    assert begun == ["first", "second"]
    [suite] = Run.open(project / "runs" / "both").manifest.suites
    assert suite.result is None
    monkeypatch.setattr(Evaluation, "run", whole)
    from evalkit.runs.execution import resume
    from evalkit.runs.runner import Silent

    [done] = resume(project / "runs" / "both", Silent())
    assert done.manifest.suites[0].result is not None


def test_table_and_report_show_the_mean(project, capsys):
    from evalkit.cli.rendering.output import console, print_scores
    from evalkit.plugins import load

    done = run()
    print_scores(console(), [done])
    table = capsys.readouterr().out
    assert max(map(len, table.splitlines())) <= 80
    value = done.manifest.suites[0].result.estimate.value
    assert any(line.split()[:3] == ["both", "mean", f"{100 * value:.1f}%"] for line in table.splitlines())
    assert any(line.split()[:2] == ["here", "mean"] for line in table.splitlines())
    assert f"| both | tiny | mean | {100 * value:.1f}% |" in load("report", "markdown")([done])


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("first: {metric: accuracy}", "no metric of first in the suite 'odd' named 'accuracy'"),
        ("first\n  - toy_perplexity", "word_perplexity of toy_perplexity is not a proportion of right answers"),
        ("toy_perplexity: {floor: 0.1}", "cannot average it"),
        ("odd: {}", "the suite 'odd' contains itself\n.*odd → odd"),
        ("both: {metric: acc}", "both of 'odd' is a suite itself"),
        ("both\n  - first", "task 'first' is given twice\n.*1 and 0 examples"),
        ("both\n  - both_again: {suite: [both: {suite: [toy_mmlu]}]}", "two suites are named 'both'"),
        ("thrid: {}", "no task named 'thrid'"),
    ],
)
def test_what_cannot_be_averaged_is_said_before_anything_runs(project, member, message):
    (project / "tasks" / "odd.yaml").write_text(f"name: odd\nsuite:\n  - {member}\n")
    with pytest.raises(UsageError, match=message):
        run("odd")
    assert not (project / "runs").exists()


NESTED = """
metric: [acc, acc_norm]
suite:
  - pair:
      weight: 2
      floor: 0.25
      metric: [acc, acc_norm]
      suite: [first: {floor: 0.5}, second: {metric: [acc, acc_norm]}]
  - toy_mmlu: {floor: 0.25}
"""


def above(value, floor):
    return max(0.0, (value - floor) / (1.0 - floor))


def test_nested_suites_normalise_what_is_above_guessing(project):
    (project / "tasks" / "nested.yaml").write_text(f"name: nested\n{NESTED}")
    done = run("nested")
    inner, outer = done.manifest.suites
    assert (inner.name, outer.name) == ("pair", "nested")
    found = {entry.name: entry.result for entry in done.manifest.tasks}

    def value(task, metric):
        return found[task].metric(metric).estimate.value

    both = (value("second", "acc") + value("second", "acc_norm")) / 2
    pair = (above(value("first", "acc"), 0.5) + both) / 2
    assert inner.result.estimate.value == pytest.approx(pair, abs=1e-12)
    assert outer.result.estimate.value == pytest.approx(
        (2 * above(pair, 0.25) + above(value("toy_mmlu", "acc"), 0.25)) / 3, abs=1e-12
    )
    [norm] = inner.also
    direct = (above(value("first", "acc_norm"), 0.5) + value("second", "acc_norm")) / 2
    assert (norm.name, norm.estimate.value) == ("acc_norm", pytest.approx(direct, abs=1e-12))
    assert (inner.result.name, outer.result.name) == ("normalised_mean", "normalised_mean")
    assert outer.result.estimate.n == found["toy_mmlu"].samples + 2 * found["first"].samples
    assert Run.open(done.folder).manifest.suites == done.manifest.suites
    assert done.manifest.tasks_of(outer) == ["first", "second", "toy_mmlu"]


def test_a_task_in_two_suites_is_asked_once_and_told_in_the_table(project, capsys):
    from evalkit.cli.rendering.output import console, print_scores

    (project / "tasks" / "twice.yaml").write_text(
        "name: twice\nsuite:\n  - one: {suite: [second]}\n  - other: {suite: [second, toy_mmlu: {floor: 0.25}]}\n"
    )
    done = run("twice")
    assert done.tasks == ("second", "toy_mmlu")
    print_scores(console(), [done])
    told = [" ".join(line.split()[:3]) for line in capsys.readouterr().out.splitlines()]
    assert any(line == "other norm. mean" for line in told), told
    assert any(line.startswith("one mean ") for line in told), told


def test_examples_of_a_suite_reach_tasks_that_do_not_say(project):
    (project / "tasks" / "shots.yaml").write_text(
        "name: shots\nsuite:\n  - in: {fewshot: 2, suite: [first: {fewshot: 1}, second]}\n  - toy_mmlu\n"
    )
    shots = {entry.name: entry.identity["few-shot"] for entry in run("shots").manifest.tasks}
    assert shots == {"first": "1-shot", "second": "2-shot", "toy_mmlu": "0-shot"}


def test_a_manifest_of_one_metric_a_member_is_read(project):
    done = run()
    file = done.folder / "manifest.json"
    raw = json.loads(file.read_text())
    for suite in raw["suites"]:
        del suite["also"], suite["metrics"]
        suite["members"] = [
            {"task": m["task"], "metric": m["metrics"][0], "weight": m["weight"], "category": m["category"]}
            for m in suite["members"]
        ]
    file.write_text(json.dumps(raw))
    assert Run.open(done.folder).manifest.suites == done.manifest.suites


def test_a_suite_beside_one_of_its_tasks_names_it_twice(project):
    with pytest.raises(UsageError, match="task 'first' is given twice"):
        evalkit.run(["both", "first"], "tiny", out="runs/x")


def test_suites_of_several_models_are_their_own(project):
    from evalkit.models import resolve

    class Named:
        def __init__(self, name):
            self.model = resolve("tiny")
            self.identity = replace(self.model.identity, name=name)
            self.capabilities = self.model.capabilities

        async def answer(self, request):
            reply = await self.model.answer(request)
            if self.identity.name == "turned":
                return replace(reply, loglikelihoods=tuple(-value for value in reply.loglikelihoods))
            return reply

        async def close(self):
            await self.model.close()

    one, other = evalkit.run("both", (Named("plain"), Named("turned")), limit=6, out="runs/two", cache=False)
    values = [done.manifest.suites[0].result.estimate.value for done in (one, other)]
    assert values[0] != values[1]
    assert not any(map(math.isnan, values))
