"""How methods ask, seen by a model that writes down what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from evalkit.core import (
    Attempt,
    Capabilities,
    Choose,
    Generate,
    Identity,
    Message,
    Method,
    ModelError,
    Perplexity,
    Prompt,
    Reply,
    Request,
    Sample,
    UsageError,
    Validity,
)
from evalkit.prompting.methods import chain_of_thought, multi_turn, perplexity, tool_loop, written_choice
from evalkit.prompting.methods.tool_loop import read_step
from evalkit.prompting.methods.tools import calculator, described
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.scorers import accuracy


class Listed:
    """Answers one generation after the other with the texts it was given."""

    def __init__(self, *texts: str, chats: bool = False, finish: str = "stop") -> None:
        self.identity = Identity("listed")
        self.capabilities = Capabilities(chats=chats, max_length=100)
        self.asked: list[Request] = []
        self._texts, self._finish = list(texts), finish

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        if isinstance(request, Generate):
            if not self._texts:
                raise ModelError("nothing left to say")
            return Reply(texts=(self._texts.pop(0),), finish=(self._finish,))
        if isinstance(request, Choose):
            values = tuple(-float(n) for n in range(len(request.continuations)))
            return Reply(loglikelihoods=values, greedy=(True,) * len(values))
        return Reply(loglikelihoods=(-1.0,), greedy=(False,))

    async def close(self) -> None: ...

    def prompts(self) -> list[Prompt]:
        return [request.prompt for request in self.asked if isinstance(request, Generate | Choose)]


SAMPLE = Sample("1", "q", targets=("4",), choices=("4", "5"), gold=(0,))


def asked(method: Method, model: Listed, prompt: Prompt, sample: Sample = SAMPLE) -> tuple[Reply, ...]:
    return asyncio.run(method.ask(Attempt(sample, prompt), model))


# ---------------------------------------------------------------- chain of thought


def test_reasoning_then_answer_as_one_text() -> None:
    model = Listed(" 2 and 2 make 4.", " 4")
    replies = asked(chain_of_thought(), model, Prompt("Q: 2 + 2?\nA:", "Examples.\n\n"))
    assert [prompt.text for prompt in model.prompts()] == [
        "Examples.\n\nQ: 2 + 2?\nA: Let's think step by step.",
        "Examples.\n\nQ: 2 + 2?\nA: Let's think step by step. 2 and 2 make 4.\nTherefore, the answer is",
    ]
    assert [reply.texts for reply in replies] == [(" 2 and 2 make 4.",), (" 4",)]
    assert [request.max_tokens for request in model.asked if isinstance(request, Generate)] == [512, 64]
    assert model.prompts()[1].preamble == "Examples.\n\n"


def test_a_chat_model_gets_its_reasoning_as_a_turn() -> None:
    model = Listed("Well, 4.", "4", chats=True)
    asked(chain_of_thought(answer_cue="So?"), model, Prompt("2 + 2?"))
    assert model.prompts()[1].messages == (
        Message("user", "2 + 2?\n\nLet's think step by step."),
        Message("assistant", "Well, 4."),
        Message("user", "So?"),
    )


def test_reasoning_then_a_choice_that_accuracy_scores() -> None:
    model = Listed("Well, 4.")
    method = chain_of_thought(then="choose")
    replies = asked(method, model, Prompt("2 + 2?"))
    assert isinstance(model.asked[1], Choose)
    assert model.asked[1].continuations == ("4", "5")
    scores = asyncio.run(accuracy().score(SAMPLE, replies))
    assert scores[0].value == 1.0
    assert method.needs == {Generate, Choose}


def test_reasoning_alone_is_one_request() -> None:
    model = Listed("Well, 4.")
    replies = asked(chain_of_thought(then="nothing", cue=""), model, Prompt("2 + 2?"))
    assert [prompt.text for prompt in model.prompts()] == ["2 + 2?"]
    assert len(replies) == 1


@pytest.mark.parametrize("then", ["generate", "choose", "nothing"])
def test_gold_replies_score(then: str) -> None:
    replies = chain_of_thought(then=then).gold(Attempt(SAMPLE, Prompt()))  # type: ignore[arg-type]
    if then == "choose":
        assert asyncio.run(accuracy().score(SAMPLE, replies))[0].value == 1.0
    else:
        assert final_answer(replies).text == "4"


# ---------------------------------------------------------------- a choice that is written


@pytest.mark.parametrize(
    ("said", "value", "validity"),
    [
        ("A", 1.0, Validity.OK),
        ("The answer is (A).", 1.0, Validity.OK),
        ("B", 0.0, Validity.OK),
        ("Lima", 1.0, Validity.OK),
        ("<think>B?</think>A", 1.0, Validity.OK),
        ("I can't say", 0.0, Validity.NO_ANSWER),
    ],
)
def test_a_written_choice_is_read_and_scored(said: str, value: float, validity: Validity) -> None:
    sample = Sample("1", "q", choices=("Lima", "Quito"), gold=(0,))
    model = Listed(said)
    replies = asked(written_choice(), model, Prompt("Capital of Peru?\nAnswer:"), sample)
    assert model.prompts()[0].text == (
        "Capital of Peru?\n\nA. Lima\nB. Quito\n\nReply with the letter of the right choice, and nothing else.\nAnswer:"
    )
    [score] = asyncio.run(accuracy().score(sample, replies))
    assert (score.name, score.value, score.validity) == ("acc", value, validity)
    assert replies[0].texts == (said,)


def test_choices_that_are_letters_are_not_listed_again() -> None:
    sample = Sample("1", "q", choices=("A", "B"), gold=(1,))
    model = Listed("**B**")
    replies = asked(written_choice(), model, Prompt("Which?\nA. x\nB. y\nAnswer:"), sample)
    assert "A. A" not in model.prompts()[0].text
    assert asyncio.run(accuracy().score(sample, replies))[0].value == 1.0


def test_a_conversation_keeps_its_turns() -> None:
    model = Listed("A")
    talk = (Message("system", "Be brief."), Message("user", "Which?"))
    asked(written_choice(), model, Prompt(messages=talk), Sample("1", talk, choices=("x", "y"), gold=(0,)))
    said = model.prompts()[0].messages
    assert said[0] == talk[0]
    assert said[1].content.startswith("Which?\n\nA. x\nB. y\n\nReply with")


def test_a_reply_cut_while_reasoning_is_no_answer_but_length() -> None:
    sample = Sample("1", "q", choices=("x", "y"), gold=(0,))
    replies = asked(written_choice(), Listed("<think>A or", finish="length"), Prompt("?"), sample)
    [score] = asyncio.run(accuracy().score(sample, replies))
    assert score.value == 0.0
    assert score.validity in (Validity.LENGTH, Validity.NO_ANSWER)


# ---------------------------------------------------------------- several turns


def test_every_turn_has_the_replies_before_it() -> None:
    model = Listed("one", "two", "three")
    sample = Sample("1", "q", targets=("three",), data={"more": ["Second?"]})
    replies = asked(multi_turn(column="more", follow_ups=("Third?",)), model, Prompt("First?"), sample)
    assert [reply.texts[0] for reply in replies] == ["one", "two", "three"]
    assert model.prompts()[2].messages == (
        Message("user", "First?"),
        Message("assistant", "one"),
        Message("user", "Second?"),
        Message("assistant", "two"),
        Message("user", "Third?"),
    )
    assert final_answer(replies).text == "three"


def test_turns_that_the_sample_answers_are_not_asked() -> None:
    model = Listed("last")
    talk = (Message("user", "Hi"), Message("assistant", "Hi!"), Message("user", "Hi"))
    replies = asked(multi_turn(), model, Prompt(messages=talk), Sample("1", talk))
    assert len(replies) == 1
    assert model.prompts()[0].messages == talk


def test_as_text_for_base_models() -> None:
    model = Listed(" 4", " yes")
    asked(multi_turn(form="text", follow_ups=("Sure?",)), model, Prompt("2 + 2 ="))
    assert model.prompts()[1] == Prompt("2 + 2 =\n\n 4\n\nSure?")


def test_a_column_that_is_no_list_of_texts_is_said() -> None:
    with pytest.raises(UsageError, match="not a list of texts"):
        asked(multi_turn(column="more"), Listed("x"), Prompt("?"), Sample("1", "q", data={"more": [1]}))


# ---------------------------------------------------------------- the tool loop


def lookup(country: str) -> dict[str, str]:
    """The capital of a country.

    More words that a model needs not.
    """
    return {"capital": {"Peru": "Lima"}[country]}


def convert(amount: float, *, unit: str = "m") -> str:
    return f"{amount:g} {unit}"


def test_calls_are_made_and_their_results_shown_until_the_answer() -> None:
    model = Listed(
        "Thought: I need 6 * 7.\nAction: calculator\nAction Input: 6 * 7\n",
        "Thought: Now the capital.\nAction: lookup\nAction Input: Peru\n",
        "Thought: Done.\nFinal Answer: 42 in Lima",
    )
    replies = asked(tool_loop(tools=("calculator", lookup)), model, Prompt("Q?"))
    assert final_answer(replies).text == "42 in Lima"
    last = model.prompts()[-1]
    assert last.question.startswith("Q?\nThought: I need 6 * 7.")
    assert "\nObservation: 42\n" in last.question
    assert '\nObservation: {"capital": "Lima"}\n' in last.question
    assert "- lookup(country: str) - The capital of a country.\n" in last.preamble
    assert "More words" not in last.preamble
    assert [reply.texts[0] for reply in replies if reply.finish == ("tool",)] == [
        "Observation: 42",
        'Observation: {"capital": "Lima"}',
    ]


def test_a_chat_model_sees_observations_as_turns() -> None:
    model = Listed("Action: calculator\nAction Input: 1+1", "Final Answer: 2", chats=True)
    asked(tool_loop(), model, Prompt("1 + 1?"))
    assert [message.role for message in model.prompts()[1].messages] == ["user", "assistant", "user"]
    assert model.prompts()[1].messages[2].content == "Observation: 2"


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("Action: lookup\nAction Input: Narnia", "Error: KeyError: 'Narnia'"),
        ("Action: search\nAction Input: x", "Error: there is no tool 'search', only lookup, convert"),
        ("I just think.", "Error: no action was found"),
        ("Action: convert\nAction Input: 3", "Error: ValueError: the input must be a JSON object with amount, unit"),
        ('Action: convert\nAction Input: {"amount": 3, "unit": "km"}', "3 km"),
        ('Action: lookup\nAction Input: {"land": "Peru"}', "Error: TypeError"),
        ('Action: `lookup`\nAction Input: "Peru"', '{"capital": "Lima"}'),
    ],
)
def test_what_is_wrong_with_a_call_is_shown(step: str, shown: str) -> None:
    model = Listed(step, "Final Answer: x")
    asked(tool_loop(tools=(lookup, convert)), model, Prompt("Q?"))
    assert f"\nObservation: {shown}" in model.prompts()[1].question


def test_the_loop_ends_after_its_steps_without_an_answer() -> None:
    model = Listed(*["Action: calculator\nAction Input: 1"] * 9)
    replies = asked(tool_loop(max_steps=3), model, Prompt("Q?"))
    assert len(model.asked) == 3
    assert final_answer(replies).validity is Validity.NO_ANSWER
    assert replies[-1].notes == ("tool-loop-ended",)


@pytest.mark.parametrize(
    ("text", "answer", "tool", "given"),
    [
        ("Final Answer: 4", "4", "", ""),
        ("Thought: x\nFinal Answer:\n4\n", "4", "", ""),
        # What follows a call was made up: the call counts.
        ("Action: a\nAction Input: 1\nFinal Answer: 5", None, "a", "1"),
        ("Final Answer: 5\nAction: a\nAction Input: 1", "5\nAction: a\nAction Input: 1", "", ""),
        ('Action: a\nAction Input: {\n"x": 1\n}\nThought: more', None, "a", '{\n"x": 1\n}'),
        ("Action: a", None, "", ""),
    ],
)
def test_steps(text: str, answer: str | None, tool: str, given: str) -> None:
    step = read_step(text)
    assert (step.answer, step.tool, step.input) == (answer, tool, given)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 + 3 * 4", "14"), ("-(1 - 4) ** 2", "-9"), ("7 / 2", "3.5"), ("7 // 2", "3"), ("2 ^ 10", "1024")],
)
def test_the_calculator_equals_python(expression: str, value: str) -> None:
    assert calculator(expression) == value
    assert float(value) == float(eval(expression.replace("^", "**")))


REFUSED = ["9 ** 9 ** 9", "__import__('os')", "a + 1", "1 if 1 else 2", "'a' * 9", "2 ** 1001", "(1).real", "1/0"]


@pytest.mark.parametrize("expression", [*REFUSED, "10 ** 400 ** 3", "(-8) ** 0.5", "1" * 2000])
def test_the_calculator_refuses_what_is_no_arithmetic(expression: str) -> None:
    with pytest.raises((ValueError, ZeroDivisionError, OverflowError, SyntaxError)):
        calculator(expression)


def test_tools_that_cannot_be_are_mistakes() -> None:
    with pytest.raises(UsageError, match="did you mean 'calculator'"):
        tool_loop(tools=("calcu1ator",))
    with pytest.raises(UsageError, match="needs a tool"):
        tool_loop(tools=())
    with pytest.raises(UsageError, match="two tools"):
        tool_loop(tools=(lookup, lookup))
    assert described(convert) == "convert(amount: float, unit: str)"


# ---------------------------------------------------------------- the strided likelihood of a text


def test_the_stride_goes_with_the_request_and_must_fit_the_model() -> None:
    model = Listed()
    asked(perplexity(stride=50), model, Prompt("text"))
    assert model.asked == [Perplexity("text", stride=50)]
    assert perplexity(stride=50).name == "rolling-strided"
    assert perplexity(stride=50).settings == {"stride": "50"}
    with pytest.raises(UsageError, match="less than the 100 tokens"):
        asked(perplexity(stride=100), model, Prompt("text"))
    with pytest.raises(UsageError, match="1 or more"):
        perplexity(stride=0)


Factory = Callable[..., Method]


@pytest.mark.parametrize("make", [lambda: chain_of_thought(max_tokens=0), lambda: tool_loop(max_steps=0)])
def test_limits_below_1_are_mistakes(make: Factory) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        make()


@pytest.mark.parametrize("follow_ups", [(), ("And why?",)])
def test_a_conversation_whose_answer_is_begun_is_continued(follow_ups: tuple[str, ...]) -> None:
    """gen_prefix: the model goes on with the turn, and what it adds is one turn with it in what follows."""
    shown = (Message("user", "2+2?"), Message("assistant", "4"), Message("user", "3+3?"), Message("assistant", "It is"))
    model = Listed(" 6", "because", chats=True)
    way = multi_turn(follow_ups=follow_ups)
    attempt = Attempt(Sample("1", "3+3?", targets=("6",)), Prompt(messages=shown))
    replies = asyncio.run(way.ask(attempt, model))
    assert [reply.texts[0] for reply in replies] == [" 6", "because"][: 1 + len(follow_ups)]
    assert model.prompts()[0].messages == shown
    if follow_ups:
        assert model.prompts()[1].messages == (*shown[:3], Message("assistant", "It is 6"), Message("user", "And why?"))
    assert len(way.gold(attempt)) == len(replies)


def test_an_answer_that_the_sample_itself_holds_is_not_continued() -> None:
    given = (Message("user", "2+2?"), Message("assistant", "4"))
    model = Listed("6", chats=True)
    attempt = Attempt(Sample("1", given), Prompt(messages=given))
    asyncio.run(multi_turn(follow_ups=("3+3?",)).ask(attempt, model))
    assert [prompt.messages for prompt in model.prompts()] == [(*given, Message("user", "3+3?"))]
