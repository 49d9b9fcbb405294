import re

import pytest

from evalkit.core import UsageError
from evalkit.plugins import load

KINDS = ["1dc", "2da", "2dm", "2ds", "3da", "3ds", "4da", "4ds", "5da", "5ds"]


def test_ten_kinds_of_2000_problems(built_in):
    loaded = built_in("arithmetic")
    assert [part.groups for part in loaded.task.data] == [(kind,) for kind in KINDS]
    assert [len(loaded.samples(number)) for number in (0, 9)] == [2000, 2000]


def test_every_answer_is_right_by_python(built_in):
    """The oracle is Python's own arithmetic on the question as it is asked."""
    operations = {"plus": "+", "minus": "-", "times": "*"}
    loaded = built_in("arithmetic,count=200")
    for sample in loaded.samples():
        found = re.fullmatch(r"Question: What is (.*)\?\nAnswer:", sample.input)
        assert found is not None, sample.input
        asked = found[1]
        for word, sign in operations.items():
            asked = asked.replace(word, sign)
        assert re.fullmatch(r"[0-9+\-*() ]+", asked)
        assert sample.choices == (f" {eval(asked)}",)  # digits and signs only


def test_numbers_have_at_most_the_digits_of_the_kind_and_are_spread(built_in):
    for kind, most in (("2da", 99), ("3ds", 999), ("5da", 99999)):
        numbers = [int(n) for s in built_in(f"arithmetic,kind={kind}").samples() for n in re.findall(r"\d+", s.input)]
        assert max(numbers) <= most
        assert 0.45 * most < sum(numbers) / len(numbers) < 0.55 * most
    composite = [s.input for s in built_in("arithmetic,kind=1dc").samples()]
    assert {int(n) for text in composite for n in re.findall(r"\d", text)} == set(range(1, 10))
    assert all(re.search(r"\(\d [-+*] \d\) [-+*] \d\?", text) for text in composite)


def test_the_same_problems_every_time_and_others_with_another_seed(built_in):
    first, again, other = (
        [sample.input for sample in built_in(f"arithmetic,kind=3da,count=50,seed={seed}").samples()]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_rows_of_the_hub_are_asked_as_lm_eval_asks_them(over, ask_lm_eval):
    rows = [
        {"context": "\n\nQ: What is 98 plus 45?\n\nA:", "completion": " 143"},
        {"context": "Question: What is (9 + 8) * 2?\nAnswer:", "completion": " 34"},
    ]
    loaded = over("arithmetic,kind=2da,data=hub", {"EleutherAI/arithmetic/arithmetic_2da/validation": rows})
    script = (
        "import datasets\nfrom lm_eval.tasks.arithmetic.utils import process_docs\n"
        "found = [[doc['context'], doc['completion']] for doc in process_docs(datasets.Dataset.from_list(asked))]"
    )
    assert [[s.input, s.choices[0]] for s in loaded.samples()] == ask_lm_eval(script, rows)
    assert loaded.samples()[0].input == "Question: What is 98 plus 45?\nAnswer:"


def test_both_forms_score_their_gold_and_miss_another_number(built_in, scored_by):
    likely, written = built_in("arithmetic,count=20"), built_in("arithmetic,count=20,form=written")
    assert likely.problems() == written.problems() == []
    assert next(written.prompts()) == next(likely.prompts())
    sample = written.samples()[0]
    right = sample.targets[0]
    assert scored_by(written.task.scorers[0], sample, f"It is {right}.").value == 1.0
    assert scored_by(written.task.scorers[0], sample, f"{int(right) + 1}").value == 0.0


def test_mistakes_are_answered():
    with pytest.raises(UsageError, match="no kind of arithmetic named '2dd'"):
        load("task", "arithmetic,kind=2dd")
    with pytest.raises(UsageError, match="at least 1"):
        load("task", "arithmetic,count=0")
