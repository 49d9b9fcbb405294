"""The scan of a file is remembered while the file stays as it is, and never trusted beyond that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import DataOptions, UsageError
from evalkit.data import files, formats

PLAIN = DataOptions()


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A file that was last written an hour ago."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"q": 1}\n{"q": 2}\n')
    return age(path)


def age(path: Path, seconds: int = 3600) -> Path:
    before = time.time() - seconds
    os.utime(path, (before, before))
    return path


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read through, in order."""
    seen: list[Path] = []
    original: Callable[..., Any] = formats.read

    def counted(path: Path, *arguments: Any, **options: Any) -> Any:
        seen.append(path)
        return original(path, *arguments, **options)

    monkeypatch.setattr(formats, "read", counted)
    return seen


def test_the_second_open_does_not_read_the_file(old_file: Path, passes: list[Path]) -> None:
    first = files(old_file).open(PLAIN)
    second = files(old_file).open(PLAIN)
    assert len(passes) == 1
    assert (second.digest, second.count) == (first.digest, first.count)


def test_a_changed_file_is_scanned_again(old_file: Path) -> None:
    before = files(old_file).open(PLAIN)
    old_file.write_bytes(b'{"q": 1}\n{"q": 2}\n{"q": 3}\n')
    after = files(age(old_file)).open(PLAIN)
    assert (before.count, after.count) == (2, 3)
    assert before.digest != after.digest


def test_new_content_of_the_same_size_and_time_is_seen(old_file: Path) -> None:
    stamp = old_file.stat()
    before = files(old_file).open(PLAIN).digest
    time.sleep(0.02)
    old_file.write_bytes(b'{"q": 1}\n{"q": 9}\n')
    os.utime(old_file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert files(old_file).open(PLAIN).digest != before


def test_a_file_written_this_moment_is_not_remembered(tmp_path: Path, passes: list[Path]) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"q": 1}\n')
    files(path).open(PLAIN)
    files(path).open(PLAIN)
    assert len(passes) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"{",
        lambda data: b"\xff\x00",
        lambda data: b"[]",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"rows":2', b'"rows":7'),
        lambda data: data.replace(b'"version":1', b'"version":0'),
    ],
)
def test_a_damaged_memory_is_a_new_scan(
    old_file: Path, own_cache: Path, passes: list[Path], damage: Callable[[bytes], bytes]
) -> None:
    files(old_file).open(PLAIN)
    [memory] = (own_cache / "scans").iterdir()
    damaged = damage(memory.read_bytes())
    assert damaged != memory.read_bytes()
    memory.write_bytes(damaged)
    assert files(old_file).open(PLAIN).count == 2
    assert len(passes) == 2
    assert files(old_file).open(PLAIN).count == 2
    assert len(passes) == 2


def test_bad_rows_are_remembered_too(tmp_path: Path, passes: list[Path]) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"q": 1}\n{"q": \n')
    age(path)
    messages = []
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            files(path).open(PLAIN)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert len(passes) == 1


def test_where_nothing_can_be_remembered_everything_still_works(old_file: Path, own_cache: Path) -> None:
    (own_cache / "scans").write_text("a file where the folder should be")
    assert files(old_file).open(PLAIN).count == 2


def _open_many_times(path: Path) -> set[tuple[str, int | None]]:
    found = set()
    for _ in range(40):
        opened = files(path).open(PLAIN)
        found.add((opened.digest, opened.count))
        for memory in (Path(os.environ["EVALKIT_CACHE"]) / "scans").glob("*.json"):
            memory.unlink(missing_ok=True)
    return found


def test_processes_that_scan_one_file_at_once_agree(old_file: Path, own_cache: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        found = set().union(*pool.map(_open_many_times, [old_file, old_file]))
    assert len(found) == 1
    assert [path.name for path in (own_cache / "scans").iterdir() if path.suffix != ".json"] == []
