import json

import pytest

from evalkit.core import BadRow, DataOptions, UsageError
from evalkit.data import either, hub, rows, where

ROWS = [{"kind": "a", "n": 1}, {"kind": "b", "n": 2}, {"kind": "a", "n": 3}]


def test_where_keeps_the_rows_with_the_value():
    opened = where(rows(ROWS), "kind", "a").open(DataOptions())
    assert [row.values["n"] for row in opened.rows()] == [1, 3]
    assert opened.count == 2
    assert opened.facts["rows"] == "kind = a"


def test_where_has_a_digest_of_its_own():
    digests = {
        source.open(DataOptions()).digest for source in (rows(ROWS), *(where(rows(ROWS), "kind", v) for v in "ab"))
    }
    assert len(digests) == 3


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match="kid"):
        list(where(rows(ROWS), "kid", "a").open(DataOptions()).rows())


def test_a_row_that_cannot_be_read_is_in_every_part_under_its_own_id(tmp_path):
    folder = tmp_path / "owner" / "name" / "default"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(json.dumps(ROWS[0]) + "\n{broken\n" + json.dumps(ROWS[1]) + "\n")
    options = DataOptions(mirror=tmp_path, offline=True, skip_bad_rows=True)
    parts = [where(hub("owner/name", split="test"), "kind", v).open(options) for v in "ab"]
    bad = [row for part in parts for row in part.rows() if isinstance(row, BadRow)]
    assert len({row.id for row in bad}) == 2
    assert [part.count for part in parts] == [2, 2]


def write(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "test.jsonl").write_text(json.dumps(ROWS[0]) + "\n")


@pytest.mark.parametrize(
    ("mirrored", "taken"),
    [
        (["old/set/plain"], "old/set"),
        (["new/set/default"], "new/set"),
        (["old/set/plain", "new/set/default"], "new/set"),
    ],
)
def test_either_takes_the_first_that_is_mirrored(tmp_path, mirrored, taken):
    for name in mirrored:
        write(tmp_path, name)
    source = either(hub("new/set", split="test"), hub("old/set", config="plain", split="test"))
    assert source.open(DataOptions(mirror=tmp_path, offline=True)).facts["hub"] == taken


def test_where_nothing_is_mirrored_the_error_names_the_first(tmp_path):
    write(tmp_path, "another/set/default")
    source = either(hub("new/set", split="test"), hub("old/set", split="test"))
    with pytest.raises(UsageError, match="new/set"):
        source.open(DataOptions(mirror=tmp_path, offline=True))


def test_either_is_for_the_hub():
    with pytest.raises(TypeError, match="hub"):
        either(rows(ROWS))
