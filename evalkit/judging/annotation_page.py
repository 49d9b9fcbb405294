"""A page in which a person compares two models' answers, blind and shuffled, and saves what an audit reads."""

from __future__ import annotations

import json
import random
from pathlib import Path

from evalkit.core import digest_of
from evalkit.judging.outputs import Outputs, shared
from evalkit.judging.protocols import answers_of, questions_of

_TEMPLATE = Path(__file__).with_name("annotating.html")


def page(one: Outputs, two: Outputs, *, limit: int | None = None, seed: int = 1) -> tuple[str, int]:
    """The HTML page over the samples that both have, and how many. Nothing is loaded from anywhere.

    `limit` samples are drawn at random; their order and which answer stands on the left depend on (seed, sample).
    """
    rng = random.Random(seed)
    keys = shared([one, two])
    rng.shuffle(keys)
    pairs = []
    for key in keys[:limit]:
        left, right = (one, two) if random.Random(f"{seed} {key}").random() < 0.5 else (two, one)
        turns = max(len(left.answers[key].replies), len(right.answers[key].replies))
        pairs.append(
            {
                "id": key,
                "a": left.name,
                "b": right.name,
                "question": list(questions_of(left.answers[key].sample, turns)),
                "left": list(answers_of(left.answers[key].replies)),
                "right": list(answers_of(right.answers[key].replies)),
            }
        )
    # "</" would end the script, and U+2028 and U+2029 a line of it, whatever an answer holds.
    data = json.dumps(pairs, ensure_ascii=True).replace("</", "<\\/").replace("<!--", "<\\!--")
    name = digest_of(one.name, two.name, str(seed), *(str(pair["id"]) for pair in pairs))
    text = _TEMPLATE.read_text(encoding="utf-8").replace("__STORE__", name).replace("__PAIRS__", data)
    return text, len(pairs)
