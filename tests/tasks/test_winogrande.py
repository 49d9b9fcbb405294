import asyncio
import random

import pytest

from evalkit.core import Attempt, Capabilities, Identity, Prompt, Reply, UsageError
from evalkit.plugins import load
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream
from evalkit.prompting.methods import choose_contexts
from tests.tasks.harness import definition

ROWS = [
    {"sentence": "Ann saw Bea because _ was tall.", "option1": "Ann", "option2": "Bea", "answer": "2"},
    {"sentence": "The cup broke the glass as the _ fell .", "option1": "cup", "option2": "glass", "answer": "1"},
]
SHOWN = [
    {"sentence": f"The {thing} hid the box, so the _ was big.", "option1": thing, "option2": "box", "answer": "1"}
    for thing in ("hat", "car", "bed", "rug", "sofa", "tree", "pot")
]


@pytest.fixture
def winogrande(over):
    folder = "allenai/winogrande/winogrande_xl"
    return over("winogrande", {f"{folder}/validation": ROWS, f"{folder}/train": SHOWN})


class Recorder:
    """A model that finds longer continuations and contexts less likely, and keeps what it was asked."""

    identity, capabilities = Identity("recorder"), Capabilities()

    def __init__(self):
        self.asked = []

    async def answer(self, request):
        [continuation] = request.continuations
        self.asked.append((request.prompt.text, request.delimiter + continuation))
        return Reply(loglikelihoods=(-float(len(request.prompt.text)),), greedy=(False,))

    async def close(self): ...


def ask(loaded, shots=0):
    """What is asked of a model for every sample: (context, continuation) pairs."""
    for sample, prompt in zip(loaded.samples(), loaded.prompts(shots=shots), strict=True):
        model = Recorder()
        split = len(prompt) - len(sample.input)
        attempt = Attempt(sample, Prompt(prompt[split:], prompt[:split]))
        replies = asyncio.run(loaded.task.method.ask(attempt, model))
        assert [reply.loglikelihoods for reply in replies] == [(-float(len(context)),) for context, _ in model.asked]
        yield model.asked


def test_each_option_is_put_into_the_blank_and_the_rest_follows(winogrande):
    assert next(ask(winogrande)) == [
        ("Ann saw Bea because Ann", " was tall."),
        ("Ann saw Bea because Bea", " was tall."),
    ]


def test_an_example_is_a_whole_sentence(winogrande):
    [(first, _), (second, _)] = next(ask(winogrande, shots=1))
    thing = first.split()[1]
    assert first == f"The {thing} hid the box, so the {thing} was big.\n\nAnn saw Bea because Ann"
    assert second == first.removesuffix("Ann") + "Bea"


def test_gold_is_the_number_of_the_option(winogrande):
    assert [sample.gold for sample in winogrande.samples()] == [(1,), (0,)]
    assert winogrande.problems() == []


def test_the_likelier_context_counts(winogrande):
    [scorer] = winogrande.task.scorers
    sample = winogrande.samples()[0]

    def scored(*values):
        replies = tuple(Reply(loglikelihoods=(value,), greedy=(False,)) for value in values)
        return asyncio.run(scorer.score(sample, replies))[0]

    assert scored(-3.0, -2.0).value == 1.0
    assert scored(-2.0, -3.0).value == 0.0
    assert scored(-2.0, -2.0).value == 0.0, "the first wins a tie"
    assert scored(-2.0, -3.5).reason == "ahead by 1.5 nats"
    with pytest.raises(ValueError, match="not numbers"):
        scored(-2.0, float("nan"))
    with pytest.raises(ValueError, match="1 replies for 2 choices"):
        scored(-2.0)


def test_a_sample_without_a_continuation_cannot_be_asked(winogrande):
    sample = load("task", "winogrande").sample(winogrande.rows(winogrande.task.data[0])[0])
    bare = type(sample)(sample.id, sample.input, choices=sample.choices, gold=sample.gold)
    with pytest.raises(UsageError, match="cannot be asked by its contexts"):
        asyncio.run(choose_contexts().ask(Attempt(bare, Prompt("x")), Recorder()))


@pytest.mark.parametrize("shots", [0, 1])
def test_contexts_continuations_and_gold_are_those_of_lm_eval(winogrande, lm_eval_tasks, shots):
    oracle = definition(lm_eval_tasks / "winogrande" / "default.yaml")
    by_sentence = {oracle.shown(row): row for row in SHOWN}
    for sample, asked, row in zip(winogrande.samples(), ask(winogrande, shots=shots), ROWS, strict=True):
        example = [by_sentence[asked[0][0].partition("\n\n")[0] + "\n\n"]] if shots else []
        assert asked == oracle.asked(row, example)
        assert sample.gold == (oracle.gold(row),)


def test_lm_eval_order_draws_one_example_more_than_it_shows(winogrande):
    # As its ContextSampler does for a task without a test split: Random(1234).sample(pool, k + 1), the first k shown.
    part, task = winogrande.task.data[0], winogrande.task
    fewshot = type(task.fewshot)(2, "lm-eval", task.fewshot.spare)
    renderer = PromptRenderer(
        task.name, task.prompt, fewshot, part, task.sample, winogrande.options, 1, lm_eval_stream()
    )
    stream = random.Random(1234)
    for row in winogrande.rows(part):
        drawn = stream.sample([shown["option1"] for shown in SHOWN], 3)[:2]
        shown = "".join(f"The {thing} hid the box, so the {thing} was big.\n\n" for thing in drawn)
        assert renderer.render(task.sample(row)).preamble == shown
