import pytest

from tests.tasks.harness import definition, function

ROWS = [
    {
        "ind": 4,
        "activity_label": "Baking a cake",
        "ctx_a": "A woman [step] opens  the oven. [title] How to bake.",
        "ctx_b": "she Then McX",
        "ctx": "A woman opens the oven. she",
        "endings": [" takes it out [substeps] .", "eats  the  door [title] Next", "sleeps", "flies"],
        "label": "0",
    },
    {
        "ind": 5,
        "activity_label": "Skating",
        "ctx_a": "Two boys skate.",
        "ctx_b": "",
        "ctx": "Two boys skate.",
        "endings": ["They fall.", "They swim.", "They cook.", "They read."],
        "label": "2",
    },
]
SHOWN = [{**ROWS[1], "ind": 6, "activity_label": "Reading", "ctx_a": "A girl sits.", "label": "3"}]


@pytest.fixture
def hellaswag(over):
    folder = "Rowan/hellaswag/default"
    return over("hellaswag", {f"{folder}/validation": ROWS, f"{folder}/train": SHOWN})


def test_a_scene_loses_wikihows_marks(hellaswag):
    assert list(hellaswag.prompts()) == [
        "Baking a cake: A woman opens the oven.. How to bake. She then mcx",
        "Skating: Two boys skate.",
    ]
    assert hellaswag.samples()[0].choices[:2] == ("takes it out .", "eats the door. Next")


def test_an_example_ends_with_its_right_ending(hellaswag):
    assert list(hellaswag.prompts(shots=1))[1] == "Reading: A girl sits. They read.\n\nSkating: Two boys skate."


def test_gold_is_the_label(hellaswag):
    assert [sample.gold for sample in hellaswag.samples()] == [(0,), (2,)]
    assert hellaswag.problems() == []


class Mapped(list):
    """As much of a Dataset as process_docs uses."""

    def map(self, make):
        return Mapped({**row, **make(row)} for row in self)


@pytest.mark.parametrize("shots", [0, 1])
def test_prompts_choices_and_gold_are_those_of_lm_eval(hellaswag, lm_eval_tasks, shots):
    pytest.importorskip("datasets")
    folder = lm_eval_tasks / "hellaswag"
    oracle, processed = definition(folder / "hellaswag.yaml"), function(folder / "utils.py", "process_docs")
    asked, shown = processed(Mapped(ROWS)), processed(Mapped(SHOWN))[:shots]
    for sample, prompt, row in zip(hellaswag.samples(), hellaswag.prompts(shots=shots), asked, strict=True):
        assert [(prompt, f" {choice}") for choice in sample.choices] == oracle.asked(row, shown)
        assert sample.gold == (oracle.gold(row),)
