import asyncio

import pytest

from evalkit.core import Reply, UsageError
from tests.tasks.harness import definition


def row(number, category, **more):
    return {
        "question_id": number,
        "question": f"What is {number} of {category}?",
        "options": [f"first {number}", " second ", "third", "N/A"][: 3 + number % 2],
        "answer": "B",
        "answer_index": 1,
        "cot_content": f"A: Let's think step by step. It is {number}. The answer is (B).",
        "category": category,
        "src": "made",
        **more,
    }


TEST = [row(1, "law"), row(2, "math"), row(3, "law"), row(4, "computer science")]
SHOWN = [row(10 + n, ("math", "law", "computer science")[n % 3]) for n in range(18)]
ROWS = {"TIGER-Lab/MMLU-Pro/default/test": TEST, "TIGER-Lab/MMLU-Pro/default/validation": SHOWN}
LAW = (
    "The following are multiple choice questions (with answers) about law. Think step by step and then finish your "
    'answer with "the answer is (X)" where X is the correct letter choice.\n'
)


@pytest.fixture
def law(over):
    return over("mmlu_pro,category=law", ROWS)


def test_the_prompt_byte_for_byte(law):
    asked = (
        "Question:\nWhat is 1 of law?\nOptions:\nA. first 1\nB. second\nC. third\nD. N/A\n"
        "Answer: Let's think step by step."
    )
    assert next(law.prompts()) == LAW + asked
    assert next(law.prompts(shots=1)) == (
        LAW + "Question:\nWhat is 11 of law?\nOptions:\nA. first 11\nB. second\nC. third\nD. N/A\n"
        "Answer: Let's think step by step. It is 11. The answer is (B).\n\n" + asked
    )


def test_a_category_has_its_own_rows_and_examples(over):
    every = over("mmlu_pro", {**ROWS, "TIGER-Lab/MMLU-Pro/default/test": TEST})
    assert len(every.task.data) == 14
    categories = [part.groups[0] for part in every.task.data]
    numbers = [len(every.rows(part)) for part in every.task.data]
    assert dict(zip(categories, numbers, strict=True))["law"] == 2
    assert sum(numbers) == 4
    assert [part.rows.open(every.options).count for part in every.task.data] == numbers
    assert len({part.rows.open(every.options).digest for part in every.task.data}) == 14


def test_gold_answers_score_one(law):
    assert law.problems() == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" It is so. The answer is (B).", 1.0),
        (" the answer is B", 1.0),
        (" the answer is (A). No, the answer is (B).", 0.0),
        (" It is (B).", 0.0),
        (" the answer is (b).", 0.0),
    ],
)
def test_the_first_letter_after_answer_is_counts(law, text, value):
    sample = law.samples()[0]
    [score] = asyncio.run(law.task.scorers[0].score(sample, (Reply(texts=(text,), finish=("stop",)),)))
    assert score.value == value


def test_an_unknown_category_names_the_nearest(over):
    with pytest.raises(UsageError) as caught:
        over("mmlu_pro,category=maths", ROWS)
    assert caught.value.fix == "did you mean 'math'?"


@pytest.mark.parametrize("category", ["law", "math", "computer science"])
@pytest.mark.parametrize("shots", [0, 5])
def test_prompts_are_those_of_lm_eval(over, lm_eval_tasks, category, shots):
    loaded = over(f"mmlu_pro,category={category}", ROWS)
    oracle = definition(lm_eval_tasks / "mmlu_pro" / f"mmlu_pro_{category.replace(' ', '_')}.yaml")
    shown = [one for one in SHOWN if one["category"] == category][:shots]
    asked = [one for one in TEST if one["category"] == category]
    assert list(loaded.prompts(shots=shots)) == [oracle.prompt(one, shown) for one in asked]
    assert loaded.task.method.settings["stop"] == repr(tuple(oracle.values["generation_kwargs"]["until"]))
    assert loaded.task.method.settings["max_tokens"] == str(oracle.values["generation_kwargs"]["max_gen_toks"])


def test_every_category_has_lm_evals_description(over, lm_eval_tasks):
    for part in over("mmlu_pro", ROWS).task.data:
        [category] = part.groups
        oracle = definition(lm_eval_tasks / "mmlu_pro" / f"mmlu_pro_{category.replace(' ', '_')}.yaml")
        assert oracle.values["description"] == LAW.replace("law", category)
