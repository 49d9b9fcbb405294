"""Mathematical answers against math-verify's documented behaviour and lm-evaluation-harness 0.4.13's minerva_math."""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from evalkit.core import Reply, Sample, Score, UsageError, Validity
from evalkit.scoring.extraction import last_boxed, minerva_answer, minerva_normalise
from evalkit.scoring.scorers.math_equal import math_equal

# The package has the function under the name of its module.
module = importlib.import_module("evalkit.scoring.scorers.math_equal")

Scored = Callable[..., dict[str, Score]]

pytest.importorskip("math_verify", reason="the extra `math` is not installed")

PARTS = r"""
\frac12|\frac{1}{2}|\tfrac34|\sqrt2|\sqrt{3}|\sqrt[3]8|\sqrt[3]{x}|5|x|1,000|12,345,678|0,1|3.5|.5|\pi|\left(|\right)
[2,5)|\text{ cm}|\text{m}|\mbox{in}|\text{and}|\textbf{(B)}|\overline{AB}|\boxed{7}|\boxed{\frac{1}{2}}|^\circ|\;|,\!
^{\circ}|{,}|\$|$|=|x=|a |an | ways| square| ft|km|\left[|units|degrees|\ldots|\dots|"|\ |.|.$|\mathrm{th}|\text{s}
\text{}^2|-|+|2\pi cm|%
"""


def a_text(rng: random.Random) -> str:
    return "".join(rng.choices(PARTS.strip().replace("\n", "|").split("|"), k=rng.randrange(1, 6)))


def test_minerva_normal_form_equals_lm_eval(ask_lm_eval: Callable[[str, object], Any]) -> None:
    rng = random.Random(3)
    texts = [a_text(rng) for _ in range(3000)]
    replies = [f"So it is. Final Answer: The final answer is {text}. I hope it is correct." for text in texts[:200]]
    replies += [
        "Final Answer: The final answer is $5$. ",
        "The final answer is 5.",
        "",
        "Final Answer: The final answer is\n5",
    ]
    expected = ask_lm_eval(
        "from lm_eval.tasks.minerva_math import utils\n"
        "found = [[utils.normalize_final_answer(text) for text in asked[0]],\n"
        "    [utils.get_unnormalized_answer(text) for text in asked[1]]]",
        [texts, replies],
    )
    wrong = [(t, minerva_normalise(t), e) for t, e in zip(texts, expected[0], strict=True) if minerva_normalise(t) != e]
    assert wrong == []
    found = [minerva_answer(text) for text in replies]
    assert ["[invalidanswer]" if answer is None else answer for answer in found] == expected[1]


def test_last_box_equals_lm_eval(ask_lm_eval: Callable[[str, object], Any]) -> None:
    rng = random.Random(4)
    boxes = (r"\boxed{", r"\fbox{", "{", "}", r"\frac{1}{2}", "x", " ", r"\boxed{5}", r"\boxed{\frac{1}{2}}", "$")
    texts = ["".join(rng.choices(boxes, k=rng.randrange(1, 9))) for _ in range(1000)]
    # Its rule for \fbox looks for none of the other kind; ours takes the last of either.
    texts = [text for text in texts if not (r"\fbox" in text and r"\boxed" in text)]
    expected = ask_lm_eval(
        "from lm_eval.tasks.minerva_math import utils\n"
        "boxed = [utils.last_boxed_only_string(text) for text in asked]\n"
        "found = [None if box is None else box[box.index('{') + 1 : -1] for box in boxed]",
        texts,
    )
    wrong = [(text, last_boxed(text), e) for text, e in zip(texts, expected, strict=True) if last_boxed(text) != e]
    assert wrong == []
    assert sum(found is not None for found in expected) > 200


def test_math_verify_score_equals_lm_eval(scored: Scored, ask_lm_eval: Callable[[str, object], Any]) -> None:
    # A per cent sign is left out: math-verify 0.9.0 heeds it with antlr 4.13 and drops it with the 4.11 of lm-eval.
    rng = random.Random(5)
    answers = [
        r"\frac{1}{2}",
        "0.5",
        "2",
        r"\sqrt{8}",
        r"2\sqrt{2}",
        "(1,2)",
        "[2,5)",
        "x^2+1",
        "1+x^2",
        "1,000",
        "1000",
    ]
    answers += [
        r"\{1,2\}",
        r"\{2,1\}",
        r"x \in [2,5)",
        "x=3",
        "3",
        r"\frac{\pi}{4}",
        r"\text{Monday}",
        r"45^\circ",
        "-7",
        "7",
    ]
    pairs = []
    for _ in range(150):
        gold, said = rng.choice(answers), rng.choice(answers)
        shape = rng.choice(
            (
                r"\boxed{{{}}}",
                "The answer is ${}$.",
                "{}",
                "Final Answer: The final answer is ${}$. I hope it is correct.",
            )
        )
        pairs.append((rf"So we get $\boxed{{{gold}}}$.", shape.format(said)))
    expected = ask_lm_eval(
        "from lm_eval.tasks.minerva_math import utils\n"
        "found = [bool(utils.verify(gold=utils.parse(gold), target=utils.parse(said))) for gold, said in asked]",
        pairs,
    )
    found = []
    for gold, said in pairs:
        sample = Sample("1", "q", targets=(last_boxed(gold) or "",), data={"solution": gold})
        score = scored(math_equal(), sample, said)["math_verify"]
        found.append(bool(score.value) if score.reason != "compared as text" else None)
    wrong = [(pair, f, e) for pair, f, e in zip(pairs, found, expected, strict=True) if f is not None and f != e]
    assert wrong == []
    assert 10 < sum(expected) < 140


