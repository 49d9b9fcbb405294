"""The forms in which SmolLM2's card asks BBH and MMLU: prompts and choices as literals, after lighteval's functions.

Source: huggingface/smollm, text/evaluation/smollm2/tasks.py (`bbh_prompt`, `mmlu_cloze_prompt`).
"""

from __future__ import annotations

from peers.tasks import bbh_card_form, mmlu_card_form

from evalkit.core import Row


def test_mmlu_is_asked_between_texts_by_their_length() -> None:
    task = mmlu_card_form.task()
    assert (len(task.data), task.fewshot.k, task.primary_metric) == (57, 0, "acc_norm")
    choices = ["a wall", "air", "a", "nothing at all"]
    values = {"question": " What\nholds?", "choices": choices, "answer": 1, "subject": "high_school_physics"}
    sample = task.sample(Row("one", values, "test"))
    assert sample.input == "The following are questions about high school physics.\nQuestion:  What\nholds?\nAnswer:"
    assert (list(sample.choices), sample.gold) == (choices, (1,))
    assert task.prompt.description is None or not task.prompt.description(sample)


def test_bbh_is_asked_for_the_bare_answer_after_three_examples() -> None:
    task = bbh_card_form.task()
    assert (len(task.data), task.fewshot.k) == (27, 3)
    assert all(subset.examples is subset.rows for subset in task.data)
    sample = task.sample(Row("one", {"input": "not ( True ) is", "target": "False"}, "test"))
    assert (sample.input, sample.targets) == ("Question: not ( True ) is\nAnswer:", ("False",))
