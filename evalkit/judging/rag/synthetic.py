"""Documents about places that are not, with questions only they answer; and filler text: all written from a seed.

No model can have read them, no two questions have one answer, and nothing in the filler answers any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from evalkit.core import UsageError

_BEGIN = (
    "Al",
    "Bren",
    "Cor",
    "Dal",
    "El",
    "Far",
    "Gren",
    "Hal",
    "Ives",
    "Kel",
    "Lor",
    "Mar",
    "Nor",
    "Os",
    "Pell",
    "Quin",
)
_MIDDLE = ("ber", "den", "dor", "fen", "gar", "lin", "men", "no", "ra", "sel", "tor", "va", "wen", "zi")
_END = ("burg", "by", "dale", "ford", "ham", "haven", "mere", "mouth", "stad", "stow", "ton", "vik", "well", "wick")
_KINDS = ("archive", "clock museum", "herbarium", "lighthouse museum", "map library", "mill museum", "observatory")
_FIRST = ("Ada", "Bruno", "Clara", "Dorian", "Edda", "Felix", "Greta", "Henrik", "Ines", "Jonas", "Klara", "Lennart")
_LAST = (
    "Adler",
    "Brandt",
    "Castell",
    "Dressel",
    "Ekman",
    "Falk",
    "Grove",
    "Holm",
    "Irving",
    "Jensen",
    "Kessler",
    "Lund",
)
_PARTS = (
    "Its rooms are open from {open} to {close} o'clock, except on {day}.",
    "The building stands beside the {thing} and was painted {colour} after a fire.",
    "Visitors reach it on foot, since the road ends at the {thing}.",
    "A {colour} banner hangs above its door on the last {day} of the month.",
    "Its founder had come to the town as a maker of {craft}.",
)
_THINGS = ("old harbour", "cattle market", "weir", "town wall", "rope works", "chapel", "timber yard", "salt pans")
_COLOURS = ("grey", "yellow", "dark green", "white", "rust-red", "pale blue")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CRAFTS = ("bells", "violins", "sails", "lenses", "barrels", "gloves")

_WHEN = (
    "In the early morning",
    "Towards evening",
    "After the rain",
    "On market days",
    "In a mild winter",
    "Before the harvest",
)
_WHO = (
    "the ferryman",
    "a group of walkers",
    "the baker's apprentice",
    "an elderly surveyor",
    "the children",
    "a teacher",
)
_DID = (
    "took the path along the river",
    "sat down under the lime trees",
    "spoke about the weather",
    "watched the boats come in",
    "carried baskets up the hill",
    "mended nets in the shade",
    "counted the geese on the meadow",
    "waited for the slow train",
)  # fmt: skip
_SO = (
    "and nobody was in a hurry",
    "while the bells rang far away",
    "until the fog had lifted",
    "although the wind was cold",
    "and the dogs lay quietly by the wall",
    "as people there had always done",
)  # fmt: skip

MOST = 15_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One institution: a document about it, and a question that this document alone answers, by a number."""

    name: str
    document: str
    question: str
    answer: str


def entries(count: int, seed: str) -> list[Entry]:
    """So many institutions, no two of one name or one answer. The same seed gives the same ones, whatever the count.

    Raises UsageError for more than there are names for.
    """
    if count > MOST:
        raise UsageError("there are not as many invented places", found=f"{count:,}", fix=f"at most {MOST:,} documents")
    random = Random(f"entries {seed}")
    names, answers = set[str](), set[str]()
    found: list[Entry] = []
    while len(found) < count:
        town = _town(random)
        answer = str(random.randrange(10_000, 100_000))
        made = _entry(town, answer, random)
        if made.name not in names and answer not in answers:
            names.add(made.name)
            answers.add(answer)
            found.append(made)
    return found


def filler(words: int, random: Random) -> list[str]:
    """Sentences that say nothing in particular, of at least so many words together."""
    return list(_sentences(words, random))


def _sentences(words: int, random: Random) -> Iterator[str]:
    while words > 0:
        parts = (random.choice(_WHEN), random.choice(_WHO), random.choice(_DID), random.choice(_SO))
        sentence = f"{parts[0]} {parts[1]} {parts[2]}, {parts[3]}."
        words -= len(sentence.split())
        yield sentence


def _town(random: Random) -> str:
    return random.choice(_BEGIN) + random.choice(_MIDDLE) + random.choice(_END)


def _entry(town: str, answer: str, random: Random) -> Entry:
    kind = random.choice(_KINDS)
    name = f"{town} {kind.title()}"
    founded = (
        f"The {name} was founded in {random.randrange(1701, 1960)} by {random.choice(_FIRST)} {random.choice(_LAST)}."
    )
    kept = f"Its collection holds {answer} catalogued pieces."
    details = [
        part.format(
            open=random.randrange(7, 11),
            close=random.randrange(16, 20),
            day=random.choice(_DAYS),
            thing=random.choice(_THINGS),
            colour=random.choice(_COLOURS),
            craft=random.choice(_CRAFTS),
        )
        for part in random.sample(_PARTS, 2)
    ]
    text = " ".join([founded, details[0], kept, details[1]])
    return Entry(name, text, f"How many catalogued pieces does the collection of the {name} hold?", answer)
