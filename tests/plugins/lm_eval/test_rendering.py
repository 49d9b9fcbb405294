"""Prompts as lm-eval 0.4.13 renders them; what is expected was worked out from its definitions, by hand."""

from __future__ import annotations

import pytest

from evalkit.core import UsageError
from tests.plugins.lm_eval.conftest import asked

QA = """
task: qa
dataset_path: json
dataset_kwargs: {data_files: {test: ROWS, train: ROWS}}
test_split: test
"""
FOUR = tuple({"q": f"Question {letter}", "a": f"answer {letter}"} for letter in "abcd")


def one_prompt(load, k=None):
    return asked(load("qa"), k)[0]


@pytest.mark.parametrize(
    ("keys", "prompt"),
    [
        ('doc_to_text: "{{q}}?"\ndoc_to_target: a', "Question a?"),
        ('doc_to_text: q\ndoc_to_target: a\ndescription: "Answer.\\n\\n"', "Answer.\n\nQuestion a"),
        ("doc_to_text: q\ndoc_to_target: a\ndescription: 'About {{q}}: '", "About Question a: Question a"),
        # The prefix is set apart by the delimiter where neither side has white space.
        ("doc_to_text: q\ndoc_to_target: a\ngen_prefix: 'So:'", "Question a So:"),
        ("doc_to_text: \"{{q}}\\n\"\ndoc_to_target: a\ngen_prefix: 'So:'", "Question a\nSo:"),
        ("doc_to_text: q\ndoc_to_target: a\ngen_prefix: ' So:'\ntarget_delimiter: '/'", "Question a So:"),
        ("doc_to_text: q\ndoc_to_target: a\ngen_prefix: 'So:'\ntarget_delimiter: '/'", "Question a/So:"),
        # A null prints as None, a filter of lm-eval's is offered, a line break at the end is kept.
        ("doc_to_text: '{{nothing}}'\ndoc_to_target: a", "None"),
        ("doc_to_text: \"{{q|regex_replace('[A-Z]', '_')}}\\n\"\ndoc_to_target: a", "_uestion a\n"),
        ("doc_to_text: q\ndoc_to_target: a\ndescription: q", "Question aQuestion a"),
    ],
)
def test_the_question(write, rows, load, keys, prompt):
    write("qa.yaml", QA + keys)
    rows({**FOUR[0], "nothing": None}, {**FOUR[1], "nothing": None})
    assert one_prompt(load)[1].text == prompt


@pytest.mark.parametrize(
    ("keys", "example"),
    [
        ("", "Question b answer b\n\n"),
        ("target_delimiter: ''\nfewshot_delimiter: '##'", "Question banswer b##"),
        ("gen_prefix: 'So:'", "Question b So: answer b\n\n"),
        ("gen_prefix: 'So: '", "Question b So: answer b\n\n"),
        ("fewshot_config: {doc_to_text: '<{{q}}>', target_delimiter: '='}", "<Question b>=answer b\n\n"),
        ("fewshot_config: {gen_prefix: '({{a}})'}", "Question b (answer b) answer b\n\n"),
        # An empty answer ends nothing.
        ("fewshot_config: {doc_to_target: ''}", "Question b"),
        ("fewshot_config: {doc_to_target: \"['first', 'second']\"}", "Question b first\n\n"),
    ],
)
def test_a_worked_example(write, rows, load, keys, example):
    sampler = "sampler: first_n"
    keys = (
        keys.replace("fewshot_config: {", f"fewshot_config: {{{sampler}, ")
        if "fewshot_config" in keys
        else (f"{keys}\nfewshot_config: {{{sampler}}}")
    )
    write("qa.yaml", QA + f"doc_to_text: q\ndoc_to_target: a\nfewshot_split: test\n{keys}")
    rows(*FOUR)
    text = one_prompt(load, 1)[1].text
    assert text.startswith(example)
    assert text.removeprefix(example).startswith("Question a")


def test_literal_examples_of_another_schema(write, rows, load):
    form = "sampler: first_n, doc_to_text: '{{other}}', doc_to_target: '{{right}}'"
    samples = f"fewshot_config: {{{form}, samples: [{{other: X, right: Y}}]}}"
    write("qa.yaml", QA + f"doc_to_text: q\ndoc_to_target: a\nnum_fewshot: 1\n{samples}")
    rows(*FOUR)
    assert one_prompt(load)[1].text == "X Y\n\nQuestion a"


def test_examples_are_drawn_as_lm_eval_draws_them(write, rows, load):
    """random.Random(1234).sample(pool, k) for each row in turn; one more where the split is that of the test."""
    import random

    write("qa.yaml", QA + "doc_to_text: q\ndoc_to_target: a\ntraining_split: train\nfewshot_split: train")
    many = [{"q": f"Q{n}", "a": f"A{n}"} for n in range(20)]
    rows(*many)
    stream = random.Random(1234)
    for number, (_, prompt) in enumerate(asked(load("qa"), 2)):
        drawn = stream.sample(range(20), 2)
        if number in drawn:
            continue  # the row itself is never shown; lm-eval shows it
        assert prompt.text == "".join(f"Q{n} A{n}\n\n" for n in drawn) + f"Q{number}"


@pytest.mark.parametrize(
    ("keys", "choices", "gold", "delimiter"),
    [
        ("doc_to_choice: options\ndoc_to_target: place", ("x", "y", "z"), (1,), " "),
        ("doc_to_choice: ['no', 'yes']\ndoc_to_target: place", ("no", "yes"), (1,), " "),
        ("doc_to_choice: {a: 'no', b: 'yes'}\ndoc_to_target: '{{place}}'", ("no", "yes"), (1,), " "),
        ("doc_to_choice: '{{options}}'\ndoc_to_target: '{{options[2]}}'", ("x", "y", "z"), (2,), " "),
        ("doc_to_choice: options\ndoc_to_target: '[0, 2]'\ntarget_delimiter: ''", ("x", "y", "z"), (0, 2), ""),
        ("doc_to_choice: options\ndoc_to_target: 0", ("x", "y", "z"), (0,), " "),
    ],
)
def test_choices(write, rows, load, keys, choices, gold, delimiter):
    write("qa.yaml", QA + f"output_type: multiple_choice\ndoc_to_text: q\n{keys}")
    rows({"q": "Q", "options": ["x", "y", "z"], "place": 1})
    task = load("qa")
    sample, _ = asked(task)[0]
    assert (sample.choices, sample.gold) == (choices, gold)
    assert task.method.settings.get("delimiter", " ") == delimiter


def test_a_gold_that_is_no_choice_is_said(write, rows, load):
    write("qa.yaml", QA + "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: options\ndoc_to_target: a")
    rows({"q": "Q", "options": ["x", "y"], "a": "other"})
    with pytest.raises(UsageError, match="none of the choices"):
        asked(load("qa"))


def test_choices_that_are_contexts(write, rows, load):
    write(
        "qa.yaml", QA + "output_type: multiple_choice\ndoc_to_text: place\ndoc_to_choice: options\ndoc_to_target: end"
    )
    rows({"options": ["He is", "She is"], "place": 1, "end": "tall."})
    sample, prompt = asked(load("qa"))[0]
    assert (sample.choices, sample.targets, sample.gold) == (("He is", "She is"), ("tall.",), (1,))
    assert prompt.text == ""


def test_rolling_weighs_the_target(write, rows, load):
    write("qa.yaml", QA + "output_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: a\ndescription: none")
    rows(*FOUR)
    assert one_prompt(load)[1].text == "answer a"
