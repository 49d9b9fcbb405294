"""Variables that are assigned to one another, in a chain hidden in noise, after one worked example."""

from __future__ import annotations

from random import Random
from string import ascii_uppercase
from typing import Any

NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
HOPS = 4
TEMPLATE = (
    "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{context}\n"
    "Question: Find all variables that are assigned the value {query} in the text above."
)
PREFIX = (
    " Answer: According to the chain(s) of variable assignment in the text above, {count} variables are assigned the "
    "value {query}, they are: "
)


def chain(rng: Random, numbers: Any, parts: int, *, example: bool = False) -> tuple[str, str, list[str]]:
    """(question, beginning of the answer, variables), drawn as RULER's variable_tracking.py does; `numbers` is numpy's
    legacy stream. Raises ValueError where the chain is longer than the noise, and where a name came twice."""
    letters = 3 if example else 5
    names = ["".join(rng.choices(ascii_uppercase, k=letters)) for _ in range(HOPS + 1)]
    while len(set(names)) < HOPS + 1:
        names.append("".join(rng.choices(ascii_uppercase, k=letters)))
    chains = []
    for begin in range(0, len(names), HOPS + 1):
        own = names[begin : begin + HOPS + 1]
        value = "12345" if example else str(numbers.randint(10000, 99999))
        if len(own) < HOPS + 1:
            raise ValueError("the names of a second chain are too few")
        chains.append([f"VAR {own[0]} = {value}", *(f"VAR {own[j + 1]} = VAR {own[j]} " for j in range(HOPS))])
    lines = [NOISE] * parts
    for one in chains:
        places = sorted(rng.sample(range(len(lines)), len(one)))
        for number, place in enumerate(places):
            lines.insert(place + number, one[number])
    context = "\n".join(lines).replace(". \n", ".\n")
    filled = {"context": context, "query": chains[0][0].split("=")[-1].strip(), "count": HOPS + 1}
    return TEMPLATE.format(**filled), PREFIX.format(**filled), names[: HOPS + 1]


def renamed(rng: Random, numbers: Any, example: str) -> str:
    """The worked example with other variables and another value."""
    for name in example.strip().split()[-HOPS - 1 :]:
        example = example.replace(name, "".join(rng.choices(ascii_uppercase, k=len(name))))
    return example.replace("12345", str(numbers.randint(10000, 99999)))
