import pytest

from tests.tasks.harness import definition

ROWS = [
    {"goal": "Cool soup", "sol1": "Blow on it ", "sol2": "Boil it", "label": 0},
    {"goal": "ice box", "sol1": "add soda", "sol2": "add ice", "label": 1},
]
SHOWN = [{"goal": "Dry a shirt", "sol1": "Drown it", "sol2": "Hang it up", "label": 1}]


@pytest.fixture(params=["baber/piqa/default", "ybisk/piqa/plain_text"])
def piqa(request, over):
    return over("piqa", {f"{request.param}/validation": ROWS, f"{request.param}/train": SHOWN})


def test_the_prompt_byte_for_byte_from_a_mirror_under_either_name(piqa):
    assert next(piqa.prompts()) == "Question: Cool soup\nAnswer:"
    assert next(piqa.prompts(shots=1)) == ("Question: Dry a shirt\nAnswer: Hang it up\n\nQuestion: Cool soup\nAnswer:")


def test_solutions_are_weighed_as_they_are_written(piqa):
    samples = piqa.samples()
    assert [sample.choices for sample in samples] == [("Blow on it ", "Boil it"), ("add soda", "add ice")]
    assert [sample.gold for sample in samples] == [(0,), (1,)]
    assert piqa.problems() == []


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(piqa, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "piqa" / "piqa.yaml")
    for sample, prompt, row in zip(piqa.samples(), piqa.prompts(shots=shots), ROWS, strict=True):
        assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(row, SHOWN[:shots])
        assert sample.gold == (oracle.gold(row),)


@pytest.mark.shared_data
def test_every_real_row_is_asked_as_lm_eval_asks_it(on_real_rows, lm_eval_tasks):
    piqa, oracle = on_real_rows("piqa"), definition(lm_eval_tasks / "piqa" / "piqa.yaml")
    rows = [row.values for row in piqa.rows(piqa.task.data[0])]
    assert len(rows) == 1838
    for sample, prompt, row in zip(piqa.samples(), piqa.prompts(), rows, strict=True):
        assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(row)
        assert sample.gold == (oracle.gold(row),)
