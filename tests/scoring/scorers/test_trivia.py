"""TriviaQA's official scores on cases worked by hand from its evaluation script, and lm-evaluation-harness's match."""

from __future__ import annotations

import random
import re
import string
from collections import Counter

import pytest

from evalkit.core import Sample, Validity
from evalkit.scoring.scorers.trivia import triviaqa, triviaqa_normalise


# Expected values follow the official script's definitions: punctuation becomes a blank, also ‘ ’ ´ `, and _.
@pytest.mark.parametrize(
    ("targets", "said", "exact", "f1"),
    [
        (("David Seville",), "david  seville.", 1.0, 1.0),
        (("David Seville",), "Seville", 0.0, 2 / 3),
        (("U.S.",), "U S", 1.0, 1.0),
        (("U.S.",), "US", 0.0, 0.0),
        (("rock_and_roll",), "Rock and Roll", 1.0, 1.0),
        (("the Beatles",), "A Beatles", 1.0, 1.0),
        (("Hitler’s",), "hitler s", 1.0, 1.0),
        (("x x y",), "x y y", 0.0, 2 / 3),
        (("one", "two words"), "two", 0.0, 2 / 3),
        # Both empty: equal, but no token is shared.
        (("the",), "a", 1.0, 0.0),
    ],
)
def test_official_definition(scored, targets, said, exact, f1):
    found = scored(triviaqa(), Sample("1", "q", targets=targets), said)
    assert (found["exact"].value, found["f1"].value) == (exact, pytest.approx(f1, abs=1e-15))


def test_normalised_aliases_of_the_data_set_count(scored):
    sample = Sample("1", "q", targets=("Sunset Blvd.",), data={"normalized_aliases": ("sunset boulevard",)})
    assert scored(triviaqa(), sample, "Sunset Boulevard")["exact"].value == 1.0
    assert scored(triviaqa(), sample, "")["exact"].validity is Validity.NO_ANSWER


def test_normal_form_equals_the_steps_of_the_script_in_their_order():
    """Written out step by step here: lower case, underscores, punctuation, articles, white space."""
    rng = random.Random(2)
    letters = "aAnN tThHeE_.-’`'\"é 1\u00a0\n“"
    for _ in range(2000):
        text = "".join(rng.choices(letters, k=rng.randrange(12)))
        steps = text.replace("_", " ").lower()
        steps = "".join(" " if char in string.punctuation + "‘’´`" else char for char in steps)
        steps = re.sub(r"\b(a|an|the)\b", " ", steps)
        assert triviaqa_normalise(text) == " ".join(steps.split()).strip()


def test_f1_is_of_token_counts(scored):
    rng = random.Random(3)
    for _ in range(500):
        gold, said = (rng.choices("abcde", k=rng.randrange(1, 6)) for _ in range(2))
        gold, said = [word * 2 for word in gold], [word * 2 for word in said]
        shared = sum((Counter(gold) & Counter(said)).values())
        precision, recall = shared / len(said), shared / len(gold)
        expected = 2 * precision * recall / (precision + recall) if shared else 0.0
        found = scored(triviaqa(), Sample("1", "q", targets=(" ".join(gold),)), " ".join(said))["f1"].value
        assert found == pytest.approx(expected, abs=1e-12)
