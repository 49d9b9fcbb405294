import pytest

from tests.tasks.harness import definition

ROWS = [
    {"question": "is ice warm", "passage": "Ice -- Ice is frozen water. ", "idx": 0, "label": 0},
    {"question": "is ice water", "passage": "Ice -- Ice is frozen water. ", "idx": 1, "label": 1},
]
SHOWN = [{"question": "do fish swim", "passage": "Fish -- They swim.", "idx": 0, "label": 1}]


@pytest.fixture
def boolq(over):
    return over("boolq", {"aps/super_glue/boolq/validation": ROWS, "aps/super_glue/boolq/train": SHOWN})


def test_the_prompt_byte_for_byte(boolq):
    assert next(boolq.prompts()) == "Ice -- Ice is frozen water. \nQuestion: is ice warm?\nAnswer:"
    assert next(boolq.prompts(shots=1)) == (
        "Fish -- They swim.\nQuestion: do fish swim?\nAnswer: yes\n\n"
        "Ice -- Ice is frozen water. \nQuestion: is ice warm?\nAnswer:"
    )


def test_no_comes_first_and_questions_of_one_passage_share_a_cluster(boolq):
    samples = boolq.samples()
    assert [sample.choices for sample in samples] == [("no", "yes")] * 2
    assert [sample.gold for sample in samples] == [(0,), (1,)]
    assert samples[0].cluster == samples[1].cluster != ""
    assert boolq.problems() == []


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(boolq, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "super_glue" / "boolq" / "default.yaml")
    for sample, prompt, row in zip(boolq.samples(), boolq.prompts(shots=shots), ROWS, strict=True):
        assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(row, SHOWN[:shots])
        assert sample.gold == (oracle.gold(row),)
