import pytest

from evalkit.core import Attempt, Prompt
from evalkit.plugins import load

pytest.importorskip("langdetect", reason="the extra `language` is not installed")

# Keys whose prompt asks to repeat a text that breaks another of its instructions.
CONTRADICTORY = {"374", "1627", "3369", "3371", "3718"}


@pytest.mark.shared_data
def test_a_reply_that_follows_every_instruction_exists_but_for_five_prompts(on_real_rows):
    loaded = on_real_rows("ifeval")
    assert loaded.problems() == []
    gold = loaded.task.method.gold
    samples = loaded.samples()
    assert len(samples) == 541
    assert {sample.id for sample in samples if not gold(Attempt(sample, Prompt()))} == CONTRADICTORY


@pytest.mark.shared_data
def test_the_rows_hold_834_instructions_of_25_types(on_real_rows):
    found = [name for sample in on_real_rows("ifeval").samples() for name, _ in sample.data["instructions"]]
    # Zhou et al. 2023 count 25 types in 541 prompts.
    assert (len(found), len(set(found))) == (834, 25)


def test_the_prompt_is_the_rows_and_nulls_are_no_arguments(over):
    row = {
        "key": 7,
        "prompt": "Write at least 3 words. ",
        "instruction_id_list": ["length_constraints:number_words"],
        "kwargs": [{"num_words": 3, "relation": "at least", "keywords": None, "letter": None}],
    }
    loaded = over("ifeval", {"google/IFEval/default/train": [row]})
    [sample] = loaded.samples()
    assert list(loaded.prompts()) == ["Write at least 3 words. "]
    assert sample.id == "7"
    assert sample.data["instructions"] == (
        ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}),
    )


def test_nothing_stops_a_reply_before_its_limit():
    settings = load("task", "ifeval").method.settings
    assert (settings["stop"], settings["max_tokens"]) == ("()", "1280")
