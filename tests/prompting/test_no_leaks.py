"""No prompt holds the row that it asks among its few-shot examples, wherever the examples come from."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import DataOptions, Fewshot, FewshotOrder, PromptFormat, Row, Sample, Source, Subset
from evalkit.data import files, rows
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream

ROWS: list[dict[str, Any]] = [{"q": f"Question {n}", "a": f"secret{n}"} for n in range(6)]
ORDERS: list[FewshotOrder] = ["first", "random", "seeded", "balanced", "lm-eval"]


def to_sample(row: Row) -> Sample:
    return Sample(row.id, row.values["q"], targets=(row.values["a"],))


def rendered(asked: Source, shown: Source | None, *, k: int, order: FewshotOrder) -> list[tuple[Sample, str]]:
    subset = Subset(asked, examples=shown)
    options = DataOptions()
    samples = [to_sample(row) for row in asked.open(options).rows() if isinstance(row, Row)]
    renderer = PromptRenderer("t", PromptFormat(), Fewshot(k, order), subset, to_sample, options, 1, lm_eval_stream())
    return [(sample, renderer.render(sample).text) for sample in samples]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "copy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in random.Random(1).sample(ROWS, 6)))
    return tmp_path


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("spelling", ["rows.jsonl", "./rows.jsonl", "sub/../rows.jsonl", "row*.jsonl", "copy.jsonl"])
def test_another_spelling_and_a_copy_of_the_rows_are_the_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spelling: str, order: FewshotOrder
) -> None:
    monkeypatch.chdir(folder)
    for sample, text in rendered(files("rows.jsonl"), files(spelling), k=4, order=order):
        assert sample.targets[0] not in text
        assert text.count("secret") == 4


@pytest.mark.parametrize("order", ORDERS)
def test_a_row_that_stands_twice_is_in_none_of_its_prompts(order: FewshotOrder) -> None:
    source = rows([*ROWS, ROWS[0], {**ROWS[1], "q": " Question  1"}])
    for sample, text in rendered(source, None, k=5, order=order):
        assert sample.targets[0] not in text
        assert text.count("secret") == 5


def test_of_too_few_others_fewer_are_shown() -> None:
    for sample, text in rendered(rows([*ROWS[:3], ROWS[0]]), None, k=3, order="seeded"):
        assert sample.targets[0] not in text
        assert text.count("secret") == (2 if sample.targets == ("secret0",) else 3)


@pytest.mark.parametrize("order", ORDERS)
def test_examples_that_leak_nothing_are_drawn_as_before(order: FewshotOrder) -> None:
    """The oracle is a pool without any row that is asked: taking none out, the draw must be the plain one."""
    pool = [{"q": f"Example {n}", "a": f"shown{n}"} for n in range(9)]
    found = rendered(rows(ROWS), rows(pool), k=3, order=order)
    assert all(text.count("shown") == 3 for _, text in found)
    if order == "lm-eval":
        stream = lm_eval_stream()
        for _, text in found:
            drawn = stream.sample(range(9), 3)
            assert [f"shown{n}" for n in drawn] == [word for word in text.split() if word.startswith("shown")]


def test_rows_that_ask_nothing_by_themselves_are_told_apart_by_what_they_show() -> None:
    """A task whose input is empty, as where the choices are whole texts, still has examples."""
    source = rows([{"q": "", "a": f"secret{n}"} for n in range(5)])
    for sample, text in rendered(source, None, k=3, order="seeded"):
        assert sample.targets[0] not in text
        assert text.count("secret") == 3
