import pytest

from tests.tasks.harness import definition

ROWS = [
    {
        "id": "Made_1",
        "question": "Which number of legs has a spider?",
        # The right text is an index of another choice, as in real rows with numbers.
        "choices": {"text": ["2", "1", "8", "0"], "label": ["A", "B", "C", "D"]},
        "answerKey": "C",
    },
    {
        "id": "Made_2",
        "question": "How many days has a week?",
        "choices": {"text": ["1", "0", "7"], "label": ["1", "2", "3"]},
        "answerKey": "1",
    },
]
SHOWN = [
    {
        "id": "Made_3",
        "question": "What melts?",
        "choices": {"text": ["ice", "sand", "iron at noon", "wood", "salt"], "label": ["A", "B", "C", "D", "E"]},
        "answerKey": "A",
    }
]


@pytest.fixture(params=["arc_easy", "arc_challenge"])
def arc(request, over):
    config = {"arc_easy": "ARC-Easy", "arc_challenge": "ARC-Challenge"}[request.param]
    folder = f"allenai/ai2_arc/{config}"
    return over(request.param, {f"{folder}/test": ROWS, f"{folder}/train": SHOWN})


def test_the_prompt_byte_for_byte(arc):
    assert list(arc.prompts()) == [
        "Question: Which number of legs has a spider?\nAnswer:",
        "Question: How many days has a week?\nAnswer:",
    ]


def test_the_prompt_with_one_example_byte_for_byte(arc):
    assert next(arc.prompts(shots=1)) == (
        "Question: What melts?\nAnswer: ice\n\nQuestion: Which number of legs has a spider?\nAnswer:"
    )


def test_gold_is_the_place_of_the_label_also_where_choices_are_numbers(arc):
    samples = arc.samples()
    assert [sample.gold for sample in samples] == [(2,), (0,)]
    assert samples[0].choices == ("2", "1", "8", "0")
    assert [sample.id for sample in samples] == ["Made_1", "Made_2"]
    assert arc.problems() == []


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(arc, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "arc" / f"{arc.task.name}.yaml")
    assert oracle.values["dataset_name"] == arc.task.data[0].rows.config
    for sample, prompt, row in zip(arc.samples(), arc.prompts(shots=shots), ROWS, strict=True):
        assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(row, SHOWN[:shots])
        assert sample.gold == (oracle.gold(row),)
