import pytest

from tests.tasks.harness import definition

PROBLEMS = [
    {"question": "Who ran?", "answer": "B", "options": ["Tom", "Ann", "a dog", "nobody"]},
    {"question": "He had a  _  .", "answer": "D", "options": ["cat", "car", "cold", "dog"]},
    {"question": "What colour is the house in the story?", "answer": "A", "options": ["red", "blue", "grey", "white"]},
]
ROWS = [
    {"article": "Ann ran home.\nHer house is red.", "problems": repr(PROBLEMS)},
    {"article": "A short one.", "problems": repr(PROBLEMS[:1])},
]


@pytest.fixture
def race(over):
    return over("race", {"EleutherAI/race/high/test": ROWS})


def test_the_last_question_comes_after_the_others_with_their_answers(race):
    assert list(race.prompts()) == [
        "Article: Ann ran home.\nHer house is red.\n\n"
        "Question: Who ran?\nAnswer: Ann\n"
        "He had a dog\n"
        "What colour is the house in the story?",
        "Article: A short one.\n\nWho ran?",
    ]


def test_gold_is_the_last_questions(race):
    assert [(sample.gold, sample.choices[sample.gold[0]]) for sample in race.samples()] == [
        ((0,), "red"),
        ((1,), "Ann"),
    ]
    assert race.problems() == []


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(race, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "race" / "race.yaml")
    others = [ROWS[1], ROWS[0]]
    for sample, prompt, row, other in zip(race.samples(), race.prompts(shots=shots), ROWS, others, strict=True):
        assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(row, [other] if shots else [])
        assert sample.gold == (oracle.gold(row),)
