"""Reading JSONL, JSON, CSV, Parquet and plain text files, one item at a time.

A reader yields an RawItem for every row, readable or not; only a file that is broken as a whole raises.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import orjson

from evalkit.core import UsageError
from evalkit.core.unpacking import Gzip
from evalkit.data import paths

Tap = Callable[[bytes], object]

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}

ENDINGS = tuple(
    suffix + packed for suffix, name in SUFFIXES.items() for packed in (("",) if name == "parquet" else ("", ".gz"))
)
"""How the names of files of rows may end. A Parquet file is compressed inside."""

_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20
_BATCH_ROWS = 1024
# A stray quote makes the rest of a CSV file one field; this ends it long before memory does.
_LONGEST_CSV_FIELD = 1 << 26
_EXCERPT = 80
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What spreadsheets and databases write in place of commas."""


class RawItem(NamedTuple):
    """One row: `place` follows the file's name (":12", "#3"); `values` is None where `problem` says why."""

    place: str
    values: dict[str, Any] | None
    problem: str = ""


def format_of(path: Path) -> str:
    """ "jsonl", "json", "csv" or "parquet", by the file's name. Raises UsageError for any other."""
    suffix = Path(path.name[: -len(".gz")]).suffix if paths.is_gzipped(path) else path.suffix
    name = SUFFIXES.get(suffix.lower(), "")
    if not name or (name == "parquet" and paths.is_gzipped(path)):
        raise UsageError(
            "the file's format is not known by its name",
            found=path.name,
            fix=f"name it {', '.join(ENDINGS)}",
            at=paths.shown(path),
        )
    return name


def read(path: Path, format_name: str, tap: Tap | None = None) -> Iterator[RawItem]:
    """The rows of a file, streamed (JSON alone is read as a whole). `tap` is given every uncompressed byte, in order.

    Raises UsageError where the file cannot be opened, is a damaged archive, or is not of its format at all.
    """
    try:
        if format_name == "parquet":
            yield from _parquet(path, tap)
            return
        with _open(path, tap) as stream:
            yield from _READERS[format_name](stream, path)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(
            "the gzip file is damaged or cut short",
            found=str(error),
            fix="fetch or compress it again",
            at=paths.shown(path),
        ) from None
    except OSError as error:
        raise UsageError("the file cannot be read", found=error.strerror or str(error), at=paths.shown(path)) from None


