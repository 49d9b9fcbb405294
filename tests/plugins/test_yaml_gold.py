"""The forms in which a YAML task says which choices are right, where an index and a text could be confused."""

import pytest

from evalkit.core import Row, UsageError
from evalkit.plugins import load

TASK = """
name: made
summary: made up
data: rows.jsonl
prompt: "{{ q }}"
choices: options
gold: GOLD
fewshot: FEWSHOT
"""


@pytest.fixture
def made(tmp_path):
    def load_made(gold, fewshot="0"):
        path = tmp_path / "made.yaml"
        path.write_text(TASK.replace("GOLD", gold).replace("FEWSHOT", fewshot), encoding="utf-8")
        return load("task", str(path))

    return load_made


def gold(task, right, options=("2", "1", "8")):
    return task.sample(Row("r", {"q": "How many?", "options": list(options), "right": right}, "rows.jsonl:1")).gold


def test_an_index_is_an_index_whatever_the_choices_say(made):
    assert gold(made("{index: right}"), 2) == (2,)
    assert gold(made('{index: "{{ options.index(right) }}"}'), "8") == (2,)
    with pytest.raises(UsageError, match="could be an index or a choice's text"):
        gold(made("right"), 2)


def test_labels_mark_every_right_choice(made):
    assert gold(made("{labels: right}"), [1, 0, 1]) == (0, 2)
    assert gold(made("{labels: right}"), [0, 0, 1], ("same", "same", "same")) == (2,)


@pytest.mark.parametrize("right", [3, -1, "2", True, None, 1.0])
def test_what_is_no_index_is_an_error_with_line_and_row(made, right):
    with pytest.raises(UsageError, match=r"made\.yaml:7: index: the gold is not an index.*\n.*rows\.jsonl:1"):
        gold(made("{index: right}"), right)


@pytest.mark.parametrize("right", [[1, 0], [0, 0, 0], [1, 0, 2], [1, 0, "1"]])
def test_labels_that_do_not_fit_are_an_error(made, right):
    with pytest.raises(UsageError, match=r"made\.yaml:7: labels: the labels do not say"):
        gold(made("{labels: right}"), right)


@pytest.mark.parametrize("form", ["{index: a, labels: b}", "{}"])
def test_one_form_is_needed(made, form):
    with pytest.raises(UsageError, match=r"made\.yaml:7: gold: write index or labels"):
        made(form)


def test_spare_is_said_with_the_examples(made):
    assert made("right", "{k: 2, spare: true}").fewshot.spare is True
    assert made("right", "2").fewshot.spare is False
    with pytest.raises(UsageError, match=r"made\.yaml:8: spare: this must be true or false"):
        made("right", "{k: 2, spare: 1}")
