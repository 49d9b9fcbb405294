import pytest

from tests.tasks.harness import definition

ROWS = [
    {
        "id": "a1",
        "question": " Where does a cup stand? ",
        "question_concept": "cup",
        "choices": {"label": ["A", "B", "C", "D", "E"], "text": ["sea", "table", "sky", "fire", "A"]},
        "answerKey": "B",
    }
]
SHOWN = [{**ROWS[0], "id": "a2", "question": "Where do birds fly?", "answerKey": "C"}]
LISTED = "A. sea\nB. table\nC. sky\nD. fire\nE. A\nAnswer:"


@pytest.fixture
def commonsense_qa(over):
    folder = "tau/commonsense_qa/default"
    return over("commonsense_qa", {f"{folder}/validation": ROWS, f"{folder}/train": SHOWN})


def test_the_prompt_lists_the_choices_and_strips_the_question(commonsense_qa):
    assert next(commonsense_qa.prompts()) == f"Question: Where does a cup stand?\n{LISTED}"
    assert next(commonsense_qa.prompts(shots=1)) == (
        f"Question: Where do birds fly?\n{LISTED} C\n\nQuestion: Where does a cup stand?\n{LISTED}"
    )


def test_the_model_picks_a_letter(commonsense_qa):
    [sample] = commonsense_qa.samples()
    assert (sample.choices, sample.gold, sample.targets) == (("A", "B", "C", "D", "E"), (1,), ("B",))
    assert commonsense_qa.problems() == []


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(commonsense_qa, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "commonsense_qa" / "default.yaml")
    [sample], [prompt] = commonsense_qa.samples(), commonsense_qa.prompts(shots=shots)
    assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(ROWS[0], SHOWN[:shots])
    assert sample.gold == (oracle.gold(ROWS[0]),)
