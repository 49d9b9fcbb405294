"""JSONL and JSON files: what is read, what is refused, and how a refusal reads."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from evalkit.core import BadRow, DataOptions, Row, RunError, UsageError
from evalkit.data import files
from tests.examples import examples

PLAIN = DataOptions()
SKIPPING = DataOptions(skip_bad_rows=True)


def read(path: Path, options: DataOptions = PLAIN) -> list[Row | BadRow]:
    return list(files(path).open(options).rows())


def refusal(path: Path | str, base: Path | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        files(path, base=base).open(PLAIN)
    return str(caught.value)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


class TestJsonLines:
    def test_ids_are_stem_and_number_and_origins_name_the_line(self, tmp_path: Path) -> None:
        rows = read(put(tmp_path / "train.jsonl", b'{"q": "a"}\n\n{"q": "b"}\n'))
        assert [(row.id, row.origin) for row in rows] == [
            ("train/0", f"{tmp_path}/train.jsonl:1"),
            ("train/1", f"{tmp_path}/train.jsonl:3"),
        ]

    def test_a_gzipped_file_has_the_ids_and_the_digest_of_the_plain_one(self, tmp_path: Path) -> None:
        data = b'{"q": "a"}\n{"q": "b"}\n'
        plain = files(put(tmp_path / "x" / "train.jsonl", data)).open(PLAIN)
        packed = files(put(tmp_path / "y" / "train.jsonl.gz", data)).open(PLAIN)
        assert plain.digest == packed.digest
        assert [row.id for row in packed.rows()] == ["train/0", "train/1"]
        assert packed.count == 2

    def test_the_digest_is_the_sha256_of_the_content(self, tmp_path: Path) -> None:
        # sha256sum of the 9 bytes {"q": 1}\n
        assert files(put(tmp_path / "a.jsonl", b'{"q": 1}\n')).open(PLAIN).digest == "727c16eb1b22614dc12c8605f65c1e40"

    def test_bom_crlf_and_a_missing_last_newline_change_nothing(self, tmp_path: Path) -> None:
        rows = read(put(tmp_path / "w.jsonl", b'\xef\xbb\xbf{"q": "a"}\r\n\r\n{"q": "b"}'))
        assert [row.values for row in rows if isinstance(row, Row)] == [{"q": "a"}, {"q": "b"}]

    def test_a_broken_line_is_named_with_an_excerpt_and_the_way_on(self, tmp_path: Path) -> None:
        path = put(tmp_path / "t.jsonl", b'{"q": "a"}\n{"q": nope}\n{"q": "c"}\n')
        message = refusal(path)
        assert message.startswith(f"{path}:2: a row cannot be read")
        assert "column 7" in message
        assert '{"q": nope}' in message
        assert "--skip-bad-rows" in message

    def test_several_broken_lines_are_counted(self, tmp_path: Path) -> None:
        assert "2 rows cannot be read; this is the first" in refusal(put(tmp_path / "t.jsonl", b'{"q": 1}\n{\n[]\n'))

    def test_skipped_rows_are_yielded_as_bad_and_keep_their_number(self, tmp_path: Path) -> None:
        source = files(put(tmp_path / "t.jsonl", b'{"q": "a"}\n{"q": \n{"q": "c"}\n')).open(SKIPPING)
        first, bad, last = source.rows()
        assert source.count == 3
        assert isinstance(bad, BadRow)
        assert (first.id, bad.id, last.id) == ("t/0", "t/1", "t/2")
        assert bad.origin.endswith("t.jsonl:2")
        assert "not JSON" in bad.problem

    def test_bytes_that_are_not_utf8_are_located(self, tmp_path: Path) -> None:
        message = refusal(put(tmp_path / "t.jsonl", b'{"q": "a"}\n{"q": "caf\xe9"}\n'))
        assert "t.jsonl:2" in message
        assert "not UTF-8: byte 0xe9 at byte 11" in message

    def test_utf16_is_recognised(self, tmp_path: Path) -> None:
        assert "looks like UTF-16" in refusal(put(tmp_path / "t.jsonl", '{"q": "a"}\n'.encode("utf-16")))

    @pytest.mark.parametrize(
        ("line", "kind"), [(b"[1]", "a list"), (b'"a"', "a string"), (b"3", "a number"), (b"null", "null")]
    )
    def test_a_row_that_is_no_object_is_bad(self, tmp_path: Path, line: bytes, kind: str) -> None:
        assert f"not {kind}" in refusal(put(tmp_path / "t.jsonl", b'{"q": 1}\n' + line + b"\n"))

    @pytest.mark.parametrize("frame", ["{}", "[{}]"], ids=["jsonl", "json"])
    def test_integers_beyond_64_bits_stay_exact(self, tmp_path: Path, frame: str) -> None:
        data = '{"a": 123456789012345678901234567890, "b": [{"c": -98765432109876543210987}]}'
        name = "t.json" if "[" in frame else "t.jsonl"
        [row] = read(put(tmp_path / name, frame.replace("{}", data).encode()))
        assert isinstance(row, Row)
        assert row.values == {"a": 123456789012345678901234567890, "b": [{"c": -98765432109876543210987}]}

    def test_control_characters_of_a_broken_line_do_not_reach_the_terminal(self, tmp_path: Path) -> None:
        assert "\x1b" not in refusal(put(tmp_path / "t.jsonl", b'{"q": \x1b[31mred}\n'))

    @pytest.mark.parametrize("packed", [b"", b"plainly not gzip"])
    def test_what_is_no_gzip_file_is_said_to_be_damaged(self, tmp_path: Path, packed: bytes) -> None:
        path = tmp_path / "t.jsonl.gz"
        path.write_bytes(packed)
        assert "gzip" in refusal(path) or "empty" in refusal(path)

    def test_a_gzip_file_cut_short_is_refused(self, tmp_path: Path) -> None:
        path = put(tmp_path / "t.jsonl.gz", b'{"q": "some text"}\n' * 500)
        path.write_bytes(path.read_bytes()[:-20])
        assert "damaged or cut short" in refusal(path)

    @examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        rows=st.lists(
            st.dictionaries(
                st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name != "id"),
                st.recursive(
                    st.none()
                    | st.booleans()
                    | st.integers(-(10**30), 10**30)
                    | st.floats(-1e15, 1e15)
                    | st.text(st.characters(codec="utf-8")),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
                    max_leaves=6,
                ),
                max_size=4,
            ),
            min_size=1,
            max_size=6,
        ),
        ascii_only=st.booleans(),
        newline=st.sampled_from(["\n", "\r\n", "\n\n"]),
        ending=st.sampled_from([".jsonl", ".jsonl.gz", ".json", ".json.gz"]),
    )
    def test_what_json_writes_is_read_back(
        self, tmp_path: Path, rows: list[dict[str, Any]], ascii_only: bool, newline: str, ending: str
    ) -> None:
        if ending.startswith(".jsonl"):
            text = newline.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
        else:
            text = json.dumps(rows, ensure_ascii=ascii_only)
        path = put(tmp_path / f"set{ending}", text.encode())
        found = read(path)
        assert [row.values for row in found if isinstance(row, Row)] == rows
        assert [row.id for row in found] == [f"set/{number}" for number in range(len(rows))]


class TestJson:
    @pytest.mark.parametrize("text", ['[{"q": 1}, {"q": 2}]', '{"version": 1, "data": [{"q": 1}, {"q": 2}]}'])
    def test_a_list_and_a_data_key_are_both_rows(self, tmp_path: Path, text: str) -> None:
        rows = read(put(tmp_path / "t.json", text.encode()))
        assert [(row.id, row.origin) for row in rows] == [
            ("t/0", f"{tmp_path}/t.json#0"),
            ("t/1", f"{tmp_path}/t.json#1"),
        ]

    def test_json_lines_under_the_name_json_are_read_as_lines(self, tmp_path: Path) -> None:
        rows = read(put(tmp_path / "t.json", b'{"q": 1}\n{"q": 2}\n'))
        assert [row.origin for row in rows] == [f"{tmp_path}/t.json:1", f"{tmp_path}/t.json:2"]

    def test_a_syntax_error_is_located(self, tmp_path: Path) -> None:
        message = refusal(put(tmp_path / "t.json", b'[{"q": 1},\n {"q" 2}]'))
        assert message.startswith(f"{tmp_path}/t.json:2: not JSON")

    def test_an_object_without_data_is_refused_with_its_keys(self, tmp_path: Path) -> None:
        message = refusal(put(tmp_path / "t.json", b'{"rows": []}'))
        assert "'rows'" in message
        assert '{"data": [objects]}' in message

    def test_an_element_that_is_no_object_is_a_bad_row(self, tmp_path: Path) -> None:
        assert f"{tmp_path}/t.json#1: a row cannot be read" in refusal(put(tmp_path / "t.json", b'[{"q": 1}, 7]'))


class TestFinding:
    def test_a_relative_path_is_looked_for_beside_the_task_file_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path / "task" / "d.jsonl", b'{"from": "base"}')
        put(tmp_path / "d.jsonl", b'{"from": "cwd"}')
        put(tmp_path / "other.jsonl", b'{"from": "cwd"}')
        monkeypatch.chdir(tmp_path)
        [beside] = files("d.jsonl", base=tmp_path / "task").open(PLAIN).rows()
        [fallen_back] = files("other.jsonl", base=tmp_path / "task").open(PLAIN).rows()
        assert isinstance(beside, Row) and isinstance(fallen_back, Row)
        assert (beside.values["from"], fallen_back.values["from"]) == ("base", "cwd")
        assert beside.origin == "task/d.jsonl:1"

    def test_a_glob_is_sorted_and_its_digest_depends_on_the_order(self, tmp_path: Path) -> None:
        for name in "bca":
            put(tmp_path / "p" / f"{name}.jsonl", f'{{"q": "{name}"}}'.encode())
        opened = files("p/*.jsonl", base=tmp_path).open(PLAIN)
        assert [row.id for row in opened.rows()] == ["a/0", "b/0", "c/0"]
        assert opened.count == 3
        (tmp_path / "p" / "a.jsonl").rename(tmp_path / "p" / "d.jsonl")
        assert files("p/*.jsonl", base=tmp_path).open(PLAIN).digest != opened.digest

    def test_namesakes_in_two_folders_have_different_ids(self, tmp_path: Path) -> None:
        put(tmp_path / "x" / "t.jsonl", b'{"q": 1}')
        put(tmp_path / "y" / "t.jsonl", b'{"q": 2}')
        assert [row.id for row in files("*/t.jsonl", base=tmp_path).open(PLAIN).rows()] == ["x/t/0", "y/t/0"]

    def test_a_name_with_brackets_is_a_name_before_it_is_a_pattern(self, tmp_path: Path) -> None:
        assert len(read(put(tmp_path / "a[1].jsonl", b'{"q": 1}'))) == 1

    def test_a_misspelt_name_is_met_with_the_near_ones(self, tmp_path: Path) -> None:
        put(tmp_path / "train.jsonl", b"{}")
        assert "did you mean 'train.jsonl'?" in refusal("trian.jsonl", base=tmp_path)

    def test_a_missing_folder_and_a_barren_pattern_are_told_apart(self, tmp_path: Path) -> None:
        assert "nowhere does not exist" in refusal("nowhere/t.jsonl", base=tmp_path)
        assert "no file matches '*.jsonl'" in refusal("*.jsonl", base=tmp_path)

    def test_a_folder_is_refused_with_a_pattern_that_would_work(self, tmp_path: Path) -> None:
        put(tmp_path / "d" / "t.jsonl", b"{}")
        assert "d/*.jsonl" in refusal("d", base=tmp_path)

    @pytest.mark.parametrize("name", ["t.xlsx", "t", "t.parquet.gz"])
    def test_a_format_that_is_not_read_is_refused(self, tmp_path: Path, name: str) -> None:
        assert "name it .jsonl" in refusal(put(tmp_path / name, b"x"))

    @pytest.mark.parametrize(("name", "data"), [("t.jsonl", b"\n\n"), ("t.json", b"[]"), ("t.csv", b"a,b\n")])
    def test_an_empty_data_set_is_refused(self, tmp_path: Path, name: str, data: bytes) -> None:
        assert "the data set is empty" in refusal(put(tmp_path / name, data))

    def test_a_data_set_of_bad_rows_alone_is_refused_though_they_may_be_skipped(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="none of its 2 rows can be read"):
            files(put(tmp_path / "t.jsonl", b"a\nb\n")).open(SKIPPING)


class TestOwnIds:
    def test_a_string_id_is_the_rows_id_and_others_are_numbered(self, tmp_path: Path) -> None:
        rows = read(put(tmp_path / "t.jsonl", b'{"id": "x"}\n{"id": 5}\n{"id": ""}\n{"q": 1}\n'))
        assert [row.id for row in rows] == ["x", "t/1", "t/2", "t/3"]

    def test_an_id_that_stands_twice_makes_the_whole_source_numbered(self, tmp_path: Path) -> None:
        opened = files(put(tmp_path / "t.jsonl", b'{"id": "x"}\n{"id": "y"}\n{"id": "x"}\n')).open(PLAIN)
        assert [row.id for row in opened.rows()] == ["t/0", "t/1", "t/2"]
        assert "not unique" in opened.facts["ids"]

    def test_an_id_that_stands_in_two_files_makes_both_numbered(self, tmp_path: Path) -> None:
        put(tmp_path / "a.jsonl", b'{"id": "x"}')
        put(tmp_path / "b.jsonl", b'{"id": "x"}')
        # The second time the answer is remembered.
        for _ in range(2):
            opened = files("*.jsonl", base=tmp_path).open(PLAIN)
            assert [row.id for row in opened.rows()] == ["a/0", "b/0"]

    def test_different_ids_in_two_files_are_kept(self, tmp_path: Path) -> None:
        put(tmp_path / "a.jsonl", b'{"id": "x"}')
        put(tmp_path / "b.jsonl", b'{"id": "y"}')
        for _ in range(2):
            assert [row.id for row in files("*.jsonl", base=tmp_path).open(PLAIN).rows()] == ["x", "y"]

    def test_an_own_id_cannot_take_a_numbered_rows_place(self, tmp_path: Path) -> None:
        rows = read(put(tmp_path / "t.jsonl", b'{"id": "t/1"}\n{"q": 1}\n'))
        assert [row.id for row in rows] == ["t/0", "t/1"]


class TestStreaming:
    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "big.jsonl"
        with path.open("w") as stream:
            for number in range(60_000):
                stream.write(json.dumps({"id": f"row-{number}", "text": "word " * 60}) + "\n")
        assert path.stat().st_size > 18_000_000
        tracemalloc.start()
        try:
            opened = files(path).open(PLAIN)
            seen = sum(1 for _ in opened.rows())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert seen == 60_000
        # Two one-megabyte buffers and eight bytes a row; the rows themselves take more than 20 MB.
        assert peak < 6_000_000

    def test_a_file_that_changed_after_it_was_opened_is_not_read_on(self, tmp_path: Path) -> None:
        path = put(tmp_path / "t.jsonl", b'{"q": 1}\n')
        opened = files(path).open(PLAIN)
        put(path, b'{"q": 1}\n{"q": 2}\n')
        with pytest.raises(RunError, match="changed after it was opened"):
            list(opened.rows())
