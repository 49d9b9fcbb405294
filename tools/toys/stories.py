"""Short stories about made-up things, with the questions and summaries that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tools.toys import words
from tools.toys.facts import with_articles
from tools.toys.kinds import KINDS
from tools.toys.things import Attribute, Kind

UNANSWERABLE = "unanswerable"


@dataclass(frozen=True)
class Thing:
    """One made-up thing with the values of all its attributes."""

    kind: Kind
    name: str
    short: str
    values: dict[str, str]

    @property
    def inner_name(self) -> str:
        """The name as it stands inside a sentence."""
        return self.name.replace("The ", "the ", 1) if self.name.startswith("The ") else self.name


@dataclass(frozen=True)
class Told:
    """A sentence that was told: of which thing, and which attribute it gave away."""

    thing: Thing
    attribute: Attribute
    text: str


@dataclass(frozen=True)
class Question:
    """A question about a story; the first answer is the reference to learn, none means unanswerable."""

    title: str
    context: str
    question: str
    answers: tuple[str, ...]


def make_thing(rng: Random, kind: Kind, held_out: bool) -> Thing:
    """Invent one thing of the kind."""
    name, short = kind.names(rng, held_out)
    return Thing(kind, name, short, {a.name: a.draw(rng) for a in kind.attributes})


def fill(template: str, thing: Thing, value: str = "", name: str = "") -> str:
    """A phrasing with its places filled; a sentence begins with a capital letter."""
    text = template.format(n=name or thing.inner_name, s=thing.short, v=value)
    text = with_articles(text)
    return text[0].upper() + text[1:]


def tell(rng: Random, thing: Thing, attribute: Attribute, by_name: bool) -> Told:
    """One sentence about the attribute, with the full name in it where `by_name`."""
    templates = [t for t in attribute.sentences if not by_name or "{n}" in t]
    return Told(thing, attribute, fill(rng.choice(templates), thing, thing.values[attribute.name]))


def tell_all(rng: Random, thing: Thing, count: int, always_by_name: bool = False) -> list[Told]:
    """So many sentences about different attributes of the thing, the first one by name."""
    chosen = rng.sample(thing.kind.attributes, count)
    return [tell(rng, thing, a, always_by_name or i == 0) for i, a in enumerate(chosen)]


def tell_story(rng: Random, held_out: bool, crowded: float) -> tuple[str, list[Told]]:
    """A story of three to six sentences and what it told; about two things in so many stories as `crowded` says."""
    kind = rng.choice(KINDS)
    thing = make_thing(rng, kind, held_out)
    if rng.random() < crowded:
        other = make_thing(rng, kind, held_out)
        while other.name == thing.name:
            other = make_thing(rng, kind, held_out)
        told = tell_all(rng, thing, rng.randint(2, 3), True) + tell_all(rng, other, rng.randint(1, 3), True)
        rng.shuffle(told)
    else:
        told = tell_all(rng, thing, rng.randint(3, 5))
    sentences = [t.text for t in told]
    if len(sentences) < 6 and rng.random() < 0.4:
        sentences.insert(rng.randrange(1, len(sentences) + 1), rng.choice(words.FILLERS))
    return " ".join(sentences), told


def make_questions(
    rng: Random, held_out: bool, count: int = 1, unanswerable: float = 0.15, crowded: float = 0.3
) -> list[Question]:
    """Up to `count` different questions about one story, all with its title; `unanswerable` is their proportion."""
    context, told = tell_story(rng, held_out, crowded)
    title = told[0].thing.name
    given = {(t.thing.name, t.attribute.name) for t in told}
    things = [t.thing for t in told]
    missing = [(t, a) for t in things for a in t.kind.attributes if (t.name, a.name) not in given]
    known = rng.sample(told, len(told))
    made = []
    for _ in range(min(count, len(known))):
        if missing and rng.random() < unanswerable:
            thing, attribute = rng.choice(missing)
            answers: tuple[str, ...] = ()
        else:
            thing, attribute = (one := known.pop()).thing, one.attribute
            answers = answers_of(thing, attribute)
        made.append(Question(title, context, fill(rng.choice(attribute.questions), thing), answers))
    return made


def make_recall(rng: Random, count: int) -> list[Question]:
    """The same fact of several things of a kind, each asked once: practice in looking up by name."""
    kind = rng.choice(KINDS)
    attribute = rng.choice(kind.attributes)
    things = {thing.name: thing for thing in (make_thing(rng, kind, held_out=False) for _ in range(count))}
    context = " ".join(tell(rng, thing, attribute, by_name=True).text for thing in things.values())
    asked = rng.sample(list(things.values()), len(things))
    template = rng.choice(attribute.questions)
    return [Question(t.name, context, fill(template, t), answers_of(t, attribute)) for t in asked]


def answers_of(thing: Thing, attribute: Attribute) -> tuple[str, ...]:
    """The accepted answers, each a piece of the story: the value, and the value without its article."""
    value = thing.values[attribute.name]
    if attribute.strip and value.startswith(attribute.strip):
        return value, value.removeprefix(attribute.strip)
    return (value,)


@dataclass(frozen=True)
class Article:
    """A document with a summary of several lines and one of a single sentence."""

    document: str
    highlights: str
    summary: str


def make_article(rng: Random, held_out: bool) -> Article:
    """A document of four to ten sentences: three to six about one thing, the rest about nothing."""
    thing = make_thing(rng, rng.choice(KINDS), held_out)
    told = tell_all(rng, thing, rng.randint(3, 6))
    sentences = [t.text for t in told]
    for filler in rng.sample(words.FILLERS, rng.randint(1, min(4, 10 - len(sentences)))):
        sentences.insert(rng.randrange(1, len(sentences) + 1), filler)
    clauses = [with_articles(rng.choice(t.attribute.clauses).format(v=thing.values[t.attribute.name])) for t in told]
    kept = clauses[: 2 if len(told) < 5 else 3]
    highlights = "\n".join(f"{thing.name} {clause}." for clause in kept)
    summary = f"{thing.name} {clauses[0]} and {clauses[1]}."
    return Article(" ".join(sentences), highlights, summary)


def make_paragraph(rng: Random, held_out: bool) -> str:
    """A paragraph about one thing, with a sentence or two about nothing in particular."""
    thing = make_thing(rng, rng.choice(KINDS), held_out)
    sentences = [t.text for t in tell_all(rng, thing, rng.randint(4, len(thing.kind.attributes)))]
    for filler in rng.sample(words.FILLERS, rng.randint(0, 2)):
        sentences.insert(rng.randrange(1, len(sentences) + 1), filler)
    return " ".join(sentences)
