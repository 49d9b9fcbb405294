"""Made-up text with the statistics that matter for speed: a large vocabulary of words, some common, most rare.

Everything follows from a seed, so that every machine measures the same rows. Uses the standard library alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random

SUBJECTS = (
    "astronomy",
    "business_ethics",
    "college_medicine",
    "global_facts",
    "high_school_us_history",
    "machine_learning",
    "marketing",
    "world_religions",
)
"""Eight names of MMLU, so that real rows may stand in for the made-up ones."""

_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
LENGTHS = ("one word", *(f"{count} sentence{'s' if count != 'one' else ''}" for count in _COUNTS))
"""How long an answer is asked to be: a sentence has some eight tokens, so texts end anywhere up to 64."""

_ONSETS = ("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "qu", "r")
_MORE_ONSETS = ("s", "sh", "st", "str", "t", "th", "tr", "v", "w", "")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_CODAS = ("", "", "l", "m", "n", "nd", "r", "rk", "s", "st", "t", "x")

_PLAIN = (
    "The {a} {n} {v} the {n} near {p}.",
    "In {p}, a {n} {v} every {a} {n}.",
    "{p} {v} the {n} because the {n} was {a}.",
    "When the {n} {v} the {a} {n}, {p} {v} it as well.",
    "Most {a} {n}s are known for the {n} that {v} them.",
    "No {n} in {p} {v} more than one {n}.",
    "After the {n} of {p}, the {a} {n} {v} both the {n} and the {n}.",
)
_ASKED = (
    "Which {n} {v} the {a} {n} of {p}?",
    "What does the {n} of {p} do when the {n} is {a}?",
    "Why was the {a} {n} of {p} {a} to the {n}?",
    "Which of these is true of a {n} that {v} the {n}?",
)


@dataclass(frozen=True)
class Words:
    """One kind of word, the common ones first, with the running sum of how common they are."""

    words: tuple[str, ...]
    weights: tuple[float, ...]

    def draw(self, rng: Random) -> str:
        return rng.choices(self.words, cum_weights=self.weights)[0]


@cache
def lexicon() -> dict[str, Words]:
    """Nouns, verbs, adjectives and names, some 6,000 in all, by the letter that stands for them in a pattern."""
    rng = Random(1)
    seen: set[str] = set()

    def word() -> str:
        while True:
            onsets = (*_ONSETS, *_MORE_ONSETS)
            parts = (rng.choice(onsets) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.randint(1, 3)))
            text = "".join(parts)
            if len(text) > 2 and text not in seen:
                seen.add(text)
                return text

    def words(count: int, ending: str = "") -> Words:
        weights = tuple(accumulate(1 / (rank + 5) for rank in range(count)))
        found = sorted((word() for _ in range(count)), key=len)  # common words are short
        return Words(tuple(text + ending for text in found), weights)

    names = words(900)
    return {
        "n": words(2600),
        "v": words(1200, "ed"),
        "a": words(1300),
        "p": Words(tuple(name.capitalize() for name in names.words), names.weights),
    }


def fill(rng: Random, pattern: str) -> str:
    """A pattern with every place taken by a word of its kind; the text begins with a capital letter."""
    kinds = lexicon()
    pieces = pattern.split("{")
    text = pieces[0] + "".join(kinds[piece[0]].draw(rng) + piece[2:] for piece in pieces[1:])
    return text[0].upper() + text[1:]


def sentence(rng: Random) -> str:
    """One statement."""
    return fill(rng, rng.choice(_PLAIN))


def sentences(rng: Random, count: int) -> str:
    """So many statements in a row."""
    return " ".join(sentence(rng) for _ in range(count))


def question(rng: Random) -> str:
    """One question."""
    return fill(rng, rng.choice(_ASKED))


def phrase(rng: Random) -> str:
    """What a choice may say, in one to eight words."""
    return fill(rng, rng.choice(("{n}", "The {a} {n}", "A {n} of {p}", "It {v} the {n}", "The {n} {v} the {n} of {p}")))


def answer(topic: str, length: str) -> str:
    """What is said of a noun at such a length: every noun has its own verb, and every verb its own next noun.

    So answers depend on what was asked, and a model that is trained for minutes has something to learn. Sentences are
    counted down, since such a model can't count what it has written.
    """
    if length == "one word":
        return f"{topic}."
    nouns, verbs = lexicon()["n"].words, lexicon()["v"].words
    place, said = nouns.index(topic), []
    for count in reversed(_COUNTS[: _COUNTS.index(length.split()[0]) + 1]):
        verb = verbs[_next(place, len(verbs), 7)]
        place = _next(verbs.index(verb), len(nouns), 3)
        said.append(f"{count.capitalize()}, {topic} {verb} the {nouns[place]}.")
        topic = nouns[place]
    return " ".join(said)


def _next(place: int, count: int, factor: int) -> int:
    """A place that follows from another among the forty around it, so that common words follow common ones."""
    near = place - place % 40
    return (near + (place * factor + 11) % 40) % count


def note(rng: Random, length: str) -> dict[str, str]:
    """A row of the generation form: a note, a question, how long the answer shall be and about what, and an answer."""
    topic = lexicon()["n"].draw(rng)
    asked = {"note": sentence(rng), "question": question(rng), "length": length, "topic": topic}
    return {**asked, "answer": answer(topic, length)}


def choices(rng: Random, subject: str) -> dict[str, object]:
    """A row as MMLU has them."""
    stem = f"{sentences(rng, rng.randint(3, 5))} {question(rng)}"
    return {
        "question": stem,
        "subject": subject,
        "choices": [phrase(rng) for _ in range(4)],
        "answer": rng.randrange(4),
    }


def story(rng: Random) -> dict[str, object]:
    """A row as HellaSwag has them: a beginning and four ways to go on."""
    endings = [f"{sentence(rng)} {sentence(rng)}" for _ in range(4)]
    return {"query": sentences(rng, 5), "endings": endings, "label": rng.randrange(4)}


# ---------------------------------------------------------------- how rows are shown


def show_note(row: dict[str, str]) -> str:
    """The prompt of one row of the generation form."""
    return f"Note: {row['note']}\nQuestion: {row['question']}\nAnswer in {row['length']} about the {row['topic']}:"


def lesson(rng: Random, kinds: Sequence[str] = ("notes", "notes", "notes", "quiz", "prose")) -> str:
    """A document to train on: worked notes, a quiz, or prose."""
    kind = rng.choice(kinds)
    if kind == "prose":
        return "\n\n".join(sentences(rng, rng.randint(3, 9)) for _ in range(rng.randint(1, 5)))
    if kind == "quiz":
        rows = [choices(rng, rng.choice(SUBJECTS)) for _ in range(rng.randint(1, 5))]
        return "\n\n".join(_quiz(row) for row in rows)
    notes = [note(rng, rng.choice(LENGTHS)) for _ in range(rng.randint(1, 8))]
    return "\n\n".join(f"{show_note(row)} {row['answer']}" for row in notes)


def _quiz(row: dict[str, object]) -> str:
    options = row["choices"]
    assert isinstance(options, list)
    assert isinstance(row["answer"], int)
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))
    return f"{row['question']}\n{listed}\nAnswer: {'ABCD'[row['answer']]}"
