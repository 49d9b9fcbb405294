"""Texts that begin alike have the tokens that they have alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

pytest.importorskip("transformers")

from evalkit.models.hf.text.splicing import Splicer
from tests.examples import examples
from tests.models.conftest import CORPUS

WORDS = [
    "the quick",
    " brown",
    "fox ",
    "\n\n",
    "  ",
    "A.",
    "12345",
    "it's",
    "é",
    "東京",
    "<|end|>",
    "🙂",
    "x",
    "Answer:",
]
beginnings = st.lists(st.sampled_from([*WORDS, *CORPUS]), min_size=5, max_size=40).map(" ".join)
ends = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map("".join), min_size=1, max_size=6)


def families(pairs: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Beginnings, what goes on from them, and what goes on from that."""
    texts = [text for start, tails in pairs for text in (start, *(start + tail for tail in tails))]
    return list(
        dict.fromkeys(
            texts + [text + " A" for text in texts] + [text + tail for text in texts for tail in ("\nB", "s")]
        )
    )


def whole(tokenizer: Any, texts: Sequence[str], special: bool) -> list[tuple[int, ...]]:
    return [tuple(ids) for ids in tokenizer(list(texts), add_special_tokens=special)["input_ids"]]


@pytest.mark.slow("tokenizers of many families on thousands of texts")
@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(beginnings, ends), min_size=1, max_size=4), special=st.booleans())
def test_ids_are_those_of_the_whole_texts(tokenizer: Any, pairs: list[tuple[str, list[str]]], special: bool) -> None:
    texts = families(pairs)
    splicer = Splicer(tokenizer)
    spliced = splicer.ids(texts, special, 0)
    assert splicer._usable, "the comparison with whole texts failed"
    assert spliced is None or spliced == whole(tokenizer, texts, special)


def long_texts() -> list[str]:
    return families([(" ".join(CORPUS * 2) + f" number {n}.", [" and more", " x"]) for n in range(6)])


def test_what_is_shared_is_tokenised_once(tokenizer: Any) -> None:
    read: list[int] = []

    class Counting:
        backend_tokenizer = tokenizer.backend_tokenizer
        added_tokens_encoder = tokenizer.added_tokens_encoder

        def __call__(self, texts: list[str], **settings: Any) -> Any:
            read.append(sum(map(len, texts)))
            return tokenizer(texts, **settings)

    texts = long_texts()
    assert Splicer(Counting()).ids(texts, True, 0) == whole(tokenizer, texts, True)
    assert sum(read) < sum(map(len, texts)) / 3


def test_a_tokenizer_that_does_not_split_into_words_is_left_alone(tokenizer: Any) -> None:
    import copy

    from tokenizers import normalizers, pre_tokenizers

    for change in ("none", "prepend", "behind"):
        other = copy.deepcopy(tokenizer)
        if change == "none":
            other.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([])
            assert Splicer(other).ids(long_texts(), True, 0) in (None, whole(other, long_texts(), True))
            continue
        if change == "prepend":
            other.backend_tokenizer.normalizer = normalizers.Prepend("_")
        else:
            from tokenizers import Regex

            other.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?<=a) "), "isolated")
        assert Splicer(other).ids(long_texts(), True, 0) is None


def test_a_tokenizer_that_disagrees_is_not_asked_so_again(tokenizer: Any) -> None:
    class Moody:
        """Tokenises a text that begins with a blank otherwise."""

        backend_tokenizer = tokenizer.backend_tokenizer
        added_tokens_encoder: dict[str, int] = {}  # noqa: RUF012 (a stand-in)

        def __call__(self, texts: list[str], **settings: Any) -> Any:
            return tokenizer([text.lstrip() for text in texts], **settings)

    splicer = Splicer(Moody())
    assert splicer.ids(long_texts(), True, 0) is None
    assert not splicer._usable


def test_words_of_sentencepiece(tokenizer: Any) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False)
    unigram.train_from_iterator(CORPUS * 4, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=unigram)
    texts = long_texts()
    assert Splicer(fast).ids(texts, True, 0) == whole(fast, texts, True)
