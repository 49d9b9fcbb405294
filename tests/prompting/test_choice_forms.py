"""The forms of multiple choice, as options of a run: what the model is shown, and what counts as right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import evalkit
from evalkit.core import (
    Capabilities,
    Choose,
    Generate,
    PromptFormat,
    Reply,
    Request,
    Row,
    Sample,
    Subset,
    Task,
    UsageError,
)
from evalkit.data import rows
from evalkit.prompting.methods import choose, generate
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel
from evalkit.scoring.scorers import accuracy, exact_match
from tests.runs.runner.scripted import Parrot

CITIES = ("Lima", "Cuzco", "Quito", "Bogotá")
TASK = Task(
    name="capitals",
    data=(Subset(rows([{"q": f"Capital of Peru, {number}?"} for number in range(6)])),),
    sample=lambda row: to_sample(row),
    prompt=PromptFormat(),
    method=choose(),
    scorers=(accuracy(),),
    primary_metric="acc",
)


def to_sample(row: Row) -> Sample:
    return Sample(row.id, f"{row.values['q']}\nAnswer:", choices=CITIES, gold=(0,))


class Knowing(Parrot):
    """Knows the capital by its text: writes the letter under which it is listed, or finds that letter likeliest."""

    def __init__(self, *, likelihoods: bool = True) -> None:
        super().__init__()
        self.capabilities = Capabilities(
            requests=frozenset({Generate, Choose} if likelihoods else {Generate}), window=4
        )
        self.heard: list[Request] = []

    async def answer(self, request: Request) -> Reply:
        self.heard.append(request)
        text = request.prompt.text
        listed = {line[3:]: line[0] for line in text.splitlines() if line[1:3] == ". "}
        if isinstance(request, Choose):
            right = listed.get("Lima", "Lima")
            values = tuple(0.0 if one == right else -5.0 for one in request.continuations)
            return Reply(loglikelihoods=values, greedy=tuple(value == 0 for value in values))
        thought = "Cuzco was the Incas' capital, (B) is tempting.\n\nAnswer: " if "step by step" in text else ""
        return Reply(texts=(f"{thought}{listed['Lima']}",), finish=("stop",))


@pytest.mark.parametrize("form", ["likelihood", "likelihood-letters", "letter", "reasoned"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_form_finds_the_right_choice(form: str, shuffled: bool, tmp_path: Path) -> None:
    model = Knowing()
    options = {"choice_form": form, "shuffle_choices": shuffled}
    if form == "likelihood" and shuffled:
        with pytest.raises(UsageError, match="order changes nothing"):
            evalkit.run(TASK, model, out=tmp_path / "r", cache=False, **options)  # type: ignore[call-overload]
        return
    run = evalkit.run(TASK, model, out=tmp_path / "r", cache=False, **options)  # type: ignore[call-overload]
    assert run.estimate("capitals", "acc").value == 1.0
    (asked,) = {type(request) for request in model.heard}
    assert asked is (Choose if form.startswith("likelihood") else Generate)
    offered = {request.continuations for request in model.heard if isinstance(request, Choose)}
    assert offered == {"likelihood": {CITIES}, "likelihood-letters": {("A", "B", "C", "D")}}.get(form, set())
    orders = [record.sample.data.get("choice_order") for record in run.records()]
    assert (orders == [None] * 6) is not shuffled
    entry = run.manifest.tasks[0]
    assert ("choices=shuffled" in entry.identity["method settings"]) is shuffled
    if shuffled:
        for record in run.records():
            assert record.sample.choices == tuple(CITIES[number] for number in record.sample.data["choice_order"])
            assert record.sample.choices[record.sample.gold[0]] == "Lima"


def test_choices_are_shuffled_anew_for_every_sample_and_repeat_and_the_same_by_one_seed(tmp_path: Path) -> None:
    def orders(name: str, seed: int) -> dict[tuple[str, int], tuple[str, ...]]:
        run = evalkit.run(
            TASK,
            Knowing(),
            out=tmp_path / name,
            cache=False,
            choice_form="letter",
            shuffle_choices=True,
            samples=4,
            temperature=1.0,
            seed=seed,
        )
        return {(record.sample.id, record.repeat): record.sample.choices for record in run.records()}

    first, again, other = orders("a", 1), orders("b", 1), orders("c", 2)
    assert first == again != other
    assert len(set(first.values())) > 8
    assert len({first["0" if ("0", 0) in first else next(iter(first))[0], repeat] for repeat in range(4)}) > 1


def test_what_has_no_other_form_is_refused() -> None:
    written = replace(TASK, method=generate(), scorers=(exact_match(),))
    with pytest.raises(UsageError, match="not a multiple choice"):
        prepare(written, "t", "", GoldModel(), Settings(choice_form="letter"))
    letters = replace(TASK, sample=lambda row: replace(to_sample(row), choices=("A", "B", "C", "D")))
    with pytest.raises(UsageError, match="lists the choices by itself"):
        prepare(letters, "t", "", Knowing(), Settings(choice_form="letter", shuffle_choices=True))
    prepare(letters, "t", "", Knowing(), Settings(choice_form="reasoned"))
    with pytest.raises(UsageError, match="needs Choose"):
        prepare(TASK, "t", "", Knowing(likelihoods=False), Settings(choice_form="likelihood"))
    # Nothing is said: written where the model gives no log-likelihoods, as before.
    assert prepare(TASK, "t", "", Knowing(likelihoods=False), Settings()).task.method.name == "written_choice"
