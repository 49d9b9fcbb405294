"""Entries of a zip archive, those compressed by Zstandard too, which Python's zipfile reads only from 3.14 on."""

from __future__ import annotations

import struct
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from evalkit.core.unpacking import check_size

_ZSTANDARD = 93
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_LARGEST = 2 << 30


def read_entry(archive: ZipFile, path: Path, name: str) -> bytes:
    """The bytes of one entry; raises BadZipFile for a damaged one, UsageError where the archive unpacks to too much."""
    info = archive.getinfo(name)
    if info.file_size > _LARGEST:
        raise BadZipFile(f"{name} would unpack to {info.file_size:,} bytes")
    check_size(path.stat().st_size, sum(one.file_size for one in archive.infolist()), str(path))
    if info.compress_type != _ZSTANDARD:
        return archive.read(name)
    import pyarrow as pa

    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if header[0] != b"PK\x03\x04":
            raise BadZipFile(f"{name} is not where the archive says")
        file.seek(header[-2] + header[-1], 1)
        packed = file.read(info.compress_size)
    try:
        unpacked = pa.Codec("zstd").decompress(packed, info.file_size)
    except (OSError, pa.ArrowException) as error:
        raise BadZipFile(f"{name}: {error}") from None
    return bytes(unpacked)