class _Tapped(io.RawIOBase):
    """Hands every byte that passes to a tap."""

    def __init__(self, source: BinaryIO, tap: Tap) -> None:
        self._source, self._tap = source, tap

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        self._tap(data)
        buffer[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def _open(path: Path, tap: Tap | None) -> Iterator[io.BufferedReader]:
    with Gzip(path) if paths.is_gzipped(path) else path.open("rb") as plain:
        raw = cast(io.RawIOBase, plain) if tap is None else _Tapped(cast(BinaryIO, plain), tap)
        yield io.BufferedReader(raw, _CHUNK)


# ---------------------------------------------------------------- JSON lines


def _jsonl(stream: io.BufferedReader, path: Path) -> Iterator[RawItem]:
    return _json_lines(stream)


def _json_lines(lines: Iterator[bytes] | io.BufferedReader) -> Iterator[RawItem]:
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            values, problem = _json_object(line)
            yield RawItem(f":{number}", values, problem)


def _json_object(line: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, _json_problem(line, error)
    return _as_object(value, line)


def _as_object(value: Any, text: bytes = b"") -> tuple[dict[str, Any] | None, str]:
    if isinstance(value, dict):
        # orjson turns an integer beyond 64 bits into the nearest float; the standard library keeps it.
        return (json.loads(text) if text and _has_huge_float(value) else value), ""
    name = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    return None, f"a row must be an object with columns, not {name}"


def _has_huge_float(value: Any) -> bool:
    if isinstance(value, float):
        return abs(value) >= 2**63
    if isinstance(value, dict):
        return any(map(_has_huge_float, value.values()))
    return isinstance(value, list) and any(map(_has_huge_float, value))


def _json_problem(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as decoding:
        return not_utf8(data, decoding)
    return f"not JSON: {error.msg} at column {error.colno}: {excerpt(text, error.pos)}"


def not_utf8(data: bytes, error: UnicodeDecodeError) -> str:
    """Which byte is not UTF-8, with what stands around it."""
    if b"\0" in data[:64]:
        return "not UTF-8: it looks like UTF-16, or is not text at all"
    around = data[max(0, error.start - 20) : error.start + 20].decode("utf-8", "backslashreplace")
    return f"not UTF-8: byte 0x{data[error.start]:02x} at byte {error.start + 1}: {excerpt(around)}"


def excerpt(text: str, at: int = 0) -> str:
    """A short quotation of `text` around position `at`, with control characters escaped (a terminal will show it)."""
    start = max(0, min(at - _EXCERPT // 2, len(text) - _EXCERPT))
    piece = text[start : start + _EXCERPT].strip("\r\n")
    return f"{'…' if start else ''}{piece!r}{'…' if start + _EXCERPT < len(text) else ''}"


# ---------------------------------------------------------------- JSON


def _json(stream: io.BufferedReader, path: Path) -> Iterator[RawItem]:
    data = stream.read().removeprefix(_BOM)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # Many published ".json" files hold one object a line.
        lines = data.splitlines(keepends=True)
        if len(lines) > 1 and _json_object(lines[0])[0] is not None:
            yield from _json_lines(iter(lines))
            return
        line = f":{error.lineno}" if error.pos else ""
        raise UsageError(_json_problem(data, error), fix="correct the file", at=f"{paths.shown(path)}{line}") from None
    if _has_huge_float(document):
        document = json.loads(data)
    found = "a value that is neither list nor object"
    if isinstance(document, dict):
        found = f"an object with the keys {excerpt(', '.join(document))}"
        document = document["data"] if "data" in document else _only_list(document)
    if not isinstance(document, list):
        raise UsageError(
            "the file holds no list of rows",
            found=found,
            fix='make it a list of objects or {"data": [objects]} (or one other list); one object a line is .jsonl',
            at=paths.shown(path),
        )
    for number, value in enumerate(document):
        yield RawItem(f"#{number}", *_as_object(value))


def _only_list(document: dict[str, Any]) -> Any:
    """The one value that is a list of objects, whatever its key ("examples", "results"); None where it is not one."""
    lists = [value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    return lists[0] if len(lists) == 1 else None


# ---------------------------------------------------------------- CSV


def _csv(stream: io.BufferedReader, path: Path) -> Iterator[RawItem]:
    # Bytes that are not UTF-8 pass as lone surrogates, so that the row which holds them can be named.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(_LONGEST_CSV_FIELD)
    reader = csv.reader(text, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if header is None:
                raise UsageError(f"the header is not CSV: {error}", at=f"{paths.shown(path)}:{line}") from None
            yield RawItem(f":{line}", None, f"not CSV: {error}")
            continue
        if fields is None:
            break
        if not fields:
            continue
        if header is None:
            header = _csv_header(fields, f"{paths.shown(path)}:{line}")
        else:
            yield _csv_item(f":{line}", header, fields)
    text.detach()


def _csv_header(names: list[str], at: str) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    wrong = ""
    if any(_undecoded(name) for name in names):
        wrong = "the header is not UTF-8"
    elif twice:
        wrong = f"the header names column {twice[0]!r} twice"
    elif not all(names):
        wrong = "the header has a column without a name"
    elif len(names) == 1 and (other := next((mark for mark in _OTHER_SEPARATORS if mark in names[0]), "")):
        raise UsageError(
            f"the columns are separated by {_OTHER_SEPARATORS[other]}, not by commas",
            found=excerpt(names[0]),
            fix="save the file with commas (in Python: csv.writer), or as JSONL or Parquet",
            at=at,
        )
    if wrong:
        raise UsageError(wrong, found=excerpt(",".join(names)), fix="give every column a different name", at=at)
    return names


def _csv_item(place: str, header: list[str], fields: list[str]) -> RawItem:
    if len(fields) != len(header):
        found = excerpt(",".join(fields))
        return RawItem(place, None, f"{len(fields)} values where the header names {len(header)} columns: {found}")
    for name, field in zip(header, fields, strict=True):
        if _undecoded(field):
            return RawItem(place, None, f"not UTF-8: column {name!r}: {excerpt(field)}")
    return RawItem(place, dict(zip(header, fields, strict=True)))


def _undecoded(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


# ---------------------------------------------------------------- Parquet


def _parquet(path: Path, tap: Tap | None) -> Iterator[RawItem]:
    import pyarrow
    import pyarrow.parquet

    if tap is not None:
        with path.open("rb") as stream:
            while data := stream.read(_CHUNK):
                tap(data)
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    yield RawItem(f"#{number}", values)
                    number += 1
    except (pyarrow.ArrowException, OSError) as error:
        # pyarrow reports some damage as an OSError, which then has no error number.
        if getattr(error, "errno", None) is not None:
            raise
        raise UsageError(
            "the file is not Parquet, or is damaged",
            found=excerpt(str(error)),
            fix="write it again",
            at=paths.shown(path),
        ) from None


# ---------------------------------------------------------------- text


def _text(stream: io.BufferedReader, path: Path) -> Iterator[RawItem]:
    data = stream.read().removeprefix(_BOM)
    try:
        yield RawItem("", {"text": data.decode("utf-8"), "name": path.name})
    except UnicodeDecodeError as error:
        yield RawItem("", None, not_utf8(data, error))


_READERS: dict[str, Callable[[io.BufferedReader, Path], Iterator[RawItem]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "text": _text,
}
