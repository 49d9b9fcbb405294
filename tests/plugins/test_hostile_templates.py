"""Every key of a task or judge in YAML that is rendered, with templates that a stranger could have written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import yaml

import evalkit
from evalkit.core import UsageError
from evalkit.plugins import yaml_judge, yaml_task
from evalkit.plugins.load import load
from evalkit.plugins.yaml_tree import read_yaml

ROW = {"question": "1 + 1?", "options": ["1", "2"], "right": 1, "ref": "two", "name": "a", "topic": "sums"}
CHOOSE = {"data": "rows.jsonl", "prompt": "{{ question }}", "choices": "options", "gold": "right"}
ANSWER = {"data": "rows.jsonl", "prompt": "{{ question }}", "answer": "ref"}
IMAGE = {**ANSWER, "image": "ref"}
RENDERED = {
    "prompt": (ANSWER, "{0}"),
    "answer": (ANSWER, "{0}"),
    "target": ({"data": "rows.jsonl", "prompt": "{{ question }}"}, "{0}"),
    "choices": (CHOOSE, "{0}"),
    "a choice": (CHOOSE, ["1", "{0}"]),
    "gold": (CHOOSE, "{0}"),
    "gold.index": (CHOOSE, {"index": "{0}"}),
    "gold.labels": (CHOOSE, {"labels": "{0}"}),
    "description": (ANSWER, "{0}"),
    "answer_format": (ANSWER, "{0}"),
    "gen_prefix": (ANSWER, "{0}"),
    "id": (ANSWER, "{0}"),
    "groups": (ANSWER, ["{0}"]),
    "cluster": (ANSWER, "{0}"),
    "image": (IMAGE, "{0}"),
}
"""key → the rest of the task, and the form of its value, in which {0} is the template."""
PLAIN = {
    "recommended",
    *("name", "summary", "tags", "version", "data", "examples", "delimiter", "separator", "method", "stop"),
    *("max_tokens", "scorers", "metrics", "primary_metric", "fewshot", "sample"),
}
HOSTILE = {
    "code": "{{ cycler.__init__.__globals__.os.system('touch ran') }}",
    "builtins": "{{ question.__class__.__mro__[1].__subclasses__() }}",
    "memory": "{{ 'x' * 900000000 }}",
    "time": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{{ question }}",
    "growth": "{% set n = namespace(x='ab') %}{% for i in range(50) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
}


def test_every_key_is_known_to_be_rendered_or_plain() -> None:
    """A key that is added has to be put in one of the two tables above."""
    keys = {key.partition(".")[0] for key in RENDERED if key != "a choice"}
    assert keys | PLAIN == set(yaml_task.KEYS) and not keys & PLAIN
    assert set(yaml_judge._KEYS) == {*PLAIN & set(yaml_judge._KEYS), "prompt", "criteria", "reference"}


def filled(form: object, text: str) -> object:
    if isinstance(form, dict):
        return {key: filled(value, text) for key, value in form.items()}
    if isinstance(form, list):
        return [filled(value, text) for value in form]
    return str(form).replace("{0}", text)


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("key", RENDERED)
def test_a_hostile_template_in_a_task_is_refused(
    key: str, attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rest, form = RENDERED[key]
    named = "choices" if key == "a choice" else key.partition(".")[0]
    Path("rows.jsonl").write_text(json.dumps(ROW) + "\n")
    Path("theirs.yaml").write_text(yaml.safe_dump({**rest, named: filled(form, HOSTILE[attack])}))
    began = time.thread_time()
    with pytest.raises(UsageError) as caught:
        evalkit.run("theirs.yaml", "tiny", out="run", cache=False)
    assert "theirs.yaml:" in caught.value.at
    assert not Path("ran").exists()
    assert time.thread_time() - began < 15


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("beside", [False, True])
def test_and_in_a_judge(attack: str, beside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = HOSTILE[attack].replace("question", "answer") + "\n"
    Path("words.txt").write_text(text)
    rubric = {"criteria": {"polite": {"levels": {1: "no", 2: "yes"}}}, "prompt": "words.txt" if beside else text}
    Path("theirs.yaml").write_text(yaml.safe_dump(rubric))
    load("judge", "./theirs.yaml")
    prompt = yaml_judge._prompt(read_yaml(Path("theirs.yaml")).mapping()["prompt"])
    with pytest.raises(UsageError, match="uses something that templates may not use"):
        prompt.render({"answer": "a", "criteria": [], "reference": ""})
    assert not Path("ran").exists()


def test_a_judges_prompt_lies_in_the_judges_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a key")
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "theirs.yaml"
    path.write_text("criteria: {polite: {levels: {1: no, 2: yes}}}\nprompt: ../secret.txt\n")
    with pytest.raises(UsageError, match="outside the judge's folder") as caught:
        load("judge", str(path))
    assert caught.value.at == f"{path}:2"
