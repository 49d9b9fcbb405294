"""Needle in a haystack: one sentence hidden in filler of every length and at every depth, and asked for.

After https://github.com/gkamradt/LLMTest_NeedleInAHaystack (Kamradt, 2023). The text is not that test's: filler and
needles are ours (Apache licence 2.0), written by a script from the seed, so that you can have any number and no model
has read them. One row:

    {"text": "… In a mild winter the baker's apprentice … The gate code of the Kelfenmouth Archive is 48213. …",
     "question": "What is the gate code of the Kelfenmouth Archive?", "answer": "48213", "length": 1000, "depth": "50%"}

A needle and its filler are the same at every depth, and share a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Literal

from evalkit.core import Message, PromptFormat, Row, Sample, Subset, Task, UsageError
from evalkit.data import rows
from evalkit.judging.rag.synthetic import entries, filler
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import includes

META = {
    "name": "needle_in_a_haystack",
    "summary": "a sentence hidden in filler, by length and depth; generated from a seed",
    "tags": ["long-context", "retrieval"],
}


def task(
    *,
    lengths: str = "250,500,1000,2000,4000",
    depths: int = 5,
    needles: int = 2,
    distractors: int = 0,
    seed: int = 1,
    form: Literal["chat", "text"] = "chat",
) -> Task:
    """`lengths` in words (an English word is about 1.3 tokens), `depths` evenly from the beginning to the end,
    `needles` for every length, each with as many `distractors`: codes of other places."""
    return Task(
        name="needle_in_a_haystack",
        data=(Subset(rows(list(_rows(_lengths(lengths), depths, needles, distractors, seed)), name="needle")),),
        sample=lambda row: _sample(row, form),
        prompt=PromptFormat(),
        method=generate(max_tokens=64, stop=("\n",) if form == "text" else ()),
        scorers=(includes(whole_words=True),),
    )


def _lengths(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError("lengths are numbers of words", found=repr(text), fix="lengths=500,1000,2000")
    return sorted({int(part) for part in parts})


def _rows(lengths: list[int], depths: int, needles: int, distractors: int, seed: int) -> Iterator[dict[str, Any]]:
    if depths < 1 or needles < 1 or distractors < 0:
        raise UsageError(
            "there is at least 1 depth and 1 needle, and not fewer than 0 distractors",
            found=f"depths={depths}, needles={needles}, distractors={distractors}",
        )
    places = iter(entries(len(lengths) * needles * (1 + distractors), f"needle {seed}"))
    for length in lengths:
        for number in range(needles):
            group = [next(places) for _ in range(1 + distractors)]
            hidden = [f"The gate code of the {place.name} is {place.answer}." for place in group]
            random = Random(f"haystack {seed} {length} {number}")
            hay = filler(length, random)
            for other in hidden[1:]:
                hay.insert(random.randrange(len(hay) + 1), other)
            for step in range(depths):
                proportion = step / (depths - 1) if depths > 1 else 0.5
                place = round(proportion * len(hay))
                yield {
                    "id": f"{length}-words-{number}-depth-{proportion:.0%}",
                    "text": " ".join([*hay[:place], hidden[0], *hay[place:]]),
                    "question": f"What is the gate code of the {group[0].name}?",
                    "answer": group[0].answer,
                    "length": length,
                    "depth": f"{proportion:.0%}",
                    "cluster": f"{length}-words-{number}",
                }


def _sample(row: Row, form: str) -> Sample:
    values = row.values
    asked = f"Read the text and answer the question behind it.\n\n{values['text']}\n\nQuestion: {values['question']}"
    length, depth = f"{values['length']} words", f"depth {values['depth']}"
    return Sample(
        row.id,
        (Message("user", asked),) if form == "chat" else f"{asked}\nAnswer:",
        targets=(str(values["answer"]),),
        cluster=str(values["cluster"]),
        groups=(length, depth, f"{length}, {depth}"),
    )
