"""Support by an entailment model: parity with transformers' own pipeline, class order, windows, batches."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Reply, Sample, Score, UsageError
from evalkit.judging.rag.records import Context
from evalkit.judging.rag.support.entailment import EntailmentModel, classes_of, entailment, windows

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.judging.rag.metrics.tiny_nli import WORDS, rename, write_nli

THREE = ("contradiction", "neutral", "entailment")


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nli(tmp_path_factory.mktemp("nli"), THREE)


def sentence(rng: random.Random, length: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(length)).capitalize() + "."


def pairs(count: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    return [(sentence(rng, rng.randint(3, 30)), sentence(rng, rng.randint(2, 9))) for _ in range(count)]


def test_probabilities_are_those_of_transformers_own_pipeline(nli: Path) -> None:
    from transformers import pipeline

    oracle = pipeline("text-classification", model=str(nli), top_k=None, device="cpu")
    asked = pairs(24)
    wanted = oracle([{"text": premise, "text_pair": hypothesis} for premise, hypothesis in asked])
    found = EntailmentModel(str(nli), batch=5, device="cpu").judge(asked)
    for judgement, classes in zip(found, wanted, strict=True):
        by_name = {each["label"]: each["score"] for each in classes}
        assert judgement.entailment == pytest.approx(by_name["entailment"], abs=1e-5)
        assert judgement.contradiction == pytest.approx(by_name["contradiction"], abs=1e-5)
    assert len({round(each.entailment, 3) for each in found}) > 5


def test_batches_change_nothing(nli: Path) -> None:
    asked = pairs(20, seed=3)
    alone = EntailmentModel(str(nli), batch=1, device="cpu").judge(asked)
    together = EntailmentModel(str(nli), batch=16, device="cpu").judge(asked)
    assert [j.difference for j in together] == pytest.approx([j.difference for j in alone], abs=1e-5)


def test_samples_that_ask_at_the_same_time_share_batches_and_get_their_own(nli: Path) -> None:
    model = EntailmentModel(str(nli), batch=64, device="cpu")
    asked = [pairs(4, seed=n) for n in range(6)]
    calls: list[int] = []
    judge = model.judge

    def counted(given: Any) -> Any:
        calls.append(len(given))
        return judge(given)

    setattr(model, "judge", counted)  # noqa: B010 (a method)

    async def run() -> list[Any]:
        return await asyncio.gather(*(model.judged(each) for each in asked))

    found = asyncio.run(run())
    assert sum(calls) == 24
    assert len(calls) < 6
    for mine, given in zip(found, asked, strict=True):
        assert [j.difference for j in mine] == pytest.approx([j.difference for j in judge(given)], abs=1e-5)


def test_the_model_is_read_once_though_many_threads_want_it(nli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    model = EntailmentModel(str(nli), device="cpu")
    read, times = model._read, []

    def counted() -> Any:
        times.append(1)
        return read()

    monkeypatch.setattr(model, "_read", counted)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: id(model.load()[1]), range(8)))
    assert len(set(found)) == 1
    assert len(times) == 1


def test_lengths_are_told_while_a_batch_is_cut_in_another_thread(nli: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    model = EntailmentModel(str(nli), batch=4, device="cpu")
    rng = random.Random(8)
    long = [(sentence(rng, 90), sentence(rng, 5)) for _ in range(12)]
    wanted = [each.difference for each in model.judge(long)]
    length = model.length(long[0][0])
    with ThreadPoolExecutor(4) as pool:
        lengths = [pool.submit(model.length, long[0][0]) for _ in range(400)]
        batches = [pool.submit(model.judge, long) for _ in range(6)]
        more = [pool.submit(model.length, long[0][0]) for _ in range(400)]
        assert {each.result() for each in (*lengths, *more)} == {length}
        for each in batches:
            assert [one.difference for one in each.result()] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (THREE, (2, 0)),
        (("entailment", "neutral", "contradiction"), (0, 2)),
        (("ENTAILMENT", "NOT_ENTAILMENT"), (0, None)),
        (("REFUTES", "NOT ENOUGH INFO", "SUPPORTS"), (2, 0)),
    ],
)
def test_the_order_of_classes_is_read_from_the_configuration(
    tmp_path: Path, labels: tuple[str, ...], wanted: tuple[int, int | None]
) -> None:
    folder = write_nli(tmp_path / "model", labels)
    assert classes_of(str(folder)) == wanted


def test_a_model_that_names_its_classes_label_0_is_refused(tmp_path: Path) -> None:
    folder = write_nli(tmp_path / "model", THREE)
    rename(folder, ("LABEL_0", "LABEL_1", "LABEL_2"))
    with pytest.raises(UsageError, match="which of its classes is entailment"):
        classes_of(str(folder))


def test_a_model_that_is_not_there_shows_before_the_run(tmp_path: Path) -> None:
    scorer = entailment(model=str(tmp_path / "nowhere"))
    assert scorer.ready is not None
    with pytest.raises(UsageError, match="no model folder"):
        scorer.ready(False)


def test_windows_hold_whole_sentences_within_their_room_and_share_one() -> None:
    text = "One two three. Four five six. Seven eight nine. Ten eleven twelve."
    found = windows(Context("a", text, 1), 8, lambda part: len(part.split()))
    assert found == [
        "One two three. Four five six.",
        "Four five six. Seven eight nine.",
        "Seven eight nine. Ten eleven twelve.",
    ]
    long = " ".join(["word"] * 40) + "."
    assert max(len(part.split()) for part in windows(Context("a", long, 1), 8, lambda part: len(part.split()))) <= 8


def test_every_word_of_a_context_longer_than_the_model_is_in_some_window(nli: Path) -> None:
    model = EntailmentModel(str(nli), device="cpu")
    rng = random.Random(5)
    text = " ".join(sentence(rng, rng.randint(4, 20)) for _ in range(40))
    assert model.length(text) > 4 * model.room
    room = model.room - 12
    found = windows(Context("a", text, 1), room, model.length)
    assert all(model.length(part) <= room for part in found)
    assert set(text.split()) == {word for part in found for word in part.split()}


def scored(nli: Path, answer: str, contexts: list[str]) -> dict[str, Score]:
    data = {"contexts": [{"id": f"c{n}", "text": text, "rank": n} for n, text in enumerate(contexts, 1)]}
    scorer = entailment(model=str(nli), device="cpu")
    found = asyncio.run(scorer.score(Sample("q", "?", data=data), (Reply((answer,), ("stop",)),)))
    return {score.name: score for score in found}


def test_a_score_is_the_mean_over_sentences_of_the_best_window(nli: Path) -> None:
    contexts = ["The dam was built high. The mayor bought the tower.", "The lamp was never lit in war."]
    answer = "The engineer built the dam. The lamp was lit."
    model = EntailmentModel(str(nli), device="cpu")
    best = []
    for said in ("The engineer built the dam.", "The lamp was lit."):
        best.append(max(each.difference for each in model.judge([(context, said) for context in contexts])))
    found = scored(nli, answer, contexts)
    assert found["entailment"].value == pytest.approx(sum(best) / 2, abs=1e-5)
    assert found["weakest_entailment"].value == pytest.approx((min(best) + 1) / 2, abs=1e-5)
    told = found["entailment"].details["sentences"]
    assert [each["text"] for each in told] == ["The engineer built the dam.", "The lamp was lit."]
    assert all(each["evidence"] in contexts for each in told)


def test_what_claims_nothing_and_what_has_no_context(nli: Path) -> None:
    assert set(scored(nli, "The documents do not say.", ["The dam was built."])) == {"entailment_sentences"}
    assert scored(nli, "The dam was built.", [])["entailment"].value == -1.0
