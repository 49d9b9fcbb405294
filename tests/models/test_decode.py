"""The decoding loop over a scripted model: who is computed at every step, and where a text ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from evalkit.models.hf.generation.decode import decode  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.sampling import next_tokens  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.stream import Stream  # noqa: E402 (needs torch)
from evalkit.models.replies.detokenize import Detokenizer  # noqa: E402 (needs torch)
from evalkit.models.replies.local_text import LocalText  # noqa: E402 (needs torch)
from evalkit.models.replies.markers import ANY  # noqa: E402 (needs torch)

EOS = 0


class Letters:
    """One token a letter; EOS reads as "$", a special token."""

    all_special_ids = (EOS,)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool) -> str:
        return "".join("$" if token == EOS else chr(token) for token in ids if token != EOS or not skip_special_tokens)


class Alphabet:
    """Writes the letter after the last one. Remembers how many texts every step had."""

    def __init__(self) -> None:
        self.last: list[int] = []
        self.steps: list[int] = []

    def start(self, prompts: Sequence[tuple[int, ...]]) -> Any:
        self.last = [prompt[-1] for prompt in prompts]
        return self._logits()

    def step(self, tokens: Sequence[int]) -> Any:
        assert len(tokens) == len(self.last), "one token for every text that is left"
        self.last = list(tokens)
        return self._logits()

    def keep(self, places: Sequence[int]) -> None:
        self.last = [self.last[place] for place in places]

    def release(self) -> None:
        self.last = []

    def _logits(self) -> Any:
        self.steps.append(len(self.last))
        logits = torch.zeros(len(self.last), 128)
        for row, token in enumerate(self.last):
            logits[row, EOS if token == ord("z") else token + 1] = 5.0
        return logits


def stream(prompt: str, limit: int = 50, *stops: str, **settings: Any) -> Stream:
    ids = tuple(map(ord, prompt))
    return Stream(ids, limit, LocalText(Detokenizer(Letters()), ANY, (), stops), frozenset({EOS}), **settings)


def ended(one: Stream) -> tuple[str, str]:
    answer = one.result()
    return answer.text, answer.finish


def test_texts_end_at_their_own_limit_stop_or_end_of_text() -> None:
    streams = [stream("a", 3), stream("a", 50, "fg"), stream("x"), stream("m", 50, "op", "n")]
    assert list(decode(Alphabet(), streams, lambda place: True)) == [3, 0, 2, 1]
    assert [ended(s) for s in streams] == [("bcd", "length"), ("bcde", "stop"), ("yz", "eos"), ("", "stop")]
    assert [len(s.written) for s in streams] == [3, 6, 3, 1]


def test_a_stop_string_over_many_tokens_ends_a_text_with_its_last_one() -> None:
    one = stream("a", 50, "defghijk")
    list(decode(Alphabet(), [one], lambda place: True))
    assert ended(one) == ("bc", "stop")
    assert one.written[-1] == ord("k")


def test_a_special_token_can_be_a_stop_string_and_is_not_shown() -> None:
    one = stream("x", 50, "$")
    one.eos_ids = frozenset()
    list(decode(Alphabet(), [one], lambda place: True))
    assert ended(one) == ("yz", "stop")


def test_ended_texts_leave_the_batch_when_they_are_half_of_it() -> None:
    model = Alphabet()
    streams = [stream("a", limit) for limit in (1, 2, 3, 4, 5, 6, 7, 8)]
    assert list(decode(model, streams, lambda place: True)) == list(range(8))
    assert model.steps == [8, 8, 8, 8, 4, 4, 2, 1]
    assert [s.result().text for s in streams] == ["bcdefghi"[:limit] for limit in range(1, 9)]


def test_a_text_nobody_wants_any_more_is_dropped() -> None:
    model = Alphabet()
    streams = [stream("a", 20), stream("a", 4)]
    assert list(decode(model, streams, lambda place: place == 1 or len(streams[0].written) < 2)) == [1]
    assert len(model.steps) == 4


def test_a_text_begun_in_a_batch_that_failed_is_written_anew() -> None:
    fresh = stream("a", 9, temperature=0.7, seed=5)
    list(decode(Alphabet(), [fresh], lambda place: True))
    again = stream("a", 9, temperature=0.7, seed=5)
    begun = decode(Alphabet(), [again, stream("a", 2)], lambda place: True)
    next(begun)
    assert again.written
    list(decode(Alphabet(), [again], lambda place: True))
    assert again.result() == fresh.result()
    assert len(again.written) == 9


def test_greedy_and_sampled_texts_of_one_batch_do_not_touch_each_other() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    settings: list[dict[str, Any]] = [
        {},
        {"temperature": 1.0, "seed": 4},
        {"temperature": 2.0, "top_p": 0.3, "seed": 4},
    ]
    together = next_tokens(logits, [stream("a", **each) for each in settings])
    alone = [next_tokens(logits[[row]], [stream("a", **each)])[0] for row, each in enumerate(settings)]
    assert together == alone
    assert together[0] == int(logits[0].argmax())


def test_the_most_probable_token_is_left_however_small_the_nucleus() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    picks = {next_tokens(logits, [stream("a", temperature=1.0, top_p=1e-9, seed=s)])[0] for s in range(50)}
    assert picks == {1}
