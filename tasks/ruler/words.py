"""Words that are more frequent than others: in a numbered list, and in coded text."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from string import ascii_lowercase

from evalkit.core import UsageError
from evalkit.prompting.lengths import TokenLengths

SEED = 42
COMMON_TEMPLATE = (
    "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that "
    "appear most often.\n{context}\nQuestion: What are the 10 most common words in the above list?"
)
COMMON_PREFIX = " Answer: The top 10 words that appear most often in the list are:"
FREQUENT_TEMPLATE = (
    "Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared "
    "coded words. {context}\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the "
    "three most frequently appeared words in the above coded text?"
)
FREQUENT_PREFIX = " Answer: According to the coded text above, the three most frequently appeared words are:"
_ASKED = 10
_LETTERS = 6
_ALPHA = 2.0


def common(
    rng: Random, words: Sequence[str], more: Sequence[str], parts: int, length: int
) -> tuple[str, str, list[str]]:
    """(examples and question, beginning of the answer, the ten words), as common_words_extraction.py draws them.

    Raises UsageError where more words are needed than there are.
    """
    short = length < 4096
    shown, answers = _listed(rng, words, more, *((20, 3, 1) if short else (40, 10, 3)))
    example = COMMON_TEMPLATE.format(context=shown) + COMMON_PREFIX
    example += " " + " ".join(f"{number}. {word}" for number, word in enumerate(answers, 1))
    context, answers = _listed(rng, words, more, parts, *((6, 1) if short else (30, 3)))
    return f"{example}\n{COMMON_TEMPLATE.format(context=context)}", COMMON_PREFIX, answers


def _listed(
    rng: Random, words: Sequence[str], more: Sequence[str], count: int, often: int, seldom: int
) -> tuple[str, list[str]]:
    source = words if count <= len(words) else more
    if count > len(source):
        raise UsageError(
            f"a list of {count} different words is needed, and there are {len(source)}",
            fix="ruler,english_words=<english_words.json of RULER>",
        )
    drawn = rng.sample(source, count)
    listed = drawn[:_ASKED] * often + drawn[_ASKED:] * seldom
    Random(SEED).shuffle(listed)
    return " ".join(f"{number}. {word}" for number, word in enumerate(listed, 1)), drawn[:_ASKED]


def frequent(rng: Random, tokens: TokenLengths, most: int, count: int) -> tuple[str, str, list[str], int]:
    """(question, beginning of the answer, the three words, number of words), as freq_words_extraction.py draws them:
    as many words as fit into `most` tokens where `count` is 0, else `count` of them or as many fewer as must be."""
    size, step = most // 50, most // 32
    names = ["".join(rng.choices(ascii_lowercase, k=_LETTERS)) for _ in range(size)]
    while len(set(names)) < size:
        names.append("".join(rng.choices(ascii_lowercase, k=_LETTERS)))
    names = sorted(set(names))
    Random(SEED).shuffle(names)
    names[0] = "..."

    def question(number: int) -> str:
        from scipy.special import zeta

        told = []
        for rank, name in enumerate(names, 1):
            told += [name] * int(number * (float(rank) ** -_ALPHA) / float(zeta(_ALPHA)))
        Random(SEED).shuffle(told)
        return FREQUENT_TEMPLATE.format(context=" ".join(told))

    def used(number: int) -> int:
        return tokens.plain(question(number) + FREQUENT_PREFIX)

    if count > 0:
        while used(count) > most:
            count -= step
    else:
        count = most // _LETTERS
        while used(count) < most:
            count += step
        count -= step
    return question(count), FREQUENT_PREFIX, names[1:4], count
