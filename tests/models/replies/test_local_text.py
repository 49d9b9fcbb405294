"""Tokens that a local model writes become text with what stands before them, and end at a stop string of the answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("transformers")

from evalkit.models.replies.answer import read_answer
from evalkit.models.replies.detokenize import Detokenizer
from evalkit.models.replies.local_text import LocalText, TextReader
from evalkit.models.replies.markers import ANY, Markers, Tags
from tests.models.scripted import byte_level, chunk_ids, sentence_pieces

THINK = Markers((Tags("<think>", "</think>"),), own=True)


def written(tokenizer: Any, ids: Sequence[int], markers: Markers, stops: Sequence[str], prompt: str = "") -> list[int]:
    """The ids that come until the text is ended by a stop string."""
    text = TextReader(Detokenizer(tokenizer), markers).begun(prompt, tokenizer(prompt)["input_ids"], stops)
    found: list[int] = []
    for token in ids:
        found.append(token)
        if text.ends(found):
            break
    return found


@pytest.mark.parametrize("goes_on", ["    return x", " x", "x", "\n  y", "\n\n    return x"])
def test_a_text_is_what_the_prompt_and_it_read_as_without_the_prompt(goes_on: str) -> None:
    """Oracle: the tokenizer's text of prompt and reply together."""
    tokenizer = sentence_pieces(["return", "def", "x"])
    prompt = 'def f(x):\n    """d"""\n'
    ids, whole = tokenizer(prompt)["input_ids"], tokenizer(prompt + goes_on)["input_ids"]
    assert whole[: len(ids)] == ids and tokenizer.decode(whole, skip_special_tokens=True) == prompt + goes_on
    own = tokenizer.decode(whole[len(ids) :])
    assert own == goes_on.removeprefix(" "), "what this tokenizer makes of the written ids alone"
    text = TextReader(Detokenizer(tokenizer), ANY).begun(prompt, ids, ())
    assert text.answer(whole[len(ids) :], "length").text == goes_on


def test_a_text_that_stands_alone_begins_without_the_blank_that_a_tokenizer_writes() -> None:
    tokenizer = sentence_pieces(["return"])
    detokenizer = Detokenizer(tokenizer)
    ids = tokenizer("return return", add_special_tokens=False)["input_ids"]
    assert detokenizer.before([tokenizer.bos_token_id]) == ()
    assert detokenizer.text((), ids).text == "return return"
    assert detokenizer.text(detokenizer.before(tokenizer("return")["input_ids"]), ids).text == " return return"


def test_a_stop_string_with_a_leading_blank_ends_a_text_with_its_first_word() -> None:
    tokenizer = sentence_pieces(["return", "x"])
    ids = tokenizer("x return x")["input_ids"][2:]
    assert written(tokenizer, ids, ANY, [" return"], "x") == ids[:1]


def test_characters_whose_bytes_lie_in_several_tokens() -> None:
    chunks = [b"a\xe9", b"\xbe", b"\x8d\xe2", b"\x82\xac!"]
    tokenizer = byte_level(chunks)
    ids = chunk_ids(tokenizer, chunks)
    text = TextReader(Detokenizer(tokenizer), ANY).begun("é", tokenizer("é")["input_ids"], ())
    assert text.answer(ids, "length").text == "a龍€!"
    assert written(tokenizer, ids, ANY, ["龍"], "é") == ids[:3]


def test_blanks_before_signs_are_kept() -> None:
    """transformers tidies them for tokenizers that say so; in code that is another program."""
    tokenizer = byte_level(["x", " !=", " ,", " n't"])
    tokenizer.clean_up_tokenization_spaces = True
    ids = chunk_ids(tokenizer, ["x", " !=", " ,", " n't"])
    seen: dict[str, Any] = {}

    class Spy:
        all_special_ids = tokenizer.all_special_ids

        def decode(self, ids: list[int], **how: Any) -> str:
            seen.update(how)
            return str(tokenizer.decode(ids, **how))

    assert Detokenizer(Spy()).text((), ids).text == "x != , n't"
    assert seen["clean_up_tokenization_spaces"] is False


