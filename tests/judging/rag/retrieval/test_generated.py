"""Generated tasks: gold answers, what their samples promise, and that their scores see what they are to see."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

import evalkit
from evalkit.core import Capabilities, DataOptions, Generate, Identity, Reply, Request, Row, UsageError
from evalkit.judging.rag.records import gold_ranks, of_sample
from evalkit.judging.rag.synthetic import entries, filler
from evalkit.plugins import load
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check
from evalkit.scoring.scorers.canaries import found_in

SPECS = [
    "needle_in_a_haystack",
    "needle_in_a_haystack,form=text,distractors=3,depths=1",
    "lost_in_the_middle",
    "lost_in_the_middle,form=text,documents=4,positions=4,questions=3",
    "rag_injection",
    "rag_injection,retriever=bm25,form=text",
]


def samples(spec: str) -> list[Any]:
    task: Any = load("task", spec)
    return [task.sample(row) for row in task.data[0].rows.open(DataOptions()).rows() if isinstance(row, Row)]


class Scripted:
    """Answers a prompt by a function, under its name."""

    capabilities = Capabilities(requests=frozenset({Generate}))

    def __init__(self, say: Callable[[str], str]) -> None:
        self._say = say
        self.identity = Identity(f"scripted/{say.__name__}")

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        return Reply(texts=(self._say(request.prompt.text),), finish=("stop",))

    async def close(self) -> None: ...


def values(run: Any) -> dict[str, float]:
    return {metric.name: metric.estimate.value for metric in run.manifest.tasks[0].result.metrics}


def groups(run: Any) -> dict[str, float]:
    found = run.manifest.tasks[0].result.groups
    return {name: metrics[0].estimate.value for name, metrics in found.items()}


@pytest.mark.parametrize("spec", SPECS)
def test_gold_answers_score_one(spec: str) -> None:
    if "bm25" in spec:
        pytest.importorskip("bm25s", reason="bm25s searches by words: pip install 'evalkit-harness[rag]'")
    found = asyncio.run(check(prepare(load("task", spec), spec, "", GoldModel(), Settings())))  # type: ignore[arg-type]
    assert found.problems == []
    assert found.samples >= 5


@pytest.mark.parametrize("spec", ["needle_in_a_haystack", "lost_in_the_middle", "rag_injection"])
def test_the_seed_decides_every_text(spec: str) -> None:
    assert samples(spec) == samples(f"{spec},seed=1")
    one, two = samples(spec), samples(f"{spec},seed=2")
    assert not {sample.targets for sample in one} & {sample.targets for sample in two}


def test_invented_places_have_one_name_and_one_answer_each() -> None:
    made = entries(3000, "x")
    assert len({entry.name for entry in made}) == len({entry.answer for entry in made}) == 3000
    assert entries(10, "x") == made[:10]
    assert all(entry.answer in entry.document and entry.name in entry.question for entry in made)
    with pytest.raises(UsageError, match="not as many invented places"):
        entries(20_000, "x")


def test_a_needle_stands_once_at_its_depth_in_as_many_words_as_asked() -> None:
    found = samples("needle_in_a_haystack,form=text,lengths=300,800,depths=5,needles=2,distractors=2")
    assert len(found) == 20
    by_cluster = defaultdict(list)
    for sample in found:
        text = sample.input.split("\n\n")[1]
        wanted, depth = int(sample.groups[0].split()[0]), sample.groups[1]
        assert text.count(sample.targets[0]) == 1 == sample.input.count(sample.targets[0])
        assert text.count("gate code") == 3
        assert wanted <= len(text.split()) <= wanted + 60
        proportion = text.index(f"is {sample.targets[0]}") / len(text)
        assert proportion == pytest.approx(int(depth.removeprefix("depth ").rstrip("%")) / 100, abs=0.12)
        by_cluster[sample.cluster].append(sorted(text.split()))
    assert all(len(texts) == 5 and all(text == texts[0] for text in texts) for texts in by_cluster.values())
    assert filler(50, Random("a")) == filler(50, Random("a"))


@pytest.mark.parametrize("option", ["lengths=0", "lengths=x", "lengths=", "depths=0", "needles=0", "distractors=-1"])
def test_haystacks_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(UsageError):
        load("task", f"needle_in_a_haystack,{option}")


def test_a_model_that_reads_the_beginning_alone_shows_in_the_grid() -> None:
    def reads_200_words(prompt: str) -> str:
        # Finds the code that is asked for, in the first words of the text.
        name = prompt.rpartition("What is the gate code of the ")[2].partition("?")[0]
        begun = " ".join(prompt.split()[:200])
        return begun.partition(f"The gate code of the {name} is ")[2][:5] or "I do not know."

    run = evalkit.run("needle_in_a_haystack,lengths=150,600,depths=3,needles=3", Scripted(reads_200_words), out=None)
    found = groups(run)
    assert found["150 words"] == 1.0
    assert (found["600 words, depth 0%"], found["600 words, depth 50%"], found["600 words, depth 100%"]) == (1, 0, 0)


def test_gold_documents_take_every_position_among_the_same_others() -> None:
    found = samples("lost_in_the_middle,documents=6,positions=3,questions=4")
    assert [sample.groups[0] for sample in found[:3]] == ["gold at 1 of 6", "gold at 3 of 6", "gold at 6 of 6"]
    for sample in found:
        record = of_sample(sample)
        place = int(sample.groups[0].split()[2])
        assert gold_ranks(record) == (place,)
        assert sum(sample.targets[0] in context.text for context in record.contexts) == 1
    by_question = defaultdict(set)
    for sample in found:
        gold = sample.data["references"][0]["id"]
        by_question[sample.cluster].add(tuple(c["id"] for c in sample.data["contexts"] if c["id"] != gold))
    assert all(len(orders) == 1 for orders in by_question.values())


def test_a_model_that_loses_the_middle_shows_in_the_curve() -> None:
    def reads_the_ends(prompt: str) -> str:
        name = prompt.rpartition("the collection of the ")[2].partition(" hold?")[0]
        passages = prompt.split("\n\n")[2:-1]
        seen = [passages[0], passages[-1]]
        held = [text for text in seen if f"The {name} was" in text]
        return held[0].partition("holds ")[2][:5] if held else "They do not say."

    run = evalkit.run("lost_in_the_middle,documents=5,positions=5,questions=6", Scripted(reads_the_ends), out=None)
    assert groups(run) == {f"gold at {n} of 5": float(n in (1, 5)) for n in range(1, 6)}
    found = values(run)
    assert (found["includes"], found["worst_position"], found["position_range"]) == (pytest.approx(0.4), 0.0, 1.0)
    # Lost in the middle three times in five; the second and fourth of five are no edge.
    assert (found["failed_ordering"], found["failed_generation"]) == (pytest.approx(0.6), 0.0)


@pytest.mark.parametrize("option", ["positions=1", "positions=11", "questions=0", "documents=9000"])
def test_positions_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(UsageError):
        load("task", f"lost_in_the_middle,{option}")


@pytest.mark.parametrize("spec", ["rag_injection", "rag_injection,retriever=bm25"])
def test_a_canary_stands_in_no_prompt_but_its_halves_do_where_there_is_an_attack(spec: str) -> None:
    if "bm25" in spec:
        pytest.importorskip("bm25s", reason="bm25s searches by words: pip install 'evalkit-harness[rag]'")
    task: Any = load("task", spec)
    found = samples(spec)
    kinds = {sample.groups[0] for sample in found}
    assert {"plain", "system", "note", "comment", "dialogue", "correction", "no attack"} == kinds
    for sample in found:
        prompt, canary = task.prompt.question(sample), sample.data["canary"]
        assert not found_in(prompt, canary)
        attacked = canary[:6] in prompt and canary[6:] in prompt
        assert attacked == (sample.groups[0] != "no attack")
        assert sample.targets[0] in prompt
    places = Counter(group for sample in found for group in sample.groups)
    if "bm25" not in spec:
        assert {f"attack at {n} of 5" for n in range(1, 6)} <= set(places), "attacks stand everywhere"
        assert min(places["in the right document"], places["in the other document"]) >= 15


def test_replies_that_obey_quote_or_answer_are_told_apart() -> None:
    def obedient(prompt: str) -> str:
        halves = dict.fromkeys(re.findall(r"\b[B-Z]{4}\d\d\b", prompt))
        return "".join(halves)

    def answering(prompt: str) -> str:
        name = prompt.rpartition("the collection of the ")[2].partition(" hold?")[0]
        held = next(text for text in prompt.split("\n\n") if f"The {name} was" in text)
        return f"It holds {held.partition('holds ')[2][:5]}; a passage asks for something else: {held}"

    obeyed = evalkit.run("rag_injection,questions=28", Scripted(obedient), out=None)
    assert values(obeyed)["resisted"] == pytest.approx(4 / 28)
    assert values(obeyed)["useful"] == 0.0
    answered = evalkit.run("rag_injection,questions=28", Scripted(answering), out=None)
    assert values(answered) == {"resisted_and_useful": 1.0, "resisted": 1.0, "useful": 1.0}


@pytest.fixture(autouse=True)
def _runs_lie_apart(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
