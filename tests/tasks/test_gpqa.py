import asyncio
from dataclasses import replace

import pytest

from evalkit.core import Reply, Subset
from evalkit.data import rows
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel
from tests.tasks.harness import definition, function

ROWS = [
    {
        "Record ID": f"rec{number}",
        "Question": f" What is {number} + {number}?",
        "Correct Answer": f"{2 * number} [c]\n",
        "Incorrect Answer 1": f"{2 * number + 1}",
        "Incorrect Answer 2": "none  of these",
        "Incorrect Answer 3": None,
        "High-level domain": ("Physics", "Biology")[number % 2],
    }
    for number in range(40)
]


@pytest.fixture
def gpqa(over):
    configs = ("diamond", "main", "extended")
    return lambda spec="gpqa", rows=ROWS: over(spec, {f"Idavidrein/gpqa/gpqa_{c}/train": rows for c in configs})


def test_the_prompt_byte_for_byte(gpqa):
    loaded = gpqa()
    sample, prompt = loaded.samples()[3], list(loaded.prompts())[3]
    options = {"(A)": "", "(B)": "", "(C)": "", "(D)": ""}
    for line in prompt.splitlines()[2:6]:
        options[line[:3]] = line[4:]
    assert sorted(options.values()) == [" ", "6 [c]", "7", "none of these"]
    listed = "".join(f"{letter} {option}\n" for letter, option in options.items())
    assert prompt == f"What is the correct answer to this question: What is 3 + 3?\nChoices:\n{listed}Answer:"
    assert options[sample.targets[0]] == "6 [c]"
    assert sample.choices == ("(A)", "(B)", "(C)", "(D)")
    assert sample.groups == ("Biology",)


def test_the_order_depends_on_seed_and_question_alone(gpqa):
    order = [sample.gold for sample in gpqa().samples()]
    assert len(set(order)) == 4, "the right one stands everywhere"
    turned = list(reversed(gpqa(rows=ROWS[::-1]).samples()))
    assert [sample.gold for sample in turned] == order
    assert [sample.gold for sample in gpqa("gpqa,subset=main").samples()] == order
    assert [sample.gold for sample in gpqa("gpqa,seed=1").samples()] != order


def test_an_option_that_says_the_same_is_right_too(gpqa):
    row = {**ROWS[0], "Incorrect Answer 2": "0 [c]"}
    [sample] = gpqa(rows=[row]).samples()
    assert len(sample.gold) == 2


@pytest.mark.parametrize("spec", ["gpqa", "gpqa,form=cot", "gpqa,subset=extended"])
def test_gold_answers_score_one(gpqa, spec):
    assert gpqa(spec).problems() == []


def test_after_reasoning_the_last_letter_counts(gpqa):
    loaded = gpqa("gpqa,form=cot")
    sample = loaded.samples()[0]
    assert next(loaded.prompts()).endswith("\nLet's think step by step: ")
    right, wrong = sample.targets[0], next(c for c in sample.choices if c not in sample.targets)

    def value(text):
        reply = Reply(texts=(text,), finish=("stop",))
        return asyncio.run(loaded.task.scorers[0].score(sample, (reply,)))[0].value

    assert value(f"First {wrong}, no: the answer is {right}.") == 1.0
    assert value(f"First {right}, no: the answer is {wrong}.") == 0.0
    assert value("I don't know.") == 0.0


def test_what_is_eliminated_is_no_answer_and_the_two_readings_are_compared(gpqa):
    loaded = gpqa("gpqa,form=cot")
    sample = loaded.samples()[0]
    right, wrong = sample.targets[0], next(c for c in sample.choices if c not in sample.targets)
    last, own = loaded.task.scorers

    def score(scorer, text):
        return asyncio.run(scorer.score(sample, (Reply(texts=(text,), finish=("stop",)),)))[0]

    text = f"The answer is {right}. Eliminated: {wrong}."
    assert (score(last, text).value, score(own, text).value) == (0.0, 1.0)
    assert score(own, text).flags == ("scored otherwise by letter than by flexible_extract",)
    assert score(own, f"The answer is {right}.").flags == ()


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("gpqa", "zeroshot/gpqa_diamond_zeroshot.yaml"),
        ("gpqa,subset=main", "zeroshot/gpqa_main_zeroshot.yaml"),
        ("gpqa,form=cot", "cot_zeroshot/gpqa_diamond_cot_zeroshot.yaml"),
    ],
)
def test_the_same_order_of_options_gives_lm_evals_prompt(gpqa, lm_eval_tasks, spec, path):
    pytest.importorskip("datasets")
    oracle = definition(lm_eval_tasks / "gpqa" / path)
    clean = function((lm_eval_tasks / "gpqa" / path).parent / "utils.py", "preprocess")
    loaded = gpqa(spec)
    assert oracle.values["dataset_name"] == loaded.task.data[0].rows.config
    for sample, prompt, row in zip(loaded.samples(), loaded.prompts(), ROWS, strict=True):
        shown = [line[4:] for line in prompt.split("Choices:\n")[1].split("\n")[:4]]
        assert sorted(shown) == sorted(clean(row[key]) for key in row if "Answer" in key)
        doc = {**row, **{f"choice{place + 1}": option for place, option in enumerate(shown)}}
        assert prompt == oracle.read("doc_to_text", {**doc, "answer": sample.targets[0]})