@pytest.mark.parametrize(
    ("chunks", "stops", "count", "answer"),
    [
        (["<think>", "a", "\n", "</think>", "Li", "ma", "\n\n", "More"], ["\n"], 7, "Lima"),
        (["<thi", "nk>a", "\nb</", "think", ">", "\n\n ", "Lima", "\n", "More"], ["\n"], 8, " Lima"),
        (["\n", "<think>", "a\n", "</think>", "Lima", "Q", "Q:"], ["\n", "Q:"], 7, "LimaQ"),
        (["\n", "<thi", "nk>", "a\n", "</think>Lima", "Q:"], ["\n", "Q:"], 6, "Lima"),
        (["Lima", "\n", "More"], ["\n"], 2, "Lima"),
        (["\nLi", "ma"], ["\n"], 1, ""),
        (["<think>", "a", "\n", "b"], ["\n"], 4, ""),
        (["<think>a</think>Li", "ma<think>", "\n", "</think>", "2", "\n3"], ["\n"], 6, "Lima2"),
    ],
)
def test_stop_strings_end_the_answer_of_a_thinking_model(
    chunks: list[str], stops: list[str], count: int, answer: str
) -> None:
    tokenizer = byte_level(chunks)
    ids = chunk_ids(tokenizer, chunks)
    found = written(tokenizer, ids, THINK, stops)
    assert found == ids[:count]
    text = TextReader(Detokenizer(tokenizer), THINK).begun("", (), stops)
    assert text.answer(found, "length").text == answer


@pytest.mark.parametrize(
    ("ending", "opened"), [("<think>", True), ("<think>\n", True), ("<think>\n\n</think>\n", False)]
)
def test_a_prompt_that_ends_with_an_opening_mark_begins_a_thought(ending: str, opened: bool) -> None:
    tokenizer = byte_level(["Which\n", "</think>", "Lima\n"])
    prompt, ids = f"<|user|>?<|assistant|>{ending}", chunk_ids(tokenizer, ["Which\n", "</think>", "Lima\n"])
    found = written(tokenizer, ids, THINK, ["\n"], prompt)
    text = TextReader(Detokenizer(tokenizer), THINK).begun(prompt, tokenizer(prompt)["input_ids"], ["\n"])
    assert found == (ids if opened else ids[:1])
    assert text.answer(found, "stop").text == ("Lima" if opened else "Which")
    assert text.answer(ids[:1], "length").finished is not opened


def test_a_conversation_that_begins_the_reply_with_a_thought_goes_on_in_it() -> None:
    tokenizer = byte_level(["Which\n", "</think>Lima"])
    reader = TextReader(Detokenizer(tokenizer), THINK)
    ids = chunk_ids(tokenizer, ["Which\n", "</think>Lima"])
    text = reader.begun("<|assistant|><think>Hm.", (), ["\n"], reply="<think>Hm.")
    assert not text.ends(ids[:1]) and text.answer(ids, "length").text == "Lima"
    assert reader.begun("<|assistant|>Hm.", (), ["\n"], reply="Hm.").ends(ids[:1])


def test_channels_whose_marks_are_special_tokens() -> None:
    special = ["<|channel|>", "<|message|>", "<|start|>", "<|return|>"]
    # A token comes once in a script, so the header is written with other tokens that read alike.
    chunks = ["<|channel|>", "analysis", "<|message|>", "a\n", "<|end|>", "<|start|>", "assistant"]
    tokenizer = byte_level([*chunks, "final", "Li", "ma", "\nMore"], special)
    ids = chunk_ids(tokenizer, [*chunks, "<|channel|>", "final", "<|message|>", "Li", "ma", "\nMore"])
    own = Markers(channels=True, own=True)
    found = written(tokenizer, ids, own, ["\n"])
    assert found == ids
    text = TextReader(Detokenizer(tokenizer), own).begun("", (), ["\n"])
    answer = text.answer(found, "stop")
    assert (answer.text, answer.thought, answer.cut) == ("Lima", "a", "\nMore")
    assert text.thought_tokens(found) == 10
    begun = TextReader(Detokenizer(tokenizer), own).begun("<|channel|>analysis<|message|>", (), ["\n"])
    assert not begun.ends(ids[3:4]) and not begun.answer(ids[3:4], "length").finished


