"""CSV files: every value is the string that stands there, and a row that does not fit is named."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from evalkit.core import BadRow, DataOptions, Row, UsageError
from evalkit.data import files
from tests.examples import examples

PLAIN = DataOptions()


def values(path: Path) -> list[dict[str, object]]:
    return [dict(row.values) for row in files(path).open(PLAIN).rows() if isinstance(row, Row)]


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        files(path).open(PLAIN)
    return str(caught.value)


@pytest.mark.parametrize("text", ["NA", "null", "1e5", "007", "", " x ", "nan", "True", "-0", "1,234", "½", "N/A"])
def test_text_that_looks_like_something_else_survives(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'q,a\nwhich?,"{text}"\n', encoding="utf-8")
    assert values(path) == [{"q": "which?", "a": text}]


def test_a_quoted_field_may_hold_line_breaks_and_the_next_row_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'q,a\r\n"one\r\ntwo",1\r\nthree,2\r\n')
    first, second = files(path).open(PLAIN).rows()
    assert isinstance(first, Row)
    assert first.values["q"] == "one\r\ntwo"
    assert (first.origin, second.origin) == (f"{path}:2", f"{path}:4")


def test_a_bom_is_no_part_of_the_first_column_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfq,a\n\nx,1\n\n"))
    assert values(path) == [{"q": "x", "a": "1"}]


@pytest.mark.parametrize(("line", "count"), [("x", 1), ("x,1,2", 3)])
def test_a_row_of_another_width_is_bad(tmp_path: Path, line: str, count: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"q,a\nx,1\n{line}\ny,2\n")
    message = refusal(path)
    assert message.startswith(f"{path}:3: a row cannot be read")
    assert f"{count} values where the header names 2 columns" in message
    rows = list(files(path).open(DataOptions(skip_bad_rows=True)).rows())
    assert [type(row) for row in rows] == [Row, BadRow, Row]
    assert rows[2].id == "t/2"


def test_a_quote_in_the_wrong_place_spoils_its_own_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('q,a\n"x"y,1\nz,2\n')
    bad, good = files(path).open(DataOptions(skip_bad_rows=True)).rows()
    assert isinstance(bad, BadRow) and isinstance(good, Row)
    assert bad.origin == f"{path}:2"
    assert good.values == {"q": "z", "a": "2"}


def test_bytes_that_are_not_utf8_are_located_by_line_and_column_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"q,a\nx,1\ncaf\xe9,2\n")
    message = refusal(path)
    assert message.startswith(f"{path}:3:")
    assert "not UTF-8: column 'q'" in message


def test_a_field_longer_than_the_csv_modules_own_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("q,a\n" + "x" * 200_000 + ",1\n")
    assert len(str(values(path)[0]["q"])) == 200_000


@pytest.mark.parametrize(("header", "wrong"), [("q,q", "column 'q' twice"), ("q,", "a column without a name")])
def test_a_header_that_cannot_name_columns_is_refused(tmp_path: Path, header: str, wrong: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\nx,1\n")
    assert wrong in refusal(path)


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"))


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(_TEXT.filter(bool), min_size=1, max_size=4, unique=True).flatmap(
        lambda header: st.tuples(
            st.just(header),
            st.lists(st.lists(_TEXT, min_size=len(header), max_size=len(header)), min_size=1, max_size=5),
        )
    )
)
def test_what_the_csv_module_writes_is_read_back_exactly(
    tmp_path: Path, table: tuple[list[str], list[list[str]]]
) -> None:
    header, rows = table
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerows([header, *rows])
    assert values(path) == [dict(zip(header, row, strict=True)) for row in rows]
