"""Where a text ends: stop strings over tokens and characters over bytes, found with a bounded look back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

pytest.importorskip("torch")

from evalkit.models.hf.generation.stream import Stream
from evalkit.models.replies.detokenize import Detokenizer
from evalkit.models.replies.local_text import LocalText
from evalkit.models.replies.markers import ANY
from tests.examples import examples


def pushed(tokenizer: Any, ids: Sequence[int], *stops: str) -> Stream:
    stream = Stream((0,), 10_000, LocalText(Detokenizer(tokenizer), ANY, (), stops), frozenset())
    for token in ids:
        if stream.push(token):
            break
    return stream


def ended(stream: Stream) -> tuple[str, str]:
    answer = stream.result()
    return answer.text, answer.finish


def test_a_character_over_several_tokens_ends_a_text_with_its_last_byte(tokenizer: Any) -> None:
    ids = tokenizer("x 龍 y", add_special_tokens=False)["input_ids"]
    assert all("龍" not in tokenizer.decode([token]) for token in ids), "made of bytes here"
    stream = pushed(tokenizer, ids, "龍")
    assert stream.finish == "stop"
    assert ended(stream) == ("x ", "stop")
    assert tokenizer.decode(stream.written).endswith("龍")


@examples(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.sampled_from("ab \nsé東🙂"), max_size=30),
    stops=st.lists(st.text(st.sampled_from("ab \nsé東🙂"), min_size=1, max_size=5), max_size=3),
)
def test_a_text_ends_with_the_first_token_that_completes_a_stop_string(
    tokenizer: Any, text: str, stops: list[str]
) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    ends = [
        count
        for count in range(1, len(ids) + 1)
        if any(stop in tokenizer.decode(ids[:count], skip_special_tokens=False) for stop in stops)
    ]
    stream = pushed(tokenizer, ids, *stops)
    assert len(stream.written) == (ends[0] if ends else len(ids))
    assert stream.finish == ("stop" if ends else "")
    if ends:
        # What would have come behind that token was never written: a stop that ends there does not count.
        written = tokenizer.decode(ids[: ends[0]], skip_special_tokens=False)
        first = min(place for stop in stops if (place := written.find(stop)) >= 0)
        assert ended(stream) == (text[:first], "stop")


def test_a_step_looks_back_no_further_than_the_longest_stop_string(tokenizer: Any) -> None:
    looked: list[int] = []

    class Spy:
        def decode(self, ids: Sequence[int], **how: bool) -> str:
            looked.append(len(ids))
            return str(tokenizer.decode(ids, **how))

    pushed(Spy(), [70 + n % 20 for n in range(3000)], "Question:", "\n\n")
    assert len(looked) == 3000
    assert max(looked) <= len("Question:") + 2
