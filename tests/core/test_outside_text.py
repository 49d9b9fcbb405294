"""Text from outside, for each place that would obey it. The corpus is a list to which a line can be added."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core.outside_text import (
    csv_cell,
    in_log,
    json_text,
    markdown_code,
    markdown_text,
    one_line,
    visible,
    workflow_data,
    workflow_property,
    xml_text,
)
from tests.hostile import CORPUS

HOSTILE = st.one_of(st.sampled_from(CORPUS), st.text(), st.lists(st.sampled_from(CORPUS), max_size=3).map("\n".join))
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\ud800-\udfff]")


@given(HOSTILE)
def test_a_terminal_is_told_nothing(text: str) -> None:
    for shown in (visible(text), in_log(text, {}), in_log(text, {"GITHUB_ACTIONS": "true"}), one_line(text)):
        assert not OBEYED.search(shown)
        shown.encode("utf-8")
    assert "\n" not in one_line(text) and "\t" not in one_line(text)


@given(HOSTILE)
def test_a_jobs_log_is_told_nothing(text: str) -> None:
    """The runner's own rules: a line that begins with :: after blanks, and ##[ or ##vso[ wherever it stands."""
    shown = in_log(text, {"GITHUB_ACTIONS": "true"})
    assert not any(line.strip().startswith("::") for line in shown.split("\n"))
    assert not re.search(r"##\w*\[", shown)
    assert in_log(shown, {"GITHUB_ACTIONS": "true"}) == shown


def test_outside_of_a_job_code_is_shown_as_it_is() -> None:
    assert in_log("::std::vector\n##[a]", {}) == "::std::vector\n##[a]"


@given(HOSTILE)
def test_json_keeps_its_value_and_shows_nothing_raw(text: str) -> None:
    document = json.dumps({"a": text}, ensure_ascii=False)
    assert json.loads(json_text(document)) == {"a": text}
    assert not OBEYED.search(json_text(document))


@given(HOSTILE)
def test_a_workflow_command_ends_where_it_should(text: str) -> None:
    for made in (workflow_data(text), workflow_property(text)):
        assert "\n" not in made and "\r" not in made and not OBEYED.search(made)
    assert ":" not in workflow_property(text) and "," not in workflow_property(text)


@given(HOSTILE)
def test_inline_code_cannot_end_itself(text: str) -> None:
    made = markdown_code(text, in_table=True)
    fence = re.match(r"`+", made)
    assert fence is not None and made.endswith(fence[0]) and "\n" not in made
    inner = made[len(fence[0]) : -len(fence[0])]
    assert not re.search(rf"(?<!`)`{{{len(fence[0])}}}(?!`)", inner)
    assert not re.search(r"(?<!\\)\|", inner)


@given(HOSTILE)
def test_a_sentence_of_markdown_is_a_sentence(text: str) -> None:
    """Rendered by a CommonMark renderer with GitHub's extensions, it is one paragraph of text."""
    markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py renders")
    made = markdown_text("x " + text)
    html = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(made)
    assert not re.search(r"<(?!/?p>|!-- -->)", html), html
    assert not re.search(r"(?<!>)@\w|(?<![>&\w])#\w|://|\bwww\.", made.replace("<!-- -->", "\0"))


@given(HOSTILE)
def test_a_cell_is_no_formula(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([csv_cell(text)])
    ((cell,),) = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert not OBEYED.search(cell)
    assert not re.match(r"[\s\"'\u3000]*[=+\-@＝＋－＠|%]", cell) or cell.startswith("'")


@pytest.mark.parametrize("value", [1, 2.5, True, "a = b", "3-4", "naïve", ""])
def test_what_is_harmless_stays(value: object) -> None:
    assert csv_cell(value) == value


def test_markdown_keeps_what_is_harmless() -> None:
    assert markdown_text("toy_mmlu acc 96.7% (90.1 – 99.0): a/b") == "toy_mmlu acc 96.7% (90.1 – 99.0): a/b"


@given(HOSTILE)
def test_xml_is_read_back(text: str) -> None:
    element = ElementTree.Element("a", name=xml_text(text))
    element.text = xml_text(text)
    back = ElementTree.fromstring(ElementTree.tostring(element, encoding="unicode"))
    assert (back.text or "") == xml_text(text) and not OBEYED.search(back.text or "")


def test_a_bar_is_escaped_where_a_table_would_end_its_cell() -> None:
    assert markdown_code("a|b", in_table=True) == "`a\\|b`"
    assert markdown_code("a|b") == "`a|b`"
