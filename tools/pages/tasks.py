"""The six tasks, put together of the parts that evalkit's own tasks are made of."""

from __future__ import annotations

from evalkit.core import Fewshot, Image, Judge, Message, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import rows
from evalkit.plugins import load
from evalkit.prompting.methods import choose, generate, multi_turn, tool_loop, write_code
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers import accuracy, code_tests, exact_match, numeric, squad
from evalkit.scoring.scorers.judging import judged
from tools.pages import questions

_EXAMPLES = 3


def every_task() -> list[Task]:
    """Sums in words, facts by subject, paragraphs, programs, charts with a calculator, advice under a judge."""
    return [word_problems(), knowledge(), reading(), programs(), charts(), advice()]


def word_problems() -> Task:
    made = questions.word_problems()

    def sample(row: Row) -> Sample:
        values = row.values
        told = f"{values['solution']} The answer is {values['answer']}."
        groups = (f"{values['steps']} steps",)
        return Sample(row.id, values["question"], (values["answer"],), groups=groups, data={"solution": told})

    examples = rows(made[:_EXAMPLES], name="word_problems/train")
    return Task(
        "word_problems",
        (Subset(rows(made[_EXAMPLES:], name="word_problems"), examples=examples),),
        sample,
        PromptFormat(question=lambda one: f"Question: {one.input}\nAnswer:", answer=lambda one: one.data["solution"]),
        generate(max_tokens=200, stop=("Question:",)),
        (numeric(),),
        fewshot=Fewshot(_EXAMPLES),
    )


def knowledge() -> Task:
    def sample(row: Row) -> Sample:
        values = row.values
        choices, groups = tuple(values["choices"]), (values["category"], values["subject"])
        return Sample(
            row.id, values["question"], (choices[values["right"]],), choices, (values["right"],), groups=groups
        )

    data = (Subset(rows(questions.knowledge(), name="knowledge")),)
    return Task("knowledge", data, sample, PromptFormat(), choose(), (accuracy(),), primary_metric="acc")


def reading() -> Task:
    def sample(row: Row) -> Sample:
        values = row.values
        text = f"{values['context']}\n\nQuestion: {values['question']}\nAnswer:"
        return Sample(row.id, text, (values["answer"],), cluster=values["paragraph"])

    data = (Subset(rows(questions.reading(), name="reading")),)
    method = generate(max_tokens=40, stop=("\n",))
    return Task("reading", data, sample, PromptFormat(), method, (squad(),), primary_metric="f1")


def programs() -> Task:
    def sample(row: Row) -> Sample:
        values = row.values
        data = {"prefix": values["question"], "tests": values["test"], "entry": values["entry"]}
        return Sample(row.id, values["question"], (values["answer"],), data=data)

    return Task(
        "programs",
        (Subset(rows(questions.programs(), name="programs")),),
        sample,
        PromptFormat(),
        write_code(max_tokens=600, chat=False),
        (code_tests(form="continue", cpu=2.0),),
        metrics=(mean("passed"),),
        primary_metric="passed",
    )


def charts() -> Task:
    def sample(row: Row) -> Sample:
        values = row.values
        image = Image.of(questions.drawn(list(values["bars"])))
        return Sample(row.id, (Message.of("user", image, f"\n{values['question']}"),), (values["answer"],))

    data = (Subset(rows(questions.charts(), name="charts")),)
    method = tool_loop(max_steps=4)
    return Task("charts", data, sample, PromptFormat(), method, (exact_match(),))


def advice() -> Task:
    judge = load("judge", "rating")
    assert isinstance(judge, Judge)

    def sample(row: Row) -> Sample:
        values = row.values
        return Sample(row.id, values["question"], groups=(values["kind"],), data={"more": list(values["more"])})

    data = (Subset(rows(questions.advice(), name="advice")),)
    return Task("advice", data, sample, PromptFormat(), multi_turn(column="more"), (judged(judge),))