def test_thought_is_counted_in_tokens() -> None:
    chunks = ["<think>", "a", "b", "</think>", "Li", "ma"]
    tokenizer = byte_level(chunks)
    ids = chunk_ids(tokenizer, chunks)
    text = LocalText(Detokenizer(tokenizer), THINK, (), ())
    assert [text.thought_tokens(ids[:count]) for count in range(1, 7)] == [1, 2, 3, 4, 4, 4]
    assert text.thought_tokens(chunk_ids(tokenizer, ["Li", "ma"])) == 0


def test_tokens_as_they_come_end_where_the_whole_text_ends() -> None:
    """Random texts in random tokens. Oracle: the reader of whole texts over every beginning."""
    rng = random.Random(7)
    units = ["<think>", "</think>", "\n", "Q:", "a", " b", "</", "think", ">", "<", "Lima"]
    for _ in range(300):
        text = "".join(rng.choice(units) for _ in range(rng.randrange(1, 14)))
        cuts = sorted({0, len(text), *(rng.randrange(len(text)) for _ in range(rng.randrange(len(text))))})
        chunks = [text[a:b] for a, b in pairwise(cuts)]
        tokenizer = byte_level(chunks)
        for markers in (ANY, Markers(ANY.tags, opened=True)):
            found: list[int] = []
            one = LocalText(Detokenizer(tokenizer), markers, (), ("\n", "Q:"))
            for count, token in enumerate(chunk_ids(tokenizer, chunks), 1):
                found.append(token)
                whole = read_answer("".join(chunks[:count]), ("\n", "Q:"), "", markers)
                assert one.ends(found) is (whole.finish == "stop"), (chunks, count)
                if whole.finish:
                    break


def test_a_long_thought_full_of_stop_strings_costs_no_more_a_token_than_a_short_one() -> None:
    tokenizer = byte_level(["<think>", "a\n", "</think>"])
    looked: list[int] = []

    class Spy:
        all_special_ids = tokenizer.all_special_ids

        def decode(self, ids: list[int], **how: bool) -> str:
            looked.append(len(ids))
            return str(tokenizer.decode(ids, **how))

    opening, line, closing = chunk_ids(tokenizer, ["<think>", "a\n", "</think>"])
    one = LocalText(Detokenizer(Spy()), THINK, (), ("\n",))
    found: list[int] = []
    for token in [opening, *[line] * 3000, closing, line]:
        found.append(token)
        assert one.ends(found) is (len(found) == 3003)
    long = [count for count in looked if count > len("</think>") + 2]
    assert len(long) < 10, "the whole text is read where the thought is begun and where it is closed"


def test_a_stop_string_that_closes_a_thought_ends_the_text_there() -> None:
    chunks = ["Which\n", "one?", "</think>", "Lima"]
    tokenizer = byte_level(chunks)
    ids = chunk_ids(tokenizer, chunks)
    found = written(tokenizer, ids, THINK, ["</think>"], "<|assistant|><think>")
    assert found == ids[:3]
    assert written(tokenizer, ids, THINK, ["</think>", "\n"], "<|assistant|><think>") == ids[:1]
    text = TextReader(Detokenizer(tokenizer), THINK).begun("<think>", (), ["</think>"])
    assert (text.answer(found, "stop").text, text.answer(found, "stop").thought) == ("Which\none?", "")
