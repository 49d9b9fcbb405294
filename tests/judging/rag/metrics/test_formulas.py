"""Formulas over verdicts against scikit-learn and against counting in other words, on random tables."""

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import UsageError
from evalkit.judging.rag import formulas
from evalkit.judging.rag.formulas import Verdicts
from evalkit.judging.rag.stored_claims import figures, read_ragchecker
from evalkit.scoring.ranked_documents import ndcg

np = pytest.importorskip("numpy")


def table(rng: random.Random, *, least: int = 1) -> Verdicts:
    answer, reference, contexts = (rng.randint(least, 7) for _ in range(3))
    chance = rng.random()

    def row(width: int) -> tuple[bool, ...]:
        return tuple(rng.random() < chance for _ in range(width))

    return Verdicts(
        row(answer),
        row(reference),
        tuple(row(contexts) for _ in range(answer)),
        tuple(row(contexts) for _ in range(reference)),
        contexts,
    )


def by_arrays(of: Verdicts) -> dict[str, float]:
    """The definitions of the paper as array operations, written without the formulas' code; NaN where 0/0."""
    a = np.array(of.in_reference, dtype=bool)
    r = np.array(of.in_answer, dtype=bool)
    c = np.array(of.answer_by_context, dtype=bool).reshape(len(a), of.contexts)
    g = np.array(of.reference_by_context, dtype=bool).reshape(len(r), of.contexts)
    relevant = g.any(axis=0)
    in_relevant, in_other = c[:, relevant].any(axis=1), c[:, ~relevant].any(axis=1)
    with np.errstate(all="ignore"):
        p, q = np.float64(a.sum()) / len(a), np.float64(r.sum()) / len(r)
        return {
            "precision": p,
            "recall": q,
            "f1": 2 * p * q / (p + q) if p + q > 0 else p + q,
            "claim_recall": np.float64(g.any(axis=1).sum()) / len(r),
            "context_precision": np.float64(relevant.sum()) / of.contexts,
            "context_utilization": np.float64((g.any(axis=1) & r).sum()) / g.any(axis=1).sum(),
            "noise_sensitivity_in_relevant": np.mean(in_relevant & ~a),
            "noise_sensitivity_in_irrelevant": np.mean(in_other & ~in_relevant & ~a),
            "hallucination": np.mean(~(in_relevant | in_other) & ~a),
            "self_knowledge": np.mean(~(in_relevant | in_other) & a),
            "faithfulness": np.mean(in_relevant | in_other),
        }


def test_the_eleven_figures_agree_with_array_arithmetic_on_a_thousand_random_tables() -> None:
    rng = random.Random(7)
    for _ in range(1000):
        of = table(rng)
        for name, wanted in by_arrays(of).items():
            found = formulas.FIGURES[name](of)
            assert (math.nan if found is None else found) == pytest.approx(wanted, abs=1e-12, nan_ok=True), name


def test_what_is_not_there_is_not_applicable_and_never_0_or_1() -> None:
    nothing = Verdicts((), (), (), (), 0)
    assert {name: formula(nothing) for name, formula in formulas.FIGURES.items()} == dict.fromkeys(formulas.FIGURES)
    no_answer_claims = Verdicts((), (True,), (), ((True, False),), 2)
    assert formulas.faithfulness(no_answer_claims) is None
    assert formulas.hallucination(no_answer_claims) is None
    assert formulas.f1(no_answer_claims) is None
    assert formulas.claim_recall(no_answer_claims) == 1.0
    no_contexts = Verdicts((True, False), (True,), ((), ()), ((),), 0)
    assert formulas.context_precision(no_contexts) is None
    assert formulas.context_utilization(no_contexts) is None
    assert formulas.self_knowledge(no_contexts) == 0.5
    assert formulas.context_precision(Verdicts((True,), (), ((True,),), (), 1)) is None
    assert formulas.average_precision([]) is None
    assert formulas.proportion([]) is None
    assert formulas.f_beta(None, 1.0) is None
    # F1 is 2·TP / (2·TP + FP + FN): an answer that claims nothing misses what the reference says, and stays in n.
    assert formulas.f1(Verdicts((), (False, False), (), ((True,), (True,)), 1)) == 0.0
    assert formulas.mean_cosine([1.0], []) is None
    assert formulas.weighted([(None, 0.75), (0.5, 0.25)]) is None