# Expected values follow the table of math-verify's README and mathematics.
@pytest.mark.parametrize(
    ("target", "said", "right"),
    [
        (r"\frac{1}{2}", r"so $\boxed{0.5}$", 1.0),
        (r"\frac{1}{2}", r"it is 1/2", 1.0),
        ("1000", "the total is 1,000 dollars", 1.0),
        (r"2\sqrt{2}", r"$\sqrt{8}$", 1.0),
        (r"x^2+2x+1", r"\boxed{(x+1)^2}", 1.0),
        (r"\{1,2,3\}", r"\boxed{\{3,2,1\}}", 1.0),
        ("(1,2)", r"\boxed{(2,1)}", 0.0),
        ("[2,5)", r"$[2,5]$", 0.0),
        ("4", "5", 0.0),
    ],
)
def test_symbolic_equality(scored: Scored, target: str, said: str, right: float) -> None:
    assert scored(math_equal(), Sample("1", "q", targets=(target,)), said)["math_verify"].value == right


def test_no_formula_is_no_answer(scored: Scored) -> None:
    found = scored(math_equal(), Sample("1", "q", targets=("4",)), "I would rather not.")
    assert (found["math_verify"].value, found["math_verify"].validity) == (0.0, Validity.NO_ANSWER)


def test_what_takes_too_long_ends_alone(scored: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 3.0)
    sample = Sample("1", "q", targets=("4",))
    assert scored(math_equal(), sample, "4")["math_verify"].value == 1.0
    started = time.monotonic()
    late = scored(math_equal(), sample, r"\boxed{9^{9^{9^{9}}}}")["math_verify"]
    assert late.value == 0.0
    assert time.monotonic() - started < 20
    assert scored(math_equal(), sample, r"\boxed{2+2}")["math_verify"].value == 1.0


def test_without_the_extra_a_run_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = math_equal()
    assert scorer.ready is not None
    assert scorer.ready(False).scores == scorer.scores
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="math-verify is not installed"):
        scorer.ready(False)


def test_both_scores_beside_lm_evals_exact_match(scored: Scored, ask_lm_eval: Callable[[str, object], Any]) -> None:
    """Its exact match is equality in Minerva's normal form or by sympy, of what its closing sentence holds.

    Ours is the normal form alone, so ours implies its; and where it takes algebra to see it, math-verify sees it.
    """
    rng = random.Random(7)
    answers = [
        r"\frac{1}{2}",
        r"\frac12",
        r"\tfrac{1}{2}",
        "2",
        "x+1",
        "1+x",
        r"\sqrt{8}",
        r"2\sqrt{2}",
        "(1,2)",
        "[2,5)",
        "12",
    ]
    answers += [
        "1,000",
        "1000",
        "x^2-1",
        "(x-1)(x+1)",
        r"\pi",
        "3",
        r"3\text{ cm}",
        r"x=3",
        r"\left(3,\frac{\pi}{2}\right)",
        "-7",
    ]
    pairs = [(rng.choice(answers), rng.choice(answers)) for _ in range(250)]
    script = (
        "from lm_eval.tasks.minerva_math.utils import is_equiv, normalize_final_answer as normal\n"
        "found = [bool(is_equiv(normal(said), normal(gold))) for gold, said in asked]"
    )
    ours = []
    for gold, said in pairs:
        reply = f"Final Answer: The final answer is ${said}$. I hope it is correct."
        found = scored(math_equal(), Sample("1", "q", targets=(gold,)), reply)
        ours.append((found["exact_match"].value, found["math_verify"].value))
    theirs = ask_lm_eval(script, pairs)
    assert [pair for pair, (exact, _), other in zip(pairs, ours, theirs, strict=True) if exact and not other] == []
    unseen = [
        pair
        for pair, (exact, verified), other in zip(pairs, ours, theirs, strict=True)
        if other and not (exact or verified)
    ]
    assert unseen == []
    assert sum(theirs) > sum(exact for exact, _ in ours) > 5


@pytest.mark.parametrize(
    ("gold", "said", "allowed", "value"),
    [
        ("2.7", "\\boxed{2.75}", 0.1, 1.0),
        ("2.7", "\\boxed{2.85}", 0.1, 0.0),
        ("2.7", "\\boxed{2.75}", 0.0, 0.0),
        ("\\frac{1}{3}", "\\boxed{0.33}", 0.01, 1.0),
        ("1.5, 2.5", "\\boxed{2.49, 1.52}", 0.05, 1.0),
        ("1.5, 2.5", "\\boxed{2.49}", 0.05, 0.0),
        ("x + 1", "\\boxed{x + 1.01}", 0.1, 0.0),
    ],
)
def test_numbers_within_the_allowed_error_are_equal(gold: str, said: str, allowed: float, value: float) -> None:
    sample = Sample("1", "?", targets=(gold,), data={"allowed_error": allowed})
    found = asyncio.run(math_equal().score(sample, (Reply((said,), ("stop",)),)))
    assert found[0].value == value