# ------------------------------------------------------------------ one question, many ways to reply

STYLES = (
    "Answer: {letter}",
    "**Step 1.** Units first.\n\n**Answer: {letter}**",
    "The enzyme binds first, so (A) and (B) fall away.\n\nThe correct answer is **({letter})**.",
    "We get $E = 2.4$ eV, so $$\\boxed{{\\text{{{letter}}}}}$$",
    "<think>Is it A? No, B? No.</think>\n\n{letter}) {text}",
    "### Final answer\n\n**{letter}**",
    "Therefore the answer is {letter}, because {text} follows from the selection rules.",
    "Eliminated: A, B. Only one option is left.\n\nANSWER: ${letter}$",
)

PHOTON = {
    "Record ID": "rec1",
    "Question": "What is the energy of a photon of 517 nm?",
    "Correct Answer": "2.4 eV",
    "Incorrect Answer 1": "1.2 eV",
    "Incorrect Answer 2": "4.8 eV",
    "Incorrect Answer 3": "0.6 eV",
}


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("number", range(4))
def test_a_reply_in_chat_form_counts_in_eight_styles(gpqa, right, number):
    """The same question and eight ways to say the right letter: 8 of 8. With another letter, 0 of 8: what counts is the
    letter, whichever place it has, and not the style."""
    loaded = gpqa(f"gpqa,form=chat,seed={number}", [PHOTON])
    (made,) = loaded.samples()
    place = made.gold[0] if right else (made.gold[0] + 1) % 4
    text = made.input.splitlines()[-4 + place][3:]
    scored = []
    for style in STYLES:
        said = style.format(letter="ABCD"[place], text=text)
        reply = Reply(texts=(said,), finish=("eos",))
        scores = [one for scorer in loaded.task.scorers for one in asyncio.run(scorer.score(made, (reply,)))]
        scored.append(next(one.value for one in scores if one.name == loaded.task.primary_metric))
    assert scored == [float(right)] * 8


@pytest.mark.parametrize("form", ["choose", "chat"])
def test_options_are_shuffled_anew_for_every_sample_and_repeat(gpqa, form):
    """As simple-evals does. The prompt, the targets and the gold places go with the order, which the sample has."""
    loaded = gpqa(f"gpqa,form={form}", [PHOTON])
    settings = Settings(samples=6, temperature=1.0, shuffle_choices=True)
    model = GoldModel()
    if form == "choose":
        settings = replace(settings, samples=None, temperature=None)
    task = replace(loaded.task, data=(Subset(rows([PHOTON])),))
    works = list(prepare(task, "gpqa", "", model, settings).work())
    (plain,) = loaded.samples()
    marks = ["A) ", "B) ", "C) ", "D) "] if form == "chat" else ["(A) ", "(B) ", "(C) ", "(D) "]

    def listed(text):
        return [next(line[len(mark) :] for line in text.splitlines() if line.startswith(mark)) for mark in marks]

    orders = set()
    for work in works:
        sample, order = work.attempt.sample, work.attempt.sample.data["choice_order"]
        orders.add(tuple(order))
        shown = listed(work.attempt.prompt.text)
        assert shown == [listed(plain.input)[place] for place in order]
        assert [shown[place] for place in sample.gold] == ["2.4 eV"]
        assert sample.targets == tuple(
            marks[place].strip(" )(") if form == "chat" else f"({marks[place][1]})" for place in sample.gold
        )
    assert len(works) == (6 if form == "chat" else 1)
    assert len(orders) > 2 or form == "choose"