def test_faithfulness_hallucination_and_self_knowledge_share_all_claims_out() -> None:
    rng = random.Random(3)
    for _ in range(200):
        of = table(rng)
        parts = [formulas.faithfulness(of), formulas.hallucination(of), formulas.self_knowledge(of)]
        assert sum(part for part in parts if part is not None) == pytest.approx(1.0)


@pytest.mark.parametrize("field", ["answer_by_context", "reference_by_context"])
def test_a_table_with_a_row_too_few_is_refused(field: str) -> None:
    whole = {"answer_by_context": ((True,),), "reference_by_context": ((True,),)}
    with pytest.raises(ValueError, match="0 rows of verdicts"):
        Verdicts((True,), (True,), **{**whole, field: ()}, contexts=1)
    with pytest.raises(ValueError, match="does not have 1 contexts"):
        Verdicts((True,), (True,), **{**whole, field: ((True, False),)}, contexts=1)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_average_precision_is_that_of_scikit_learn(useful: list[bool]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    if not any(useful):
        assert formulas.average_precision(useful) == 0.0
        return
    ranks = [-rank for rank in range(len(useful))]
    assert formulas.average_precision(useful) == pytest.approx(metrics.average_precision_score(useful, ranks))


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(1, 30))
def test_ndcg_is_that_of_scikit_learn(useful: list[bool], depth: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    names = [str(rank) for rank in range(len(useful))]
    relevance = {name: float(value) for name, value in zip(names, useful, strict=True)}
    wanted = metrics.ndcg_score([useful], [[-rank for rank in range(len(useful))]], k=depth)
    assert ndcg(names, relevance, depth) == pytest.approx(wanted)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.floats(0.25, 4.0))
def test_f_beta_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]], beta: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    right, said = [r for r, _ in pairs], [s for _, s in pairs]
    precision = metrics.precision_score(right, said, zero_division=0)
    recall = metrics.recall_score(right, said, zero_division=0)
    wanted = metrics.fbeta_score(right, said, beta=beta, zero_division=0)
    assert formulas.f_beta(precision, recall, beta) == pytest.approx(wanted)


def test_cosine_is_that_of_numpy_and_nothing_has_no_direction() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=8), rng.normal(size=8)
    wanted = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    assert formulas.cosine(list(one), list(two)) == pytest.approx(wanted)
    assert formulas.cosine([0.0, 0.0], [1.0, 0.0]) == 0.0


def test_answer_correctness_weighs_three_to_one() -> None:
    assert formulas.weighted([(0.6, 0.75), (1.0, 0.25)]) == pytest.approx(0.7)
    assert formulas.weighted([(0.6, 1.0), (None, 0.0)]) == 0.6


# ---------------------------------------------------------------- RAGChecker's own file


@pytest.fixture
def ragchecker(hub_mirror: Path) -> Path:
    path = hub_mirror.parent / "reference" / "ragchecker" / "checking_outputs.json"
    if not path.is_file():
        pytest.skip(f"no outputs of RAGChecker at {path}")
    return path


@pytest.mark.shared_data
def test_all_eleven_figures_that_ragchecker_published_come_from_its_stored_verdicts(ragchecker: Path) -> None:
    published = json.loads(ragchecker.read_text(encoding="utf-8"))["metrics"]
    wanted = {name: value for group in published.values() for name, value in group.items()}
    found = figures(list(read_ragchecker(ragchecker).values()))
    assert len(wanted) == 11
    assert {name: round(100 * value, 1) for name, value in found.items() if value is not None} == wanted


@pytest.mark.shared_data
def test_every_sample_has_the_figures_that_ragchecker_gave_it(ragchecker: Path) -> None:
    results = json.loads(ragchecker.read_text(encoding="utf-8"))["results"]
    verdicts = read_ragchecker(ragchecker)
    for result in results:
        for name, wanted in result["metrics"].items():
            assert formulas.FIGURES[name](verdicts[result["query_id"]]) == pytest.approx(wanted, abs=1e-12), name


def test_a_file_that_was_not_checked_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    path.write_text(json.dumps({"results": [{"query_id": "0", "retrieved_context": []}]}))
    with pytest.raises(UsageError, match="answer2response"):
        read_ragchecker(path)
    whole = {"answer2response": ["Maybe"], "response2answer": [], "retrieved2response": [[]], "retrieved2answer": []}
    path.write_text(json.dumps({"results": [{"query_id": "0", "retrieved_context": [], **whole}]}))
    with pytest.raises(UsageError, match="do not fit together"):
        read_ragchecker(path)
    path.write_text("no JSON")
    with pytest.raises(UsageError, match="cannot be read"):
        read_ragchecker(path)
