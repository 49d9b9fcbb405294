"""Parquet files, text files, toy sets and rows in memory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit.core import BadRow, DataOptions, Row, UsageError
from evalkit.data import bundled, files, rows, texts
from evalkit.data.toy import toy_names

PLAIN = DataOptions()


class TestParquet:
    def test_rows_keep_their_types_across_batches(self, tmp_path: Path) -> None:
        path = tmp_path / "test.parquet"
        numbers = list(range(3000))
        table = pa.table({"question": [f"q{n}" for n in numbers], "choices": [["a", None]] * 3000, "answer": numbers})
        pq.write_table(table, path, row_group_size=700)
        opened = files(path).open(PLAIN)
        found = list(opened.rows())
        assert opened.count == len(found) == 3000
        assert found[2999] == Row(
            "test/2999", {"question": "q2999", "choices": ["a", None], "answer": 2999}, f"{path}#2999"
        )

    def test_own_ids_are_used(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"id": ["x", "y"]}), tmp_path / "t.parquet")
        assert [row.id for row in files(tmp_path / "t.parquet").open(PLAIN).rows()] == ["x", "y"]

    @pytest.mark.parametrize("data", [b"", b"no parquet here", b"PAR1" + b"\0" * 40 + b"PAR1"])
    def test_what_is_no_parquet_file_is_refused(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "t.parquet"
        path.write_bytes(data)
        with pytest.raises(UsageError, match="not Parquet, or is damaged"):
            files(path).open(PLAIN)


class TestTexts:
    def test_a_folder_is_one_row_a_file_with_the_text_untouched(self, tmp_path: Path) -> None:
        (tmp_path / "pages" / "deep").mkdir(parents=True)
        (tmp_path / "pages" / "b.txt").write_bytes("Zwölf\r\n\n".encode())
        (tmp_path / "pages" / "deep" / "a.txt").write_bytes(b"one")
        (tmp_path / "pages" / ".hidden").write_bytes(b"no")
        opened = texts("pages", base=tmp_path).open(PLAIN)
        found = [(row.id, dict(row.values)) for row in opened.rows() if isinstance(row, Row)]
        assert found == [
            ("b/0", {"text": "Zwölf\r\n\n", "name": "b.txt"}),
            ("a/0", {"text": "one", "name": "a.txt"}),
        ]
        assert opened.count == 2

    def test_a_file_named_twice_is_one_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("one")
        (tmp_path / "b.txt").write_text("two")
        assert texts("*.txt", "a.txt", base=tmp_path).open(PLAIN).count == 2

    def test_an_empty_text_is_a_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("")
        [row] = texts("a.txt", base=tmp_path).open(PLAIN).rows()
        assert isinstance(row, Row)
        assert row.values["text"] == ""

    def test_a_text_that_is_not_utf8_is_a_bad_row(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes(b"caf\xe9")
        (tmp_path / "b.txt").write_bytes(b"tea")
        with pytest.raises(UsageError, match="byte 0xe9"):
            texts("*.txt", base=tmp_path).open(PLAIN)
        bad, good = texts("*.txt", base=tmp_path).open(DataOptions(skip_bad_rows=True)).rows()
        assert isinstance(bad, BadRow) and isinstance(good, Row)
        assert bad.origin == f"{tmp_path}/a.txt"

    def test_no_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="holds no files"):
            texts(tmp_path).open(PLAIN)
        with pytest.raises(UsageError, match="no text files are named"):
            texts().open(PLAIN)


class TestBundled:
    def test_every_bundled_set_can_be_read(self) -> None:
        for name in toy_names():
            opened = bundled(name).open(PLAIN)
            found = list(opened.rows())
            assert len(found) == opened.count
            assert len({row.id for row in found}) == len(found)
            assert opened.facts["bundled"] == name

    def test_an_unknown_set_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match="no toy set named 'nonesuch'"):
            bundled("nonesuch").open(PLAIN)


class TestRowsInMemory:
    def test_rows_are_numbered_under_their_name(self) -> None:
        opened = rows([{"q": 1}, {"id": "mine", "q": 2}], name="toy").open(PLAIN)
        assert [(row.id, row.origin) for row in opened.rows()] == [("toy/0", "toy#0"), ("mine", "toy#1")]
        assert opened.count == 2

    def test_the_digest_follows_the_values_and_not_the_order_of_columns(self) -> None:
        def digest(*values: dict[str, object]) -> str:
            return rows(values).open(PLAIN).digest

        assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        assert digest({"a": 1}) != digest({"a": 2})
        assert digest({"a": 1}, {"a": 2}) != digest({"a": 2}, {"a": 1})
        assert digest({"a": b"bytes have no JSON"}) != digest({"a": b"other bytes"})

    def test_repeated_ids_are_replaced_by_numbers(self) -> None:
        opened = rows([{"id": "x"}, {"id": "x"}]).open(PLAIN)
        assert [row.id for row in opened.rows()] == ["rows/0", "rows/1"]
        assert "not unique" in opened.facts["ids"]

    def test_an_own_id_cannot_take_a_numbered_rows_place(self) -> None:
        opened = rows([{"id": "rows/1"}, {"q": 1}]).open(PLAIN)
        assert [row.id for row in opened.rows()] == ["rows/0", "rows/1"]

    def test_no_rows_and_rows_that_are_no_mappings_are_refused(self) -> None:
        with pytest.raises(UsageError, match="empty"):
            rows([]).open(PLAIN)
        with pytest.raises(UsageError, match="rows#1: a row must be a mapping"):
            rows([{"q": 1}, "text"]).open(PLAIN)  # type: ignore[list-item]
