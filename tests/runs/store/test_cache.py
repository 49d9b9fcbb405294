"""The response cache keeps replies across processes and survives damage."""

import time
from pathlib import Path

import pytest

from evalkit.models.sqlite_cache import FILE, SqliteCache


def test_what_was_put_is_there_in_the_next_process(tmp_path: Path) -> None:
    first = SqliteCache(tmp_path)
    first.put("key", b"reply")
    assert first.get("key") == b"reply"  # not yet written, served all the same
    first.close()
    second = SqliteCache(tmp_path)
    assert second.get("key") == b"reply"
    assert second.get("other") is None
    second.close()


def test_a_reply_is_in_the_file_soon_though_nothing_more_is_put(tmp_path: Path) -> None:
    first, second = SqliteCache(tmp_path), SqliteCache(tmp_path)
    first.put("key", b"reply")
    asked = time.monotonic()
    while second.get("key") is None:
        assert time.monotonic() < asked + 5
        time.sleep(0.005)
    first.close()
    second.close()


def test_two_processes_share_it(tmp_path: Path) -> None:
    one, two = SqliteCache(tmp_path), SqliteCache(tmp_path)
    one.put("a", b"1")
    one.flush()
    two.put("b", b"2")
    two.flush()
    assert (one.get("b"), two.get("a")) == (b"2", b"1")
    one.close()
    two.close()


def test_a_damaged_file_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    cache = SqliteCache(tmp_path)
    cache.put("key", b"reply")
    cache.close()
    assert "set aside" in capsys.readouterr().err
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    assert SqliteCache(tmp_path).get("key") == b"reply"


def test_clear_deletes_what_is_old_enough(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path)
    for number in range(3):
        cache.put(str(number), b"x")
    assert cache.clear(older_than_days=1) == 0
    assert cache.size().entries == 3
    assert cache.clear() == 3
    assert cache.size().entries == 0
    cache.close()
