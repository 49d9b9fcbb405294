"""What of a written text is the answer: stop strings cut it alone, and what was cut is kept."""

from __future__ import annotations

import pytest

from evalkit.core import Usage
from evalkit.models.replies.answer import CUT_IN_REASONING, Answer, cut, read_answer, reply_of
from evalkit.models.replies.markers import ANY, NONE, WRAPPERS, Markers, Tags, markers_of


@pytest.mark.parametrize(
    ("text", "stops", "answer", "thought", "rest"),
    [
        ("Lima\nQ: next", ["\n", "Q:"], "Lima", "", "\nQ: next"),
        ("\nLima", ["\n"], "", "", "\nLima"),
        ("Lima", [], "Lima", "", ""),
        ("Lima", [""], "Lima", "", ""),
        ("<think>Which?\nLima.</think>Lima\nQ: next", ["\n", "Q:"], "Lima", "Which?\nLima.", "\nQ: next"),
        ("<think>Which?\n\nLima.</think>\n\nLima\n\nMore", ["\n\n"], "Lima", "Which?\n\nLima.", "\n\nMore"),
        ("<think>a</think>\n \t\n    return x\nprint()", ["\nprint"], "    return x", "a", "\nprint()"),
        ("<think>a</think> Lima", [], " Lima", "a", ""),
        ("Which?\nLima.\n</think>\nLima\nMore", ["\n"], "Lima", "Which?\nLima.", "\nMore"),
        ("<think>Q:</think>Lima", ["Q:"], "Lima", "Q:", ""),
        ("<think>a</think><think>b</think>Lima", [], "Lima", "a\n\nb", ""),
    ],
)
def test_stop_strings_end_the_answer(text: str, stops: list[str], answer: str, thought: str, rest: str) -> None:
    found = read_answer(text, stops, "eos")
    assert found == Answer(answer, "stop" if rest else "eos", thought, rest)
    assert cut(text, stops) == (answer, bool(rest))


@pytest.mark.parametrize("tags", WRAPPERS, ids=lambda tags: tags.opening)
def test_marks_around_the_answer_are_none_of_it(tags: Tags) -> None:
    text = f"<think>a</think>\n{tags.opening}\n    Lima\n{tags.closing}\n"
    assert read_answer(text, [], "eos").text == "    Lima\n"
    assert read_answer(text, ["\n"], "eos").text == "    Lima"
    assert read_answer(f"<think>a</think>{tags.opening}Li", [], "length").text == "Li"


def test_answer_tags_are_taken_off_where_a_template_names_them_alone() -> None:
    text = "<think>a</think>\n<answer>Lima</answer>"
    assert read_answer(text, [], "eos").text == "<answer>Lima</answer>"
    named = markers_of("{{ content.split('</think>')[-1] }}<answer>", [])
    assert read_answer(text, [], "eos", named).text == "Lima"


@pytest.mark.parametrize("stop", ["</think>", "</think>\n\n", "</THINK>"])
def test_who_stops_at_the_end_of_a_thought_reads_the_thought(stop: str) -> None:
    assert read_answer("<think>Which?", [stop, "\n"], "stop").text == "<think>Which?"
    found = read_answer(f"Which?{stop}Lima", [stop, "Q:"], "eos", Markers(ANY.tags, opened=True))
    assert (found.text, found.cut) == ("Which?", f"{stop}Lima")
    assert read_answer("[THINK]a[/THINK]Lima", [stop], "eos").text == "Lima", "other marks are still marks"


def test_thought_that_a_server_keeps_apart_is_kept_with_what_it_left() -> None:
    found = read_answer("\n\nLima\n\nMore", ["\n\n"], "stop", thought="Which?")
    assert found == Answer("Lima", "stop", "Which?", "\n\nMore")
    assert read_answer("</think>Lima", [], "stop", thought="Which?").text == "Lima"


@pytest.mark.parametrize("text", ["<think>Which? Lima\n", "Lima\n<think>or"])
def test_a_thought_that_goes_on_leaves_no_answer(text: str) -> None:
    found = read_answer(text, ["\n"], "length")
    assert (found.text, found.finish, found.finished) == ("", "length", False)
    assert "Lima" in found.thought


def test_a_reply_that_begins_inside_a_thought_and_never_ends_it() -> None:
    opened = Markers(ANY.tags, opened=True)
    assert read_answer("Lima, I think", [], "length", opened) == Answer("", "length", "Lima, I think", finished=False)
    assert read_answer("Lima?</think>Lima", [], "eos", opened).text == "Lima"
    assert read_answer("Lima, I think", [], "length").text == "Lima, I think"


def test_without_marks_all_of_it_is_the_answer() -> None:
    assert read_answer("<think>a\n</think>b", ["\n"], "eos", NONE).text == "<think>a"


def test_special_tokens_end_a_text_and_are_not_shown() -> None:
    found = read_answer("Li<|x|>ma<|eot|>More", ["<|eot|>"], "length", special=["<|x|>", "<|eot|>"])
    assert (found.text, found.finish) == ("Lima", "stop")
    # The stop string is there once the special token in it is gone.
    assert read_answer("Lima Q<|x|>: b", ["Q:"], "length", special=["<|x|>"]).text == "Lima "
    assert read_answer("<think>a<|x|>b</think>Lima", [], "eos", special=["<|x|>"]).thought == "ab"


@pytest.mark.parametrize(
    ("answers", "usage", "notes"),
    [
        ([Answer("Lima", "length", "a")], Usage(), ()),
        ([Answer("", "length", "a")], Usage(), (CUT_IN_REASONING,)),
        ([Answer("", "length")], Usage(), ()),
        ([Answer("", "length")], Usage(reasoning_tokens=3), (CUT_IN_REASONING,)),
        ([Answer("", "eos", "a", finished=False)], Usage(), (CUT_IN_REASONING,)),
        ([Answer("", "eos", "a")], Usage(), ()),
        ([Answer("no", "refused"), Answer("yes", "stop")], Usage(), ("refused",)),
    ],
)
def test_a_reply_says_that_it_was_cut_in_its_thought(
    answers: list[Answer], usage: Usage, notes: tuple[str, ...]
) -> None:
    reply = reply_of(answers, usage)
    assert reply.notes == notes
    assert reply.texts == tuple(answer.text for answer in answers)
    assert reply.thought_apart
