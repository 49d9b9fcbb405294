"""Records as compressed blocks of pages, written while they pass, so that memory does not grow with the run.

Two kinds of block: the *index* has a short row for every sample, whatever the run's size; the *details* have
everything else, and a page decodes only those that are looked at. Details beyond a budget of bytes go into further
*parts*, each a page next to the first one; where there is to be one page only, they are left out and counted, and the
index says so of each sample.
"""

from __future__ import annotations

import base64
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any

from markupsafe import Markup

from evalkit.core import Record
from evalkit.reporting.details import answered, asked, detail, excerpt, packed
from evalkit.reporting.marks import confidence

BUDGET = 64 << 20
"""Bytes of details that a page carries by default."""
_DETAILS = 256 << 10
_ROWS = 1000
_LEVEL = 6
_AHEAD = 3
"""Texts that wait to be compressed at most: with a single one, the thread sleeps and wakes for each."""


class Shards:
    """Takes records, gives blocks. `budget` is the size in bytes of the details of one page as they stand in it.

    With `paged`, what is beyond it begins a new part; `starts` has the number of each part's first block of details.
    """

    def __init__(self, budget: int = BUDGET, *, paged: bool = False) -> None:
        self.budget, self.paged = budget, paged
        self.samples = self.omitted = 0
        self.starts = [0]
        self.tasks: list[str] = []
        self.groups: list[str] = []
        self.marks: list[str] = []
        self._known: tuple[dict[str, int], dict[str, int], dict[str, int]] = ({}, {}, {})
        self._index, self._blocks = _Lines(), _Lines()
        self._rows: list[list[Any]] = []
        self._details: list[bytes] = []
        self._waiting = self._shards = 0

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._index.close()
        self._blocks.close()

    @property
    def parts(self) -> int:
        """How many pages there are."""
        return len(self.starts)

    def add(self, run: int, record: Record, value: float | None, marks: Sequence[str]) -> None:
        """Take one record of the run with that number. `value` is what its primary metric says of it, `marks` what
        `marks_of` does."""
        self.put(self.row(run, record, record.task, value, marks), detail(record))

    def row(self, run: int, record: Record, task: str, value: float | None, marks: Sequence[str]) -> list[Any]:
        """The columns that a page's browser reads of every sample (`kit.COLUMNS` in assets/browser.js)."""
        return [
            run,
            self._number(0, self.tasks, task),
            record.sample.id[:200],
            record.index,
            record.repeat,
            record.validity.value,
            [self._number(1, self.groups, name[:200]) for name in record.sample.groups],
            value,
            excerpt(answered(record)),
            excerpt(asked(record)),
            [self._number(2, self.marks, name[:200]) for name in marks],
            float(f"{sum(reply.seconds for reply in record.replies):.3g}") if record.replies else None,
            len(asked(record)),
            confidence(record),
        ]

    def put(self, row: list[Any], details: Any) -> None:
        """Take one sample: its row of the index, to which the places of its details are added, and these."""
        self.samples += 1
        found = self._detail(details)
        self._rows.append([*row, *found])
        if len(self._rows) >= _ROWS:
            self._flush_rows()

    def _number(self, kind: int, names: list[str], name: str) -> int:
        known = self._known[kind]
        if name not in known:
            known[name] = len(names)
            names.append(name)
        return known[name]

    def _detail(self, details: Any) -> tuple[int, int]:
        if self._blocks.reach(self.budget):
            if not self.paged or not self.budget:
                self.omitted += 1
                return -1, 0
            self._begin_part()
        text = packed(details)
        self._details.append(text)
        self._waiting += len(text)
        found = self._shards, len(self._details) - 1
        if self._waiting >= _DETAILS:
            self._flush_details()
        return found

    def _begin_part(self) -> None:
        self._flush_details()
        self._flush_rows()
        self.starts.append(self._shards)
        self._index.begin_part()
        self._blocks.begin_part()

    def _flush_details(self) -> None:
        if self._details:
            self._blocks.write(b"[" + b",".join(self._details) + b"]")
            self._details, self._waiting = [], 0
            self._shards += 1

    def _flush_rows(self) -> None:
        if self._rows:
            self._index.write(packed(self._rows))
            self._rows = []

    def finish(self) -> None:
        """No record comes any more."""
        self._flush_details()
        self._flush_rows()

    def blocks(self, part: int = 0) -> Iterator[Markup]:
        """A page's blocks as script elements of type application/json that hold a string (base64 of zlib of JSON).

        The first page has the index of all samples, any other that of its own.
        """
        for kind, lines in (
            ("index", self._index.part(part) if part else self._index.all()),
            ("details", self._blocks.part(part)),
        ):
            for text in lines:
                yield Markup(f'<script type="application/json" data-shard="{kind}">"{text}"</script>\n')


class _Lines:
    """Compressed texts in a file without a name, in parts.

    A thread compresses some texts, which is half of the work of a page, while the next ones are gathered.
    """

    def __init__(self) -> None:
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115
        self._thread = ThreadPoolExecutor(1, "evalkit-blocks")
        self._compressing: deque[tuple[Future[str], int]] = deque()  # with how long its line can be
        self._counts = [0]
        self._starts = [0]
        self._size = 0

    def write(self, text: bytes) -> None:
        self._settle(_AHEAD - 1)
        self._compressing.append((self._thread.submit(_compressed, text), 2 * len(text) + 64))

    def _settle(self, but: int = 0) -> None:
        """Wait for the texts under way, all but so many."""
        while len(self._compressing) > but:
            line = self._compressing.popleft()[0].result()
            self._file.write(line + "\n")
            self._size += len(line)
            self._counts[-1] += 1

    def reach(self, budget: int) -> bool:
        """Whether the part's texts take that many bytes."""
        if self._size + sum(most for _, most in self._compressing) >= budget:
            self._settle()
        return self._size >= budget

    def begin_part(self) -> None:
        self._settle()
        self._size = 0
        self._starts.append(self._file.tell())
        self._counts.append(0)

    def part(self, number: int) -> Iterator[str]:
        self._settle()
        return self._read(self._starts[number], self._counts[number])

    def all(self) -> Iterator[str]:
        self._settle()
        return self._read(0, sum(self._counts))

    def _read(self, start: int, count: int) -> Iterator[str]:
        self._file.seek(start)
        for _ in range(count):
            yield self._file.readline().rstrip("\n")

    def close(self) -> None:
        self._thread.shutdown()
        self._file.close()


def _compressed(text: bytes) -> str:
    return base64.b64encode(zlib.compress(text, _LEVEL)).decode("ascii")
