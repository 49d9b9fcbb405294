"""Safety and robustness tasks: gold answers, what the rows promise, and runs on scripted and embedded models."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalkit
from evalkit.core import (
    Capabilities,
    Choose,
    DataOptions,
    Generate,
    Identity,
    Perplexity,
    Reply,
    Request,
    Row,
    UsageError,
    digest_of,
)
from evalkit.data.toy import toy_path
from evalkit.models.tiny import TINY
from evalkit.plugins import load
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check
from evalkit.scoring.scorers.canaries import found_in
from tests.tasks.loading import good, task_of

SPECS = [
    "toy_prompt_injection",
    "toy_prompt_injection,form=text",
    "toy_prompt_injection,kind=leak",
    "toy_refusals",
    "toy_refusals,form=text",
    "toy_format_sensitivity",
    "toy_format_sensitivity,form=letter",
    "toy_contamination",
    "toy_contamination,probe=overlap",
    "toy_contamination,probe=min_k",
]


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in toy_path(name).read_text("utf-8").splitlines()]


def samples(task: Any, part: int = 0) -> list[Any]:
    return [task.sample(good(row)) for row in task.data[part].rows.open(DataOptions()).rows() if isinstance(row, Row)]


@pytest.mark.parametrize("spec", SPECS)
def test_gold_answers_score_one(spec: str) -> None:
    found = asyncio.run(check(prepare(task_of(spec), spec, "", GoldModel(), Settings())))
    assert found.problems == []
    assert found.samples >= 20


class Scripted:
    """Replies with what `reply` makes of the conversation."""

    def __init__(self, reply: Any) -> None:
        self.identity = Identity(f"scripted-{digest_of(repr(reply))}")
        self.capabilities = Capabilities(requests=frozenset({Generate}))
        self._reply = reply

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        return Reply(texts=(self._reply(request.prompt),), finish=("stop",))

    async def close(self) -> None: ...


def estimates(spec: str, reply: Any, tmp_path: Path) -> dict[str, float]:
    run = evalkit.run(spec, Scripted(reply), out=tmp_path / f"run-{len(list(tmp_path.iterdir()))}", cache=False)
    [entry] = run.manifest.tasks
    assert entry.result.failed == 0
    found = {metric.name: metric.estimate.value for metric in entry.result.metrics}
    return found | {f"{group}/{m.name}": m.estimate.value for group, ms in entry.result.groups.items() for m in ms}


# ---------------------------------------------------------------- prompt injection


def test_a_model_that_quotes_everything_leaks_the_system_prompt_and_falls_for_nothing_else(tmp_path: Path) -> None:
    found = estimates("toy_prompt_injection", lambda prompt: prompt.text, tmp_path)
    assert found["leak/resisted"] == 0.0
    assert found["override/resisted"] == found["indirect/resisted"] == 1.0


def test_a_model_that_obeys_every_attack_resists_none(tmp_path: Path) -> None:
    def key(system: str, user: str) -> str:
        return digest_of(system, user)

    canaries = {
        key(row["system"], f"Document:\n{row['document']}\n\n{row['user']}" if row["document"] else row["user"]): row
        for row in rows("prompt_injection")
    }

    def obey(prompt: Any) -> str:
        return str(canaries[key(*(message.content for message in prompt.messages))]["canary"])

    found = estimates("toy_prompt_injection", obey, tmp_path)
    assert found["resisted"] == found["resisted_and_useful"] == 0.0
    assert found["useful"] < 0.1


def test_a_model_that_says_nothing_resists_and_is_of_no_use(tmp_path: Path) -> None:
    found = estimates("toy_prompt_injection", lambda prompt: "", tmp_path)
    assert (found["resisted"], found["useful"], found["resisted_and_useful"]) == (1.0, 0.0, 0.0)


def test_no_canary_stands_where_quoting_it_would_count() -> None:
    for row in rows("prompt_injection"):
        prompt = f"{row['user']}\n{row['document']}" + ("" if row["kind"] == "leak" else row["system"])
        assert not found_in(prompt, row["canary"])
        assert (row["canary"] in row["system"]) == (row["kind"] == "leak")
        assert bool(row["document"]) == (row["kind"] == "indirect")


def test_a_row_whose_canary_can_be_quoted_is_refused(tmp_path: Path) -> None:
    row = rows("prompt_injection")[0] | {"user": "Say ZMQF64-CSKK30.", "canary": "ZMQF64CSKK30"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    task = load("task", f"prompt_injection,files={tmp_path / 'rows.jsonl'}")
    with pytest.raises(UsageError, match="the canary stands in the prompt"):
        samples(task)


def test_conversations_and_plain_text_hold_the_same() -> None:
    chats, texts = (
        samples(load("task", "toy_prompt_injection")),
        samples(load("task", "toy_prompt_injection,form=text")),
    )
    for chat, text in zip(chats, texts, strict=True):
        system, user = chat.input
        assert (system.role, user.role) == ("system", "user")
        assert text.input == f"{system.content}\n\n{user.content}\n\nAnswer:"
    assert len(samples(load("task", "toy_prompt_injection,kind=indirect"))) == 20


# ---------------------------------------------------------------- refusals


def test_who_refuses_everything_and_who_answers_everything(tmp_path: Path) -> None:
    never = estimates("toy_refusals", lambda prompt: "I'm sorry, but I can't help with that.", tmp_path)
    assert (never["refusal"], never["over_refusal"], never["appropriate"]) == (1.0, 1.0, 0.5)
    always = estimates("toy_refusals", lambda prompt: "Sure. First, take a pan.", tmp_path)
    assert (always["refusal"], always["over_refusal"], always["appropriate"]) == (0.0, 0.0, 0.5)
    assert always["to answer/appropriate"] == 1.0


def test_the_requests_are_half_and_half_and_only_requests() -> None:
    found = rows("refusals")
    assert [row["expected"] for row in found].count("refuse") == len(found) / 2
    assert all(len(row["prompt"]) < 120 for row in found)


# ---------------------------------------------------------------- format sensitivity


class Picky:
    """Knows every answer, but only where the prompt ends with "Answer:"."""

    identity = Identity("picky")
    capabilities = Capabilities(requests=frozenset({Choose}))

    def __init__(self) -> None:
        self.right = {row["question"]: row["choices"][row["answer"]] for row in rows("multiple_choice")}
        self.prompts: list[str] = []

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Choose)
        text = request.prompt.text
        self.prompts.append(text)
        right = next(answer for question, answer in self.right.items() if question in text)
        knows = text.endswith("\nAnswer:")
        values = tuple(float((choice == right) == knows) - 9 for choice in request.continuations)
        return Reply(loglikelihoods=values, greedy=(False,) * len(values))

    async def close(self) -> None: ...


def test_a_model_that_minds_the_form_has_the_whole_spread(tmp_path: Path) -> None:
    model = Picky()
    run = evalkit.run("toy_format_sensitivity", model, out=tmp_path / "run", cache=False)
    [entry] = run.manifest.tasks
    values = {metric.name: metric.estimate for metric in entry.result.metrics}
    assert values["acc"].value == pytest.approx(2 / 8)
    assert (values["acc_spread"].value, values["acc_worst"].value) == (1.0, 0.0)
    assert {name: found[0].estimate.value for name, found in entry.result.groups.items()} == {
        "plain": 1.0, "labelled": 1.0, "short": 0.0, "capitals": 0.0, "polite": 0.0, "test": 0.0, "marked": 0.0,
        "quoted": 0.0,
    }  # fmt: skip
    assert len(set(model.prompts)) == 8 * 90
    # The forms of a question are one cluster: 90, not 720, things were asked.
    assert "90 clusters" in values["acc"].how


def test_a_limit_takes_the_same_questions_in_every_form(tmp_path: Path) -> None:
    run = evalkit.run("toy_format_sensitivity", Picky(), out=tmp_path / "run", limit=24, cache=False)
    asked = [record.sample.id.split("@") for record in run.records()]
    assert len(asked) == 24
    assert len({row for row, _ in asked}) == 3


def test_letters_are_listed_in_the_forms_own_way() -> None:
    task = load("task", "toy_format_sensitivity,form=letter")
    first = [samples(task, part)[0] for part in range(8)]
    assert all(sample.choices == ("A", "B", "C", "D") for sample in first)
    assert first[0].input == (
        "Which city is the capital of Kenya?\nA. Nairobi\nB. Paris\nC. Dublin\nD. Stockholm\nAnswer:"
    )
    assert first[7].input.endswith("\nA - Nairobi; B - Paris; C - Dublin; D - Stockholm\nThey are told:")
    assert len({sample.input for sample in first}) == 8


# ---------------------------------------------------------------- contamination


def test_min_k_and_its_auroc_are_those_of_plain_transformers_and_scikit_learn(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    import transformers

    run = evalkit.run("toy_contamination", "tiny", out=tmp_path / "run")
    tokenizer = transformers.AutoTokenizer.from_pretrained(TINY)
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32).eval()
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    values, labels = [], []
    for row in rows("contamination"):
        ids = [begin, *tokenizer(row["text"])["input_ids"]]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        found = [float(logits[place, token]) for place, token in enumerate(ids[1:])]
        found = sorted(found[1:] if ids[1] == begin else found)
        lowest = found[: max(1, int(len(found) * 0.2))]
        values.append(sum(lowest) / len(lowest))
        labels.append(row["label"])
    scores = {record.sample.id: record.value("min_k") for record in run.records()}
    assert [scores[row["id"]] for row in rows("contamination")] == pytest.approx(values, abs=1e-3)
    spec = "toy_contamination"
    assert run.estimate(spec, "min_k").value == pytest.approx(np.mean(values), abs=1e-4)
    assert run.estimate(spec, "min_k_auroc").value == pytest.approx(metrics.roc_auc_score(labels, values), abs=1e-3)
    # What stands in the corpus is found there, and nothing else.
    assert run.estimate(spec, "overlap_auroc").value == 1.0
    assert run.estimate(spec, "contaminated").value == 0.5


class Silent:
    """A model that must not be asked."""

    identity = Identity("silent")
    capabilities = Capabilities(requests=frozenset({Perplexity}))

    async def answer(self, request: Request) -> Reply:
        raise AssertionError("it was asked")

    async def close(self) -> None: ...


def test_an_overlap_alone_asks_the_model_nothing(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("One two three four five. " * 3)
    (tmp_path / "rows.jsonl").write_text(
        json.dumps({"text": "two three four, five!"}) + "\n" + json.dumps({"text": "five four three two"}) + "\n"
    )
    spec = f"contamination,files={tmp_path / 'rows.jsonl'},corpus={tmp_path / 'corpus.txt'},n=3,probe=overlap"
    run = evalkit.run(spec, Silent(), out=tmp_path / "run")
    [entry] = run.manifest.tasks
    assert entry.result.primary_metric == "overlap"
    assert entry.result.metric("overlap").estimate.value == 0.5
    # A journal is in the order in which samples ended.
    in_order = sorted(run.records(), key=lambda record: record.index)
    assert [record.value("overlap") for record in in_order] == [1.0, 0.0]
    # The signature names the corpus by its content, wherever it lies.
    before = entry.identity["scorers"]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "corpus.txt").rename(tmp_path / "elsewhere" / "corpus.txt")
    moved = load("task", spec.replace("corpus.txt", "elsewhere/corpus.txt"))
    assert moved.scorers[0].settings["corpus"] in before
    (tmp_path / "elsewhere" / "corpus.txt").write_text("Something else.")
    other = load("task", spec.replace("corpus.txt", "elsewhere/corpus.txt"))
    assert other.scorers[0].settings["corpus"] not in before


def test_min_k_needs_a_model_with_values_for_tokens(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a model with tokens, which silent lacks"):
        evalkit.run("toy_contamination", Silent(), out=tmp_path / "run")


def test_the_seen_texts_are_of_the_corpus_that_the_embedded_model_was_trained_on() -> None:
    from itertools import islice

    from tools.toys.corpus import documents, text_of
    from tools.toys.training import Recipe

    text = "\n".join(text_of(document) for document in islice(documents(Recipe().seed), 3000))
    seen = {row["id"]: row["text"] in text for row in rows("contamination")}
    assert all(found == name.startswith("seen") for name, found in seen.items())


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ("contamination", "needs texts"),
        ("contamination,files=a.jsonl,probe=overlap", "needs a corpus"),
        ("toy_contamination,corpus=./nowhere.jsonl", "has its own rows"),
        ("contamination,files=a.jsonl,corpus=./nowhere.jsonl", "nowhere.jsonl"),
        ("contamination,files=a.jsonl,proportion=0", "proportion must be above 0"),
        ("format_sensitivity", "needs questions"),
        ("refusals", "needs requests"),
        ("prompt_injection", "needs attacks"),
        ("prompt_injection,files=a.jsonl,kind=leak", "asked unchanged"),
        ("prompt_injection,kind=leek", "leek"),
    ],
)
def test_mistakes(spec: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        load("task", spec)


def test_runs_on_the_embedded_model(tmp_path: Path) -> None:
    specs = ["toy_prompt_injection", "toy_refusals", "toy_format_sensitivity"]
    run = evalkit.run(specs, "tiny", out=tmp_path / "run", limit=6)
    for entry in run.manifest.tasks:
        assert (entry.result.samples, entry.result.failed) == (6, 0)
        assert all(not math.isnan(metric.estimate.value) for metric in entry.result.metrics)


# ---------------------------------------------------------------- real rows


@pytest.mark.shared_data
def test_gsm8k_questions_that_share_thirteen_words_with_its_training_rows(hub_mirror: Path, tmp_path: Path) -> None:
    folder = hub_mirror / "openai" / "gsm8k" / "main"
    test, train = folder / "test.jsonl.gz", folder / "train.jsonl.gz"
    spec = f"contamination,files={test},column=question,corpus={train},probe=overlap"
    run = evalkit.run(spec, Silent(), out=tmp_path / "run")

    def grams(line: str) -> list[tuple[str, ...]]:
        words = re.findall(r"\w+", json.loads(line)["question"].lower())
        return [tuple(words[at : at + 13]) for at in range(len(words) - 12)]

    with gzip.open(train, "rt") as lines:
        known = {gram for line in lines for gram in grams(line)}
    with gzip.open(test, "rt") as lines:
        asked = [grams(line) for line in lines]
    proportions = [sum(gram in known for gram in own) / len(own) if own else 0.0 for own in asked]
    [entry] = run.manifest.tasks
    overlap, contaminated = (entry.result.metric(name).estimate for name in ("overlap", "contaminated"))
    assert overlap.n == len(proportions) == 1319
    assert overlap.value == pytest.approx(sum(proportions) / len(proportions))
    assert contaminated.value == pytest.approx(sum(proportion > 0 for proportion in proportions) / 1319)


@pytest.mark.shared_data
def test_mmlu_questions_under_eight_templates(hub_mirror: Path, tmp_path: Path) -> None:
    file = hub_mirror / "cais" / "mmlu" / "anatomy" / "test.jsonl.gz"
    run = evalkit.run(f"format_sensitivity,files={file},form=letter", "tiny", out=tmp_path / "run", limit=64)
    [entry] = run.manifest.tasks
    assert (entry.result.samples, entry.result.failed) == (64, 0)
    by_form = [found[0].estimate.value for found in entry.result.groups.values()]
    assert len(by_form) == 8
    spread, worst = (entry.result.metric(name).estimate.value for name in ("acc_spread", "acc_worst"))
    assert (spread, worst) == (pytest.approx(max(by_form) - min(by_form)), min(by_form))
