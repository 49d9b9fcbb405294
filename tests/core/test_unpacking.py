"""Archives that unpack to far more than data does are stopped while they are unpacked."""

from __future__ import annotations

import gzip
import resource
from pathlib import Path

import pytest

from evalkit.core import DataOptions, UsageError
from evalkit.core.unpacking import FREE, Gzip, check_size
from evalkit.data import files


def test_a_gzip_of_zeros_is_stopped_and_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wb", 9) as out:
        for _ in range(60):
            out.write(b" " * (16 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UsageError, match="unpacks to far more than data does") as caught:
        list(files(str(path)).open(DataOptions()).rows())
    assert str(path) in caught.value.at
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 6 * FREE // 1024


@pytest.mark.parametrize("size", [None, 10, 1 << 20])
def test_what_packs_as_data_packs_is_read_whole(size: int | None, tmp_path: Path) -> None:
    content = b"".join(b'{"question": "number %d of many"}\n' % number for number in range(200_000))
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content))
    with Gzip(path) as file:
        read = file.read() if size is None else b"".join(iter(lambda: file.read(size), b""))
    assert read == content


def test_small_archives_may_pack_as_well_as_they_can(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"a" * (FREE - 1)))
    with Gzip(path) as file:
        assert len(file.read()) == FREE - 1
    check_size(1, FREE, "it")
