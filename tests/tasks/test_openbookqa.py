import pytest

from tests.tasks.harness import definition

ROWS = [
    {
        "id": "1-1",
        "question_stem": "A shadow grows longest at",
        "choices": {"text": ["noon", "sunset", "midnight", "lunch"], "label": ["A", "B", "C", "D"]},
        # Some keys of the real set have a blank before them.
        "answerKey": " B",
    }
]
SHOWN = [{**ROWS[0], "id": "1-2", "question_stem": "Bees make", "answerKey": "A"}]


@pytest.fixture
def openbookqa(over):
    return over("openbookqa", {"allenai/openbookqa/main/test": ROWS, "allenai/openbookqa/main/train": SHOWN})


def test_the_prompt_is_the_bare_stem(openbookqa):
    assert next(openbookqa.prompts()) == "A shadow grows longest at"
    assert next(openbookqa.prompts(shots=1)) == "Bees make noon\n\nA shadow grows longest at"


def test_the_key_may_have_a_blank_before_it(openbookqa):
    assert [(s.gold, s.targets) for s in openbookqa.samples()] == [((1,), ("sunset",))]
    assert openbookqa.problems() == []


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(openbookqa, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "openbookqa" / "openbookqa.yaml")
    [sample], [prompt] = openbookqa.samples(), openbookqa.prompts(shots=shots)
    assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(ROWS[0], SHOWN[:shots])
    assert sample.gold == (oracle.gold(ROWS[0]),)
