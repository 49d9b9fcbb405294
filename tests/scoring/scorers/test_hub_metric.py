"""Metrics of Hugging Face `evaluate` from a script: the package's own compute, and scikit-learn, are the oracles."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, Score, UsageError, Validity
from evalkit.scoring.scorers import evaluate

Scored = Callable[..., dict[str, Score]]
library = pytest.importorskip("evaluate", reason="the package `evaluate` is the oracle")

SCRIPT = """
import datasets
import evaluate


class Metric(evaluate.Metric):
    def _info(self):
        features = datasets.Features({{"predictions": {predictions}, "references": {references}}})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references{more}):
        {body}
"""
TEXT, CLASS, NUMBER = (f'datasets.Value("{kind}")' for kind in ("string", "int32", "float32"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("metrics")

    def put(name: str, body: str, predictions: str, references: str, more: str = "") -> None:
        text = SCRIPT.format(predictions=predictions, references=references, body=body, more=more)
        (made / f"{name}.py").write_text(text)

    put(
        "class_accuracy",
        'return {"accuracy": sum(p == r for p, r in zip(predictions, references)) / len(references)}',
        CLASS,
        CLASS,
    )
    put(
        "length_ratio",
        "total = sum(min(len(r) for r in rs) for rs in references)\n"
        '        return {"ratio": [scale * sum(map(len, predictions)) / total]}',
        TEXT,
        f"datasets.Sequence({TEXT})",
        ", scale=1.0",
    )
    put(
        "correlation",
        'import numpy\n        return {"r": float(numpy.corrcoef(predictions, references)[0, 1])}',
        NUMBER,
        NUMBER,
    )
    put("broken", "return {}", f'{TEXT}, "context": {TEXT}', TEXT)
    (made / "raises.py").write_text("raise RuntimeError('no such luck')\n")
    return made


def records(scorer: Any, samples: list[Sample], replies: list[Reply]) -> list[Record]:
    async def run() -> list[Record]:
        found = []
        for number, (sample, reply) in enumerate(zip(samples, replies, strict=True)):
            scores = await scorer.score(sample, (reply,))
            found.append(Record("t", number, sample, scores=scores, validity=scores[0].validity))
        return found

    return asyncio.run(run())


def said(text: str) -> Reply:
    return Reply(texts=(text,), finish=("stop",))


def estimate(metric: Any, found: list[Record]) -> Any:
    rows = np.array([row for record in found if (row := metric.observe(record)) is not None]).reshape(-1, 1)
    return metric.estimate(rows, np.arange(len(rows)))


def test_a_corpus_of_texts_equals_the_package_and_references_are_all_targets(folder: Path) -> None:
    rng = random.Random(1)
    texts = ["x" * rng.randrange(1, 9) for _ in range(40)]
    targets = [tuple("y" * rng.randrange(1, 9) for _ in range(rng.randrange(1, 3))) for _ in range(40)]
    samples = [Sample(str(n), "q", targets=own) for n, own in enumerate(targets)]
    scorer = evaluate(metric="./length_ratio.py", result="ratio", name="length", arguments={"scale": 2.0}, base=folder)
    found = estimate(scorer.metrics[0], records(scorer, samples, list(map(said, texts))))
    own = library.load(str(folder / "length_ratio.py"), keep_in_memory=True)
    [expected] = own.compute(predictions=texts, references=[list(t) for t in targets], scale=2.0)["ratio"]
    assert scorer.metrics[0].name == "length"
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.how == "t, jackknife over 20 groups"
    assert found.low < found.value < found.high


def test_classes_equal_scikit_learn_and_a_reply_without_one_is_wrong(folder: Path) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng, choices = random.Random(2), ("red", "green", "blue")
    right = [rng.randrange(3) for _ in range(60)]
    chosen = [n if rng.random() < 0.6 else rng.randrange(-1, 3) for n in right]
    samples = [Sample(str(n), "q", choices=choices, gold=(gold,)) for n, gold in enumerate(right)]
    scorer = evaluate(metric="class_accuracy.py", result="accuracy", base=folder)
    replies = [said("It is " + ("none" if number < 0 else choices[number])) for number in chosen]
    found = records(scorer, samples, replies)
    assert estimate(scorer.metrics[0], found).value == pytest.approx(sklearn.accuracy_score(right, chosen))
    assert [r.validity is Validity.NO_ANSWER for r in found] == [number < 0 for number in chosen]
    weighed = [Reply(loglikelihoods=tuple(0.0 if n == max(number, 0) else -1.0 for n in range(3))) for number in chosen]
    again = estimate(scorer.metrics[0], records(scorer, samples, weighed)).value
    assert again == pytest.approx(sklearn.accuracy_score(right, [max(number, 0) for number in chosen]))


def test_numbers_equal_scipy_and_what_is_none_leaves_the_metric(folder: Path) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle")
    rng = random.Random(3)
    truth = [rng.gauss(0, 1) for _ in range(50)]
    replies = [f"{value + rng.gauss(0, 0.5):.6f}" for value in truth]
    samples = [Sample(str(n), "q", targets=(f"{value:.6f}",)) for n, value in enumerate(truth)]
    scorer = evaluate(metric="correlation.py", result="r", base=folder)
    found = estimate(
        scorer.metrics[0],
        records(scorer, [*samples, Sample("x", "q", targets=("1",))], list(map(said, [*replies, "many"]))),
    )
    expected = stats.pearsonr([float(text) for text in replies], [float(f"{value:.6f}") for value in truth])
    assert found.value == pytest.approx(expected.statistic, abs=1e-6)
    assert found.n == 50
    # Fisher's interval is another way to the same width.
    low, high = expected.confidence_interval()
    assert found.high - found.low == pytest.approx(high - low, rel=0.5)


def test_values_of_single_samples(scored: Scored, folder: Path) -> None:
    scorer = evaluate(metric="length_ratio.py", result="ratio", per="sample", base=folder)
    found = scored(scorer, Sample("1", "q", targets=("yyyy", "yy")), "xxx")["ratio"]
    assert found.value == 1.5
    assert scorer.metrics[0].name == "ratio"


def test_what_cannot_be_had_is_said(scored: Scored, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample("1", "q", targets=("a",))
    with pytest.raises(UsageError, match="metric script"):
        evaluate(metric="./missing.py", result="x", base=folder)
    with pytest.raises(UsageError, match="cannot be loaded"):
        scored(evaluate(metric="raises.py", result="x", base=folder), sample, "a")
    with pytest.raises(UsageError, match="takes something else than predictions and references"):
        scored(evaluate(metric="broken.py", result="x", per="sample", base=folder), sample, "a")
    with pytest.raises(UsageError, match="returns no 'f1'"):
        scored(evaluate(metric="length_ratio.py", result="f1", per="sample", base=folder), sample, "a")


def test_the_scripts_content_stands_in_the_settings(folder: Path) -> None:
    one, other = (evaluate(metric=name, result="x", base=folder).settings for name in ("correlation.py", "broken.py"))
    assert one["metric"] == "correlation.py"
    assert one["file"] != other["file"]
    assert str(folder) not in str(one)
