"""The response cache keeps replies across processes and survives damage."""

import random
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
    (tmp_path / FILE).write_bytes(b"this is not a database" * 100)
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


def filled(folder: Path, count: int) -> dict[str, bytes]:
    """A cache of some pages, with values on leaf pages and on overflow pages, written to the file."""
    rng = random.Random(5)
    kept = {f"{number:032x}": rng.randbytes(20 if number % 7 else 9000) for number in range(count)}
    cache = SqliteCache(folder)
    for key, value in kept.items():
        cache.put(key, value)
    cache.close()
    return kept


def damaged(folder: Path, how: str, rng: random.Random) -> None:
    path = folder / FILE
    size, data = path.stat().st_size, bytearray(path.read_bytes())
    if how == "truncated":
        del data[rng.randrange(1, size) :]
    elif how == "emptied header":
        data[:100] = bytes(100)
    else:
        for _ in range(4):
            at = 4096 * rng.randrange(size // 4096) + (100 if how == "bytes" else 0)
            data[at : at + (40 if how == "bytes" else 4096)] = rng.randbytes(40 if how == "bytes" else 4096)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["pages", "bytes", "truncated", "emptied header"])
@pytest.mark.parametrize("when", ["before it is opened", "while it is open"])
def test_a_damaged_file_costs_replies_and_never_a_run(how: str, when: str, tmp_path: Path) -> None:
    """Whatever is read is what was kept; what cannot be read is missing, and what is put afterwards is found."""
    rng = random.Random(how + when)
    for number in range(12):
        folder = tmp_path / str(number)
        kept = filled(folder, 200)
        cache = SqliteCache(folder) if when == "while it is open" else None
        damaged(folder, how, rng)
        cache = cache or SqliteCache(folder)
        for key, value in kept.items():
            assert cache.get(key) in (None, value)
        cache.put("new", b"{}")
        cache.flush()
        cache.size()
        again = SqliteCache(folder)
        assert again.get("new") == cache.get("new") == b"{}"
        again.close()
        cache.close()


def test_damage_is_said_once_and_two_processes_set_one_file_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = filled(tmp_path, 400)
    one, two = SqliteCache(tmp_path), SqliteCache(tmp_path)
    data = bytearray((tmp_path / FILE).read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    (tmp_path / FILE).write_bytes(bytes(data))
    for cache in (one, two, one, two):
        assert [cache.get(key) for key in kept] == [None] * 400
    assert capsys.readouterr().err.count("set aside as") == 1
    one.put("k", b"{1}")
    one.flush()
    two._looked = -1e9
    assert two.get("k") == b"{1}"
    assert len(list(tmp_path.glob(f"{FILE}.damaged-*"))) <= 3, "the file, its log and its index"
    one.close()
    two.close()


def test_what_an_older_evalkit_kept_is_read(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path)
    with cache._db:
        cache._db.execute("INSERT INTO responses VALUES ('old', ?, 0)", (b'{"texts": []}',))
    assert cache.get("old") == b'{"texts": []}'
    cache.close()
