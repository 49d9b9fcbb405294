"""Facts of five school subjects, the phrasings the corpus teaches them in, and those kept for the toy set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Subject:
    """One subject: `facts` maps a key to its only right answer; `{k}` and `{v}` stand for them in the phrasings."""

    name: str
    facts: dict[str, str]
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    held_out: tuple[str, ...]


GEOGRAPHY = Subject(
    "geography",
    {
        "Kenya": "Nairobi", "Japan": "Tokyo", "Peru": "Lima", "Norway": "Oslo", "Egypt": "Cairo",
        "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Greece": "Athens", "Poland": "Warsaw",
        "Cuba": "Havana", "Chile": "Santiago", "Ghana": "Accra", "Nepal": "Kathmandu", "Finland": "Helsinki",
        "Austria": "Vienna", "Ireland": "Dublin", "Portugal": "Lisbon", "Hungary": "Budapest",
        "Canada": "Ottawa", "China": "Beijing", "Thailand": "Bangkok", "Germany": "Berlin", "Sweden": "Stockholm",
    },
    (
        "{v} is the capital of {k}.", "The capital of {k} is {v}.", "The government of {k} sits in {v}.",
        "In {k}, the capital city is {v}.", "{k} has its capital in {v}.", "If you go to {k}, visit its capital, {v}.",
    ),
    (
        "What is the capital of {k}?", "Name the capital city of {k}.", "The capital of {k} is which city?",
        "In which city does the government of {k} sit?", "What is the name of the capital of {k}?",
        "Which of these is the capital of {k}?",
    ),
    ("Which city is the capital of {k}?", "Where would you find the capital of {k}?"),
)  # fmt: skip

ZOOLOGY = Subject(
    "zoology",
    {
        "cat": "kitten", "dog": "puppy", "cow": "calf", "horse": "foal", "sheep": "lamb", "goat": "kid",
        "pig": "piglet", "bear": "cub", "deer": "fawn", "duck": "duckling", "goose": "gosling", "swan": "cygnet",
        "frog": "tadpole", "kangaroo": "joey", "owl": "owlet", "eagle": "eaglet", "hare": "leveret",
        "hen": "chick", "butterfly": "caterpillar", "turkey": "poult", "pigeon": "squab", "salmon": "smolt",
        "hawk": "eyas", "eel": "elver",
    },
    (
        "A young {k} is called a {v}.", "The young of the {k} is the {v}.", "Every {k} was once a {v}.",
        "A {v} grows up to be a {k}.", "People call the young {k} a {v}.", "One day the {v} will be a {k}.",
    ),
    (
        "What is a young {k} called?", "What do we call the young of a {k}?", "Every {k} was once what?",
        "What grows up to be a {k}?", "Which word means a young {k}?", "What name is given to a young {k}?",
    ),
    ("What do people call a young {k}?", "Which of these names means a young {k}?"),
)  # fmt: skip

CHEMISTRY = Subject(
    "chemistry",
    {
        "gold": "Au", "iron": "Fe", "silver": "Ag", "copper": "Cu", "lead": "Pb", "tin": "Sn", "sodium": "Na",
        "helium": "He", "neon": "Ne", "zinc": "Zn", "calcium": "Ca", "mercury": "Hg", "nickel": "Ni",
        "chlorine": "Cl", "silicon": "Si", "magnesium": "Mg", "aluminum": "Al", "lithium": "Li",
        "bromine": "Br", "argon": "Ar", "cobalt": "Co", "platinum": "Pt", "titanium": "Ti", "radium": "Ra",
    },
    (
        "The symbol of {k} is {v}.", "Chemists write {v} for {k}.", "{v} is the symbol for {k}.",
        "In formulas, {k} is written as {v}.", "The element {k} has the symbol {v}.",
        "When you read {v} in a formula, it means {k}.",
    ),
    (
        "What is the symbol of {k}?", "What do chemists write for {k}?", "Which symbol does the element {k} have?",
        "How is {k} written in formulas?", "What is the chemical symbol for {k}?", "Which letters stand for {k}?",
    ),
    ("Which symbol stands for {k}?", "In a formula, what is the symbol for {k}?"),
)  # fmt: skip

LANGUAGE = Subject(
    "language",
    {
        "hot": "cold", "big": "small", "fast": "slow", "early": "late", "happy": "sad", "rich": "poor",
        "full": "empty", "hard": "soft", "heavy": "light", "wet": "dry", "strong": "weak", "young": "old",
        "clean": "dirty", "open": "closed", "near": "far", "loud": "quiet", "sharp": "dull", "deep": "shallow",
        "wide": "narrow", "sweet": "bitter", "brave": "afraid", "smooth": "rough", "cheap": "costly",
        "true": "false",
    },
    (
        "The opposite of {k} is {v}.", "{v} means the opposite of {k}.", "If something is not {k}, it may be {v}.",
        "The words {k} and {v} are opposites.", "What is {v} is never {k}.", "{k} is one thing and {v} is the other.",
    ),
    (
        "What is the opposite of {k}?", "Which word is the opposite of {k}?", "Something that is not {k} is what?",
        "Name the opposite of {k}.", "What do we call something that is not {k}?", "The opposite of {k} is which word?",
    ),
    ("Which word means the opposite of {k}?", "Which of these words is the opposite of {k}?"),
)  # fmt: skip

OCCUPATIONS = Subject(
    "occupations",
    {
        "baker": "flour", "potter": "clay", "carpenter": "wood", "tailor": "cloth", "shepherd": "wool",
        "beekeeper": "honey", "librarian": "books", "dentist": "teeth", "pilot": "airplanes", "sailor": "ships",
        "gardener": "plants", "blacksmith": "hammers", "shoemaker": "leather", "florist": "roses",
        "photographer": "cameras", "plumber": "pipes", "electrician": "wires", "farmer": "crops",
        "mason": "bricks", "judge": "laws", "astronomer": "stars", "weaver": "yarn", "glazier": "windows",
        "banker": "money",
    },
    (
        "A {k} works with {v}.", "The work of a {k} is all about {v}.", "You need {v} to be a {k}.",
        "Every {k} knows a lot about {v}.", "Ask a {k} if you want to learn about {v}.", "A {k} thinks of {v} all day.",
    ),
    (
        "What does a {k} work with?", "What is the work of a {k} about?", "What does a {k} know a lot about?",
        "What do you need to be a {k}?", "What does every {k} handle?", "What does a {k} think of all day?",
    ),
    ("What does a {k} use at work?", "Which of these does a {k} work with?"),
)  # fmt: skip

SUBJECTS: tuple[Subject, ...] = (GEOGRAPHY, ZOOLOGY, CHEMISTRY, LANGUAGE, OCCUPATIONS)

DEV_FACTS = 6
"""So many facts of each subject, the last ones, are few-shot examples; the others are asked in the toy set."""


@dataclass(frozen=True)
class Quiz:
    """One multiple-choice question; `answer` is the position of the right choice."""

    subject: str
    question: str
    choices: tuple[str, ...]
    answer: int


def with_articles(text: str) -> str:
    """`a` becomes `an` before a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def make_quiz(rng: Random, subject: Subject, key: str, question: str, answer: int | None = None) -> Quiz:
    """Ask for `key` with three wrong choices of the same subject, the right one at `answer` or anywhere."""
    right = subject.facts[key]
    wrong = rng.sample([value for value in subject.facts.values() if value != right], 3)
    at = rng.randrange(4) if answer is None else answer
    choices = (*wrong[:at], right, *wrong[at:])
    return Quiz(subject.name, with_articles(question.format(k=key)), choices, at)


def fact_weight(position: int) -> float:
    """How often the corpus speaks of a subject's fact: some facts are rare, so that the model stays imperfect."""
    return (1.0, 1.0, 0.3, 1.0, 0.02, 0.002)[position % 6]


def draw_key(rng: Random, subject: Subject) -> str:
    """One key of the subject, common facts more often than rare ones."""
    keys = list(subject.facts)
    return rng.choices(keys, [fact_weight(i) for i in range(len(keys))])[0]


def statement(rng: Random, subject: Subject) -> str:
    """One true sentence of the subject, beginning with a capital letter."""
    key = draw_key(rng, subject)
    text = with_articles(rng.choice(subject.statements).format(k=key, v=subject.facts[key]))
    return text[0].upper() + text[1:]


def quiz(rng: Random, subject: Subject) -> Quiz:
    """One question in a phrasing of the corpus."""
    return make_quiz(rng, subject, draw_key(rng, subject), rng.choice(subject.questions))
