"""A missing column is explained, however a task asks for it; and what importing evalkit.data costs."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.core import DataOptions, Row, UsageError
from evalkit.data import RowValues, require, rows

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def row() -> Row:
    [found] = rows([{"question": "1+1?", "answer": None}], name="toy").open(DataOptions()).rows()
    assert isinstance(found, Row)
    return found


EXPECTED = "toy#0: column 'qestion' is missing\n  found: columns: question, answer\n  try:   did you mean 'question'?"


def test_require_gives_the_value_even_if_it_is_none(row: Row) -> None:
    assert require(row, "question") == "1+1?"
    assert require(row, "answer") is None


def test_require_explains_a_missing_column(row: Row) -> None:
    with pytest.raises(UsageError) as caught:
        require(row, "qestion")
    assert str(caught.value) == EXPECTED


def test_square_brackets_explain_it_in_the_same_words(row: Row) -> None:
    with pytest.raises(UsageError) as caught:
        row.values["qestion"]
    assert str(caught.value) == EXPECTED


def test_require_explains_it_for_rows_with_plain_dicts_too() -> None:
    with pytest.raises(UsageError, match="columns: b"):
        require(Row("x", {"b": 1}, "somewhere"), "a")


def test_get_and_in_are_those_of_any_dict(row: Row) -> None:
    assert row.values.get("qestion", "none") == "none"
    assert "qestion" not in row.values


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda values: pickle.loads(pickle.dumps(values))])
def test_copies_keep_columns_and_origin(row: Row, again: object) -> None:
    assert callable(again)
    copied = again(row.values)
    assert copied == row.values
    assert isinstance(copied, RowValues)
    assert copied.origin == "toy#0"


def test_importing_evalkit_data_and_naming_sources_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from evalkit import data\n"
        "data.hub('a/b', split='test'); data.files('x.parquet'); data.texts('x'); data.bundled('x'); data.rows([{}])\n"
        "heavy = {'datasets', 'pandas', 'pyarrow', 'huggingface_hub', 'numpy', 'torch'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_places_imports_no_third_party() -> None:
    script = (
        "import sys, evalkit.core.paths; print(sorted(m for m in sys.modules if m in {'orjson', 'click', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
