"""A page in which a person compares two models' answers, blind and shuffled, and saves what an audit reads."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import digest_of
from evalkit.judging.outputs import JudgedAnswer, Outputs, shared
from evalkit.judging.protocols import answers_of, questions_of, reference_of

_TEMPLATE = Path(__file__).with_name("annotating.html")


@dataclass(frozen=True, slots=True)
class AnnotationPage:
    """The HTML, how many pairs it has, and how many were left out because both answers are the same."""

    text: str
    pairs: int
    equal: int


def veiled(name: str, key: str) -> str:
    """What stands for a model's name in the page and its labels: another word for every sample, so that nobody learns
    from the source which answers are of one model. `unveiled` finds the name again, among those that are known."""
    return "?" + digest_of("evalkit annotate", name, key)


def unveiled(word: str, key: str, names: Sequence[str]) -> str:
    """The name that a word stands for; the word itself where it is none of these."""
    return next((name for name in names if veiled(name, key) == word), word)


def page(one: Outputs, two: Outputs, *, limit: int | None = None, seed: int = 1) -> AnnotationPage:
    """The page over the samples that both have and answered differently. Nothing is loaded from anywhere.

    `limit` samples are drawn at random; their order and which answer is on the left depend on (seed, sample).
    """
    rng = random.Random(seed)
    keys = shared([one, two])
    rng.shuffle(keys)
    different = [key for key in keys if _texts(one.answers[key]) != _texts(two.answers[key])]
    pairs = []
    for key in different[:limit]:
        left, right = (one, two) if random.Random(f"{seed} {key}").random() < 0.5 else (two, one)
        turns = max(len(left.answers[key].replies), len(right.answers[key].replies))
        sample = left.answers[key].sample
        pairs.append(
            {
                "id": key,
                "task": one.tasks.get(key, ""),
                "a": veiled(left.name, key),
                "b": veiled(right.name, key),
                "question": list(questions_of(sample, turns)),
                "left": list(answers_of(left.answers[key].replies)),
                "right": list(answers_of(right.answers[key].replies)),
                "target": reference_of(sample, turns=turns),
            }
        )
    # "</" would end the script, and U+2028 and U+2029 a line of it, whatever an answer holds.
    data = json.dumps(pairs, ensure_ascii=True).replace("</", "<\\/").replace("<!--", "<\\!--")
    name = digest_of(one.name, two.name, str(seed), *(str(pair["id"]) for pair in pairs))
    equal = len(keys) - len(different)
    text = _TEMPLATE.read_text(encoding="utf-8").replace("__STORE__", name).replace("__EQUAL__", str(equal))
    return AnnotationPage(text.replace("__PAIRS__", data), len(pairs), equal)


def _texts(answer: JudgedAnswer) -> list[str]:
    """What a person would see of it: blanks around an answer are nothing to prefer."""
    return [text.strip() for text in answers_of(answer.replies)]
