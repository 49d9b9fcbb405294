"""A plugin of every kind from outside the package, one file each: listed, run and compared by the real command line."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from evalkit.plugins import KINDS
from tests.cli.console import Finished, evalkit
from tests.cli.own_plugins import FILES, NAMES, ROWS

pytestmark = pytest.mark.slow("a process for every command")


def write(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    (folder / "rows.jsonl").write_text(ROWS, encoding="utf-8")


class Place:
    """A current folder in which evalkit is called, and what sys.path is to begin with."""

    def __init__(self, folder: Path, path: str, origin: str) -> None:
        self.folder, self.path, self.origin = folder, path, origin

    def __call__(self, *arguments: str) -> Finished:
        environment = {"EVALKIT_CACHE": str(self.folder / "cache"), "COLUMNS": "80", "NO_COLOR": "1"}
        return evalkit(*arguments, cwd=self.folder, **environment, **({"PYTHONPATH": self.path} if self.path else {}))


def in_project(folder: Path) -> Place:
    write(folder)
    return Place(folder, "", "project")


def in_distribution(folder: Path) -> Place:
    """The same files in the package of a distribution that is installed, and an empty current folder."""
    import os

    site = folder / "site"
    info = site / "acme_evals-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-evals\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[evalkit.packs]\nacme = acme_evals\n")
    write(site / "acme_evals")
    (site / "acme_evals" / "__init__.py").write_text("raise RuntimeError('a list imports no package')\n")
    (folder / "elsewhere").mkdir()
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
    return Place(folder / "elsewhere", path, "acme-evals")


@pytest.fixture(scope="module", params=[in_project, in_distribution], ids=["project", "distribution"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    made: Place = request.param(tmp_path_factory.mktemp("own"))
    done = made("run", "manners", "--model", "echo/me,tail=6", "--out", "run")
    assert done.code == 0, done.err
    return made


def test_there_is_a_file_of_every_kind() -> None:
    assert {name.partition("/")[0] for name in FILES} == {kind.folder for kind in KINDS.values()} == set(NAMES)
    assert all(len(text.strip().splitlines()) <= 18 for text in FILES.values())


@pytest.mark.parametrize("kind", NAMES)
def test_it_is_listed_with_its_origin(place: Place, kind: str) -> None:
    done = place("list", kind)
    assert done.code == 0
    assert done.err == ""
    assert max(map(len, done.out.splitlines())) <= 80
    text = " ".join(done.out.split())
    assert NAMES[kind] in place("list", kind, "--names").out.split()
    assert f"[{place.origin}]" in text


def test_the_command_is_in_the_help_and_runs(place: Place) -> None:
    assert "greet           Greet somebody" in place("--help").out
    assert place("greet", "you").out == "hello you\n"
    assert "Greet WHO." in place("greet", "--help").out
    missing = place("greet")
    assert (missing.code, "Missing argument 'WHO'" in missing.err) == (2, True)
    assert "did you mean 'greet'" in place("gret").err


def test_model_method_scorer_metric_and_judge_make_the_run(place: Place) -> None:
    written = json.loads((place.folder / "run" / "manifest.json").read_text())
    (task,) = written["tasks"]
    found = {metric["name"]: metric["estimate"]["value"] for metric in task["result"]["metrics"]}
    # Replies are "ME PLEASE!" and "ME THANKS!".
    assert found == {"polite": 0.5, "brief": 1.0, "best": 1.5}
    assert written["model"]["name"] == "echo/me"
    identity = task["identity"]
    assert "polite(source=" in identity["scorers"] and "words=('PLEASE', 'PRAY')" in identity["scorers"]
    assert identity["method"] == "shouted"
    assert "mark=!" in identity["method settings"] and "source=" in identity["method settings"]


def test_the_report_and_the_judge_take_the_run(place: Place) -> None:
    assert place("report", "run", "--as", "lines").out == "* echo/me manners\n"
    judged = place("judge", "rubric", "run", "--rubric", "brief", "--out", "verdicts.jsonl")
    assert judged.code == 0, judged.err
    assert "brief" in judged.out


def test_an_option_that_it_does_not_have_is_a_usage_error(place: Place) -> None:
    done = place("run", "manners", "--model", "echo/me,tale=6", "--out", "other")
    assert (done.code, "the model 'echo' has no option 'tale'" in done.err, "'tail'" in done.err) == (2, True, True)
    done = place("run", "manners", "--model", "echo/me,tail=six", "--out", "other")
    assert (done.code, "bad value for the option 'tail'" in done.err) == (2, True)
    done = place("run", "manners", "--model", "ecko/me")
    assert (done.code, "did you mean 'echo'" in done.err) == (2, True)


def test_the_doctor_counts_them(place: Place) -> None:
    lines = [line.split(maxsplit=2) for line in place("doctor").out.splitlines()]
    counts = {words[1]: words[2] for words in lines if len(words) == 3}
    assert (counts["models"], counts["commands"], counts["reports"]) == ("1 found", "1 found", "13 found")
