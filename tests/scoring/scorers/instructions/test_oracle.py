"""IFEval's 25 checks against lm-evaluation-harness 0.4.13, which holds the official code, on hostile replies."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Reply, Sample
from evalkit.scoring.scorers.instructions import instructions
from evalkit.scoring.scorers.instructions.sentences import _ABBREVIATIONS

# The official checker draws a letter at random where the prompt's "letter" is none.
WITHOUT_A_FIXED_ANSWER = {1122, 1129}

# Sentences end in both where NLTK's Punkt algorithm says with our abbreviations: its trained model is no part of NLTK.
ORACLE = """
import logging, nltk
logging.disable(logging.CRITICAL)
nltk.download = lambda *a, **k: True
import langdetect
langdetect.DetectorFactory.seed = 0
from lm_eval.tasks.ifeval import instructions_util, utils
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
parameters = PunktParameters()
parameters.abbrev_types = set(asked["abbreviations"].split())
punkt = PunktSentenceTokenizer(parameters)
instructions_util._get_sentence_tokenizer = lambda: punkt
instructions_util.nltk.word_tokenize = lambda text: [
    token for part in punkt.tokenize(text) for token in NLTKWordTokenizer().tokenize(part)]
found = []
for row, reply in asked["pairs"]:
    one = utils.process_results(row, [reply])
    found.append([bool(one["prompt_level_strict_acc"]), bool(one["prompt_level_loose_acc"]),
        sum(one["inst_level_strict_acc"]), sum(one["inst_level_loose_acc"]), len(one["inst_level_loose_acc"])])
"""

PIECES = [
    "The quick brown fox, which jumps.",
    "HELLO WORLD",
    "my answer is yes.",
    "My answer is maybe.",
    "P.S. see you",
    "p. s. x",
    "P.P.S bye",
    "p.p. s ok",
    "* a point",
    "- another",
    "** bold **",
    "*italic*",
    "***",
    "******",
    "* * *",
    "<<Title>>",
    "<<>>",
    "< <x>>",
    "[name]",
    "[]",
    "[a [b]]",
    "Section 1",
    "SECTION 2 text",
    "section 3",
    "Chapter 4",
    "```json",
    "```",
    '{"a": 1}',
    "[1, 2]",
    '"',
    "''quoted''",
    "'\"President",
    "weekend day",
    "U.S. won. Dr. Smith left! Did he? e.g. so",
    "3.5 and 1,000...",
    "Bonjour tout le monde, comment allez-vous",
    "我喜欢学习",
    "Это русский текст",
    "das ist ein kleiner Test für alle",
    "यह हिन्दी है",
    "12345",
    "!!!",
    "####",
    "İstanbul ß Σας",
    "ＡＢＣ",
    "\xa0",
    "\t",
    " ",
    "Is there anything else I can help with?",
    "don't won't CAN'T",
    "U.S.A. NATO A B C",
]
ENDS = ("", "\n", "\n\n", " ", "\n***\n", "\n\n***\n\n", "******", "\r\n", "\n* ", "\n- ")


def a_reply(rng: random.Random, row: dict[str, Any]) -> str:
    """A text of odd pieces and of what the row's own instructions ask for, so that both outcomes are common."""
    own = [str(item) for found in row["kwargs"] for value in found.values() for item in _list(value)]
    pieces = [
        rng.choice(own) if own and rng.random() < 0.3 else rng.choice(PIECES)
        for _ in range(rng.choice((0, 1, 3, 8, 30)))
    ]
    text = "".join(piece + rng.choice(ENDS) for piece in pieces)
    shape = rng.randrange(8)
    if shape == 0:
        text = text.lower()
    if shape == 1:
        text = text.upper()
    if shape == 2:
        text = f'"{text}"'
    if shape == 3:
        text = row["prompt"] + "\n" + text
    if shape == 4:
        text = text.replace(",", "")
    if shape == 5:
        text = "\n\n".join(f"{word} more text here" for word in (own or ["one"]) * 2)
    return text


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def ours(pairs: list[tuple[dict[str, Any], str]]) -> list[list[float]]:
    scorer = instructions(sentences="rules")

    async def all_of_them() -> list[list[float]]:
        found = []
        for row, reply in pairs:
            wanted = tuple(zip(row["instruction_id_list"], row["kwargs"], strict=True))
            sample = Sample(str(row["key"]), row["prompt"], data={"instructions": wanted})
            scores = await scorer.score(sample, (Reply(texts=(reply,), finish=("stop",)),))
            found.append([score.value for score in scores])
        return found

    return asyncio.run(all_of_them())


@pytest.mark.shared_data
def test_equals_lm_eval_on_replies_to_every_prompt(hub_mirror: Path, ask_lm_eval: Callable[[str, object], Any]) -> None:
    pytest.importorskip("langdetect", reason="the extra `language` is not installed")
    with gzip.open(hub_mirror / "google/IFEval/default/train.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) == 541
    rng = random.Random(11)
    pairs = [(row, a_reply(rng, row)) for row in rows if row["key"] not in WITHOUT_A_FIXED_ANSWER for _ in range(3)]
    expected = ask_lm_eval(ORACLE, {"abbreviations": _ABBREVIATIONS, "pairs": pairs})
    found = ours(pairs)
    wrong = [
        (row["key"], row["instruction_id_list"], row["kwargs"], reply, mine, theirs)
        for (row, reply), mine, theirs in zip(pairs, found, expected, strict=True)
        if mine != theirs
    ]
    assert wrong == []
    # The replies decide: single instructions are followed and missed, each of the 25 types both ways.
    seen = Counter(
        (row["instruction_id_list"][0], bool(values[2]))
        for (row, _), values in zip(pairs, found, strict=True)
        if len(row["kwargs"]) == 1
    )
    assert len(seen) >= 40
