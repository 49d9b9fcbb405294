"""The rows of the suite's tasks, made from fixed seeds: sums in words, facts, paragraphs, charts, requests."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]

_GOODS = ("apples", "stamps", "tiles", "bottles", "tickets", "seeds")
_PEOPLE = ("Ada", "Ben", "Chidi", "Dora", "Emeka", "Freya", "Gita", "Hugo")
SUBJECTS = {
    "STEM": ("astronomy", "college_physics", "high_school_chemistry"),
    "humanities": ("philosophy", "professional_law", "world_history"),
    "social sciences": ("econometrics", "sociology"),
    "other": ("nutrition", "marketing"),
}
_LETTERS = ("A", "B", "C", "D")
_TOPICS = {
    "writing": "Rewrite this sentence so that a busy reader gets the point first: {}",
    "planning": "Plan the first hour of a {}.",
    "explaining": "Explain to a new colleague why {}.",
}
_MATTERS = (
    "the ferry leaves earlier in winter",
    "the archive closes on Mondays",
    "a backup is no copy",
    "the bridge is painted every year",
    "two clocks never agree",
    "bread needs less yeast in summer",
    "the map is turned to the south",
    "a lock is checked twice",
)


def word_problems(count: int = 160) -> Rows:
    """Sums in two or three steps, of three lengths."""
    draw, rows = random.Random(11), []
    for number in range(count):
        who, goods = draw.choice(_PEOPLE), draw.choice(_GOODS)
        first, second, third = draw.randint(12, 90), draw.randint(3, 11), draw.randint(2, 9)
        text = f"{who} has {first} {goods} and buys {second} boxes with {third} {goods} each."
        total = first + second * third
        steps = f"{second} boxes hold {second * third}. {first} + {second * third} = {total}."
        if number % 3:
            text += f" Then {who} gives {third + second} away."
            steps += f" {total} - {third + second} = {total - third - second}."
            total -= third + second
        if number % 3 == 2:
            text += f" {draw.choice(_PEOPLE)} watches, counts the shelves of the shop and writes everything down. " * 3
        text += f" How many {goods} does {who} have now?"
        rows.append(
            {"question": text, "solution": steps, "answer": str(total), "steps": ("two", "three")[number % 3 > 0]}
        )
    return rows


def knowledge(each: int = 18) -> Rows:
    """Questions with four choices, by subject and category."""
    draw, rows = random.Random(12), []
    for category, subjects in SUBJECTS.items():
        for subject in subjects:
            for number in range(each):
                right = draw.randrange(4)
                words = [f"{draw.choice(_MATTERS)} (case {draw.randint(100, 999)})" for _ in _LETTERS]
                question = f"In {subject.replace('_', ' ')}, which statement follows from observation {number + 1}?"
                rows.append(
                    {"question": question, "choices": words, "right": right, "category": category, "subject": subject}
                )
    return rows


def reading(paragraphs: int = 10, each: int = 8) -> Rows:
    """Questions about short paragraphs, several about each."""
    draw, rows = random.Random(13), []
    for place in range(paragraphs):
        town, year, keeper = f"Port {_PEOPLE[place % 8]}", 1850 + 7 * place, draw.choice(_PEOPLE)
        facts = {
            f"When was the harbour of {town} dredged?": str(year),
            f"Who kept the light of {town}?": f"{keeper} Holm",
            f"How many boats does {town} have?": str(20 + place),
            f"What do the ships of {town} carry?": draw.choice(("grain and salt", "herring", "slate")),
            f"Where does the road from {town} lead?": "over the northern pass",
            f"What is painted on the hall of {town}?": f"a ship of {year - 40}",
            f"Which month closes {town}?": draw.choice(("January", "February")),
            f"How long is the pier of {town}?": f"{90 + 5 * place} metres",
        }
        context = " ".join(f"{question[:-1]}: {answer}." for question, answer in facts.items())
        for question, answer in list(facts.items())[:each]:
            rows.append({"context": context, "question": question, "answer": answer, "paragraph": f"p{place}"})
    return rows


def charts(count: int = 30) -> Rows:
    """Bars in a picture and a question about their sum."""
    draw, rows = random.Random(14), []
    for number in range(count):
        heights = [draw.randint(2, 19) for _ in range(draw.choice((3, 4, 5)))]
        question = f"Chart {number + 1}: what is the sum of the {len(heights)} bars?"
        rows.append({"question": question, "answer": str(sum(heights)), "bars": heights})
    return rows


def advice(each: int = 16) -> Rows:
    """Requests without one right answer, in two turns."""
    rows = []
    for kind, text in _TOPICS.items():
        for number in range(each):
            asked = text.format(_MATTERS[number % len(_MATTERS)])
            rows.append({"kind": kind, "question": f"{asked} ({kind} {number + 1})", "more": ["Now in one sentence."]})
    return rows


def programs() -> Rows:
    """Small functions with their tests: six kinds, six of each."""
    kinds: list[tuple[str, str, str, str, Callable[[int], str]]] = [
        (
            "add",
            "Every number plus {n}.",
            "[value + {n} for value in values]",
            "[1, 2]",
            lambda n: f"[{n + 1}, {n + 2}]",
        ),
        ("over", "The numbers above {n}.", "[value for value in values if value > {n}]", "[2, 9]", lambda n: "[9]"),
        ("take", "The first {n} numbers.", "values[:{n}]", "list(range(20))", lambda n: f"list(range({n}))"),
        ("power", "Every number to the power of {n}.", "[v**{n} for v in values]", "[1, 2]", lambda n: f"[1, {2**n}]"),
        ("every", "Each {n}th number.", "values[::{n}]", "list(range({n} + 1))", lambda n: f"[0, {n}]"),
        ("least", "The numbers, none below {n}.", "[max({n}, v) for v in values]", "[0, 99]", lambda n: f"[{n}, 99]"),
    ]
    rows = []
    for name, told, body, given, wanted in kinds:
        for n in range(2, 8):
            entry = f"{name}_{n}"
            question = f'def {entry}(values):\n    """{told.format(n=n)}"""\n'
            test = f"assert {entry}({given.format(n=n)}) == {wanted(n)}\nassert {entry}([]) == []\n"
            answer = f"    return {body.format(n=n)}\n"
            rows.append({"question": question, "answer": answer, "test": test, "entry": entry})
    return rows


def drawn(heights: list[int]) -> bytes:
    """The bars as a PNG."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (40 * len(heights) + 20, 220), "white")
    pen = ImageDraw.Draw(picture)
    for place, height in enumerate(heights):
        pen.rectangle((20 + 40 * place, 200 - 9 * height, 44 + 40 * place, 200), fill="#0072b2")
        pen.text((26 + 40 * place, 204), str(height), fill="black")
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()
