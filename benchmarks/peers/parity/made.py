"""Rows of the true schema where no real ones are at hand, with the oddities of the real sets that trip a harness.

Texts are made up from a seed (see `peers.writing`).
"""

from __future__ import annotations

from random import Random
from typing import Any

from peers.writing import fill, phrase, question, sentence, sentences

_LETTERS = ("A", "B", "C", "D", "E")


def mmlu(rng: Random, subject: str) -> dict[str, Any]:
    """A question with white space around it, now and then."""
    asked = rng.choice(("", " ")) + question(rng) + rng.choice(("", "\n"))
    return {
        "question": asked,
        "subject": subject,
        "choices": [phrase(rng) for _ in range(4)],
        "answer": rng.randrange(4),
    }


def arc(rng: Random) -> dict[str, Any]:
    """Three to five choices, labels in letters or digits, and texts that look like an index."""
    count = rng.choice((3, 4, 4, 4, 5))
    texts = rng.sample(["0", "1", "2", "3", "4"], count) if rng.random() < 0.2 else [phrase(rng) for _ in range(count)]
    labels = [str(number + 1) for number in range(count)] if rng.random() < 0.2 else list(_LETTERS[:count])
    return {
        "id": f"Made_{rng.getrandbits(40):010x}",
        "question": f"{sentence(rng)} {question(rng)}",
        "choices": {"text": texts, "label": labels},
        "answerKey": rng.choice(labels),
    }


def openbookqa(rng: Random) -> dict[str, Any]:
    """A stem without a question mark; some keys have a blank before them."""
    return {
        "id": f"{rng.getrandbits(30)}",
        "question_stem": fill(rng, "A {a} {n} is what a {n} needs to be"),
        "choices": {"text": [phrase(rng) for _ in range(4)], "label": list(_LETTERS[:4])},
        "answerKey": rng.choice(("", " ")) + rng.choice(_LETTERS[:4]),
    }


def commonsense_qa(rng: Random) -> dict[str, Any]:
    """Five choices with their letters."""
    return {
        "id": f"{rng.getrandbits(64):016x}",
        "question": rng.choice(("", " ")) + question(rng),
        "question_concept": "made",
        "choices": {"label": list(_LETTERS), "text": [phrase(rng) for _ in _LETTERS]},
        "answerKey": rng.choice(_LETTERS),
    }


def hellaswag(rng: Random) -> dict[str, Any]:
    """A scene in two parts with WikiHow's marks and doubled blanks; some have no second part."""
    start = rng.choice(("", "[header] ")) + sentence(rng) + rng.choice(("", " [title] ", "  ")) + sentence(rng)
    begun = rng.choice(("", fill(rng, "{n} of {p}").lower()))
    endings = [f"{rng.choice(('', ' '))}{sentence(rng)}{rng.choice(('', ' [substeps] '))}" for _ in range(4)]
    return {
        "ind": rng.getrandbits(30),
        "activity_label": fill(rng, "{a} {n}"),
        "ctx_a": start,
        "ctx_b": begun,
        "ctx": f"{start} {begun}".strip(),
        "endings": endings,
        "source_id": "made",
        "split": "val",
        "split_type": "indomain",
        "label": str(rng.randrange(4)),
    }


def winogrande(rng: Random) -> dict[str, Any]:
    """A sentence with one blank, which may stand before a mark."""
    pattern = rng.choice(
        ("The {n} {v} the {n} because the _ was too {a}.", "{p} asked {p} about the {n}, so _ 's {n} was {a}.")
    )
    return {
        "sentence": fill(rng, pattern),
        "option1": fill(rng, "{n}").lower(),
        "option2": fill(rng, "{p}"),
        "answer": rng.choice(("1", "2")),
    }


def piqa(rng: Random) -> dict[str, Any]:
    """A goal and two ways, one of which may end in a blank."""
    return {
        "goal": fill(rng, "To make a {n} {a},"),
        "sol1": sentence(rng) + rng.choice(("", " ")),
        "sol2": sentence(rng),
        "label": rng.randrange(2),
    }


def boolq(rng: Random) -> dict[str, Any]:
    """A question in lower case without its mark."""
    return {
        "question": question(rng).lower().rstrip("?"),
        "passage": f"{fill(rng, '{n}')} -- {sentences(rng, 4)}",
        "idx": rng.getrandbits(30),
        "label": rng.randrange(2),
    }


def race(rng: Random) -> dict[str, Any]:
    """An article with one to four problems, some of them sentences with a blank at the end."""
    problems = [
        {
            "question": rng.choice((question(rng), fill(rng, "The {n} of {p} was  _  ."))),
            "answer": rng.choice(_LETTERS[:4]),
            "options": [phrase(rng) for _ in range(4)],
        }
        for _ in range(rng.randint(1, 4))
    ]
    return {"article": sentences(rng, 8), "problems": repr(problems)}


def truthfulqa(rng: Random) -> dict[str, Any]:
    """One right answer for MC1, one to three for MC2, the right ones first as in the real rows."""
    right, wrong = rng.randint(1, 3), rng.randint(1, 4)
    texts = [sentence(rng) for _ in range(right + wrong)]
    return {
        "question": question(rng),
        "mc1_targets": {"choices": texts[right - 1 :], "labels": [1] + [0] * wrong},
        "mc2_targets": {"choices": texts, "labels": [1] * right + [0] * wrong},
    }


def lambada(rng: Random) -> dict[str, Any]:
    """A passage whose last word is to be predicted, with a line break or a doubled blank inside."""
    text = rng.choice((" ", "\n", "  ")).join(sentence(rng) for _ in range(4)).rstrip(".")
    return {"text": text}


def page(rng: Random) -> dict[str, Any]:
    """A page of a tokenised encyclopaedia, as one text; its lines become rows."""
    lines = [f" = {fill(rng, '{a} {n}')} = \n", " \n"]
    for _ in range(rng.randint(3, 12)):
        lines += [f" {sentences(rng, 6).replace('.', ' .').replace(',', ' ,')} It had 1 @,@ 200 people . \n", " \n"]
    return {"text": "".join(lines)}


def gsm8k(rng: Random) -> dict[str, Any]:
    """A sum with its steps annotated and a large number now and then."""
    first, second = rng.choice((3, 40, 1200)), rng.randrange(2, 99)
    thing = fill(rng, "{n}s").lower()
    steps = f"{first}+{second}=<<{first}+{second}={first + second}>>{first + second:,} {thing}"
    return {
        "question": fill(rng, f"{{p}} has {first} {thing} and buys {second} more. How many are there?"),
        "answer": f"There are {steps}.\n#### {first + second:,}",
    }


def triviaqa(rng: Random) -> dict[str, Any]:
    """A question with several names for its answer."""
    name = fill(rng, "{p}")
    aliases = [name, f"The {name}", f"{name} ({rng.randrange(1900, 2000)})"]
    return {
        "question": question(rng),
        "question_id": f"tc_{rng.getrandbits(20)}",
        "answer": {"value": name, "aliases": aliases, "normalized_aliases": [alias.lower() for alias in aliases]},
    }
