"""Scorers, metrics, methods, models and commands in a project's files: found, told apart, refused with their place."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evalkit import models
from evalkit.cli.group import cli
from evalkit.core import Generate, Prompt, Reply, Sample, Task, UsageError
from evalkit.plugins import index, load
from evalkit.plugins.named import methods, metrics, scorers
from tests.cli.own_plugins import FILES, ROWS

SCORER = FILES["scorers/polite.py"]
MODEL = FILES["models/echo.py"]
EDIT = "    # edited\n"


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def test_a_scorer_of_a_file_is_found_beside_the_built_in_ones(put: Any) -> None:
    put("scorers/polite.py", SCORER)
    assert {"polite", "rouge"} <= set(scorers.names())
    assert scorers.summaries()["polite"] == "Whether a reply holds a polite word"
    assert scorers.settings("polite") == {"words": tuple[str, ...]}
    with pytest.raises(UsageError, match="did you mean 'polite'"):
        scorers.by_name("polit")
    with pytest.raises(UsageError, match="setting of scorer 'polite' named 'word'"):
        scorers.by_name("polite", word=["x"])
    with pytest.raises(UsageError, match="wrong type"):
        scorers.by_name("polite", words="please")


def test_the_pages_example_is_a_scorer(project: Path, put: Any) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "extending.md").read_text(encoding="utf-8")
    ((name, text),) = re.findall(r"^```python (\S+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    put(name, text)
    scorer = scorers.by_name("polite", words=["bitte"])
    values = [asyncio.run(scorer.score(Sample("1", ""), (Reply((said,)),)))[0].value for said in ("Bitte!", "please")]
    assert values == [1.0, 0.0]


def test_an_edit_and_an_option_make_another_signature(put: Any) -> None:
    put("scorers/polite.py", SCORER)
    before, other = scorers.by_name("polite").settings, scorers.by_name("polite", words=["x"]).settings
    assert other == {**before, "words": "('x',)"}
    put("scorers/polite.py", SCORER + EDIT)
    assert scorers.by_name("polite").settings["source"] != before["source"]


def test_a_scorer_made_ready_or_given_a_judge_keeps_its_source(put: Any) -> None:
    put(
        "scorers/polite.py",
        """
        from evalkit.core import Scorer

        META = {"name": "polite"}

        def scorer() -> Scorer:
            plain = Scorer("polite", None, ("polite",))
            return Scorer("polite", None, ("polite",), ready=lambda unsafe: plain, judged_by=lambda model: plain)
        """,
    )
    made = scorers.by_name("polite")
    assert made.ready is not None and made.judged_by is not None
    assert made.ready(False).settings == made.settings == made.judged_by(models.resolve("stored/x")).settings


@pytest.mark.parametrize(
    ("named", "file", "name"),
    [(scorers, "scorers", "rouge"), (metrics, "metrics", "ece"), (methods, "methods", "choose")],
)
def test_a_name_that_evalkit_has_is_refused_with_both_places(put: Any, named: Any, file: str, name: str) -> None:
    kind = file.removesuffix("s")
    path = put(f"{file}/mine.py", f"META = {{'name': {name!r}}}\ndef {kind}(): ...\n")
    for refused in (lambda: named.by_name(name), lambda: index(kind)):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=f"two {kind}s are named {name!r}") as caught:
            refused()
        assert str(path) in caught.value.found
        assert "(built-in)" in caught.value.found


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def scorer():\n    return 3\n", r"must return a Scorer"),
        ("def scorer():\n    raise KeyError('x')\n", r"bad\.py:3: KeyError"),
        ("def scorer(*, n: Missing = 1):\n    return 3\n", r"NameError"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(put: Any, body: str, says: str) -> None:
    put("scorers/bad.py", "META = {'name': 'bad'}\n" + body)
    with pytest.raises(UsageError, match=says) as caught:
        scorers.by_name("bad")
    assert "bad.py:" in str(caught.value)


def test_a_yaml_task_means_the_plugins_of_its_own_project(put: Any, tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("scorers/polite.py", "metrics/best.py", "methods/shouted.py", "judges/brief.py", "tasks/manners.yaml"):
        put(name, FILES[name])
    path = put("rows.jsonl", ROWS).parent / "tasks" / "manners.yaml"
    monkeypatch.chdir(tmp_path)
    task = load("task", str(path))
    assert isinstance(task, Task)
    assert [metric.name for metric in task.metrics] == ["polite", "brief", "best"]
    assert task.method.name == "shouted"
    with pytest.raises(UsageError, match="no scorer named 'polite'"):
        scorers.by_name("polite")


# ---------------------------------------------------------------- models


def replied(model: models.ProviderEntry | Any) -> str:
    return asyncio.run(model.answer(Generate(Prompt("a question"), max_tokens=3))).texts[0]


def test_a_file_in_models_is_a_provider(put: Any, project: Path, tmp_path: Path) -> None:
    put("models/echo.py", MODEL)
    assert models.providers()[-1].example == "echo/NAME"
    model = models.resolve("echo/me/too,tail=3")
    assert (model.identity.name, replied(model)) == ("echo/me/too", "me/too ion")
    assert replied(models.resolve("echo/x", {"tail": "1"}, project=project)) == "x n"
    with pytest.raises(UsageError, match="no model provider named 'echo'"):
        models.resolve("echo/x", project=tmp_path)


def test_an_edited_model_is_another_one_for_the_cache(put: Any) -> None:
    put("models/echo.py", MODEL)
    before = models.resolve("echo/x").identity
    put("models/echo.py", MODEL + EDIT)
    after = models.resolve("echo/x").identity
    assert (before.name, before.digest != after.digest) == (after.name, True)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("echo/x,tale=3", "the model 'echo' has no option 'tale'"),
        ("echo/x,tail=long", "bad value for the option 'tail'"),
        ("ecko/x", "did you mean 'echo'"),
        ("three/x", "must return a Model"),
        ("none/x", "cannot be loaded"),
    ],
)
def test_mistakes_with_a_model_are_usage_errors(put: Any, spec: str, says: str) -> None:
    put("models/echo.py", MODEL)
    put("models/three.py", "META = {'name': 'three'}\ndef model(name, /):\n    return 3\n")
    put("models/none.py", "META = {'name': 'none'}\n")
    with pytest.raises(UsageError, match=says):
        models.resolve(spec)


def test_a_provider_of_a_built_in_name_is_refused_with_its_place(put: Any) -> None:
    path = put("models/mine.py", "META = {'name': 'tiny'}\ndef model(name, /): ...\n")
    with pytest.raises(UsageError, match="two model providers are named 'tiny'") as caught:
        models.resolve("tiny")
    assert str(path) in caught.value.found


def test_other_softwares_models_and_commands_are_no_plugins(put: Any) -> None:
    """Folders of these names are common: what has no META is left alone, whatever it defines."""
    put("models/tiny.py", "raise SystemExit('run')\n\ndef model(name):\n    ...\n")
    put("commands/run.py", "raise SystemExit('run')\n\ndef command():\n    ...\n")
    assert models.resolve("tiny").identity.name == "tiny"
    assert (index("model"), index("command")) == ((), ())
    assert "Your commands" not in CliRunner().invoke(cli, ["--help"]).output


# ---------------------------------------------------------------- commands


def test_a_command_of_a_built_in_name_is_left_out_and_the_list_says_so(put: Any) -> None:
    path = put("commands/mine.py", FILES["commands/greet.py"].replace('"greet"', '"cache"'))
    assert "Your commands" not in CliRunner().invoke(cli, ["--help"]).output
    done = CliRunner().invoke(cli, ["list", "commands"])
    assert str(path) in done.stderr
    assert "Show the response cache" in CliRunner().invoke(cli, ["cache", "--help"]).output


def test_a_command_may_be_an_object_or_come_from_a_function(put: Any) -> None:
    say = "import click\nMETA = {{'name': {0!r}}}\ndef _say():\n    click.echo({0!r})\n"
    put("commands/one.py", say.format("one") + "command = click.Command('x', callback=_say)\n")
    put("commands/two.py", say.format("two") + "def command():\n    return click.Command('x', callback=_say)\n")
    put("commands/bad.py", "META = {'name': 'bad'}\ncommand = 3\n")
    assert [CliRunner().invoke(cli, [name]).output for name in ("one", "two")] == ["one\n", "two\n"]
    with pytest.raises(UsageError, match="must be one of click's"):
        CliRunner().invoke(cli, ["bad"], catch_exceptions=False)
