"""MATH: prompts as lm-evaluation-harness' minerva_math makes them, rows of both sets, and gold answers."""

from __future__ import annotations

import json

import pytest

from evalkit.core import UsageError
from evalkit.plugins import load

pytest.importorskip("math_verify", reason="the extra `math` is not installed")

ROWS = [
    {
        "problem": "If $2x+3=7$, what is $x$?",
        "level": "Level 1",
        "type": "Algebra",
        "solution": "Subtracting gives $2x=4$, so $x=\\boxed{2}$.",
    },
    {
        "problem": "What is half of $\\frac{1}{3}$?",
        "level": "Level 2",
        "type": "Algebra",
        "solution": "It is $\\boxed{\\dfrac{1}{6}}$.",
    },
]
SETS = {"EleutherAI/hendrycks_math/algebra/test": ROWS, "EleutherAI/hendrycks_math/algebra/train": ROWS[::-1]}
FIVE_HUNDRED = [
    {
        "problem": "Convert $(0,3)$ to polar coordinates.",
        "solution": "We have $\\boxed{\\left(3,\\frac{\\pi}{2}\\right)}$.",
        "answer": "\\left( 3, \\frac{\\pi}{2} \\right)",
        "subject": "Precalculus",
        "level": 2,
        "unique_id": "test/precalculus/807.json",
    }
]


def test_the_prompt_of_minerva_byte_for_byte(over, ask_lm_eval):
    loaded = over("math,subject=algebra", SETS)
    expected = ask_lm_eval(
        "from lm_eval.tasks.minerva_math.utils import doc_to_text\nfound = [doc_to_text(row) for row in asked]", ROWS
    )
    assert list(loaded.prompts()) == expected


def test_the_four_shot_prompt_from_a_file_is_lm_evals(over, ask_lm_eval, tmp_path):
    """Its own few-shot examples, handed over as a file, give its own prompt."""
    script = (
        "from lm_eval.tasks.minerva_math.utils import doc_to_text, list_fewshot_samples\n"
        "shown = list_fewshot_samples()\n"
        "text = ''.join(doc_to_text(row) + ' ' + row['solution'] + '\\n\\n' for row in shown)\n"
        "found = [shown, [text + doc_to_text(row) for row in asked]]"
    )
    shown, expected = ask_lm_eval(script, ROWS)
    path = tmp_path / "four.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in shown))
    loaded = over(f"math,subject=algebra,examples={path}", SETS)
    assert (loaded.task.fewshot.k, loaded.task.fewshot.order) == (4, "first")
    assert list(loaded.prompts(shots=4)) == expected


def test_a_worked_example_of_the_training_set_ends_as_minervas_do(over):
    prompt = next(over("math,subject=algebra", SETS).prompts(shots=1, order="first"))
    assert prompt == (
        "Problem:\nWhat is half of $\\frac{1}{3}$?\n\nSolution: It is $\\boxed{\\dfrac{1}{6}}$.\n"
        "Final Answer: The final answer is $\\dfrac{1}{6}$. I hope it is correct.\n\n"
        "Problem:\nIf $2x+3=7$, what is $x$?\n\nSolution:"
    )


def test_the_boxed_form_asks_for_a_box(over):
    loaded = over("math,subject=algebra,form=boxed", SETS)
    assert next(loaded.prompts()).endswith("put the final answer within \\boxed{}.")
    assert loaded.task.method.settings["stop"] == "()"


def test_gold_answers_score_one_in_both_sets(over):
    assert over("math,subject=algebra", SETS).problems() == []
    sets = {"HuggingFaceH4/MATH-500/default/test": FIVE_HUNDRED}
    loaded = over("math,set=math500", sets)
    assert loaded.problems() == []
    [sample] = loaded.samples()
    assert (sample.id, sample.groups) == ("test/precalculus/807.json", ("Precalculus", "Level 2"))
    assert len(over("math,set=math500,subject=precalculus", sets).samples()) == 1


def test_seven_subjects_of_hendrycks_math(built_in):
    assert len(built_in("math").task.data) == 7
    with pytest.raises(UsageError, match="'algebre'"):
        load("task", "math,subject=algebre")
