"""Rows made up for a task whose data are not at hand: the columns that its templates and functions ask for.

Nobody says what is in a column. So a row begins with texts, and where the task fails on it the columns that it had
asked for last become something else, until the task makes a sample of it or nothing more is left to try.
"""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jinja2 import TemplateSyntaxError, meta

from evalkit.plugins.lm_eval.templates import ENVIRONMENT

__all__ = ["Kinds", "MadeDataset", "MadeRow", "columns_of", "fitted", "words_of"]

_TEXT = "Some text"
_WORD = "word: "
_KINDS: Mapping[str, Callable[[Kinds, str], Any]] = {
    "text": lambda kinds, path: _TEXT,
    "place": lambda kinds, path: 0,
    "texts": lambda kinds, path: [_TEXT, "another", "a third", "the fourth", "the last"],
    "letter": lambda kinds, path: "A",
    "row": lambda kinds, path: MadeRow(kinds, path + "."),
    "labelled": lambda kinds, path: {"text": [_TEXT, "another", "a third"], "label": ["A", "B", "C"]},
    "lettered": lambda kinds, path: {"A": _TEXT, "B": "another", "C": "a third", "D": "the fourth", "E": None},
    "translation": lambda kinds, path: {"en": _TEXT, "hau": "another"},
    "letters": lambda kinds, path: ["A", "B", "C", "D"],
    "digit": lambda kinds, path: "1",
    "rows": lambda kinds, path: [MadeRow(kinds, path + "."), MadeRow(kinds, path + ".")],
    "written list": lambda kinds, path: f"['{_TEXT}', 'another', 'a third', 'the fourth']",
    "labels": lambda kinds, path: [1, 0, 0, 0],
    "lists": lambda kinds, path: [[_TEXT, "another"], [_TEXT, "another"]],
    "truth": lambda kinds, path: True,
    "number": lambda kinds, path: 0.5,
    "written row": lambda kinds, path: '{"question": "Some text", "choices": ["a", "b"], "answer": "A"}',
    "solution": lambda kinds, path: "So it is \\boxed{4}.\n#### 4",
    "lines": lambda kinds, path: "Some text\n\nanother (A) a third (B) more (C) the rest (D) end: A",
    "short list": lambda kinds, path: "[1,2,3,4]",
    "yes": lambda kinds, path: "yes",
    "null": lambda kinds, path: None,
}
_LIKELY: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = (
    (re.compile(r"(?i)choices|options|endings|candidates|distractors|answers|targets|references"), ("texts", "row")),
    (re.compile(r"(?i)label|gold|correct|idx|index|answer_?key|answerkey"), ("place", "letter", "digit")),
)
_CHOICES = (
    *("texts", "row", "labelled", "lettered", "rows", "letters", "lists", "labels", "short list"),
    *("place", "letter"),
)
_ATTEMPTS = 4000
_SECONDS = 10.0
_COLUMNS = 12
_MOST_ASKED = 20_000
_WORDS = 60


@dataclass(slots=True)
class Kinds:
    """What is in each column, by its path; `asked` are the columns in the order in which they were asked for."""

    of: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Columns whose values are known."""
    words: Sequence[str] = ()
    """Texts that the task's templates and functions name, which a column may well hold."""

    def note(self, path: str) -> None:
        """That a column was asked for. Raises TimeoutError where a function goes on asking for ever."""
        self.asked.append(path)
        if len(self.asked) > _MOST_ASKED:
            self.asked.clear()
            raise TimeoutError("a function goes through a made row without an end")

    def value(self, path: str) -> Any:
        self.note(path)
        if path in self.fixed:
            return self.fixed[path]
        kind = self.of.setdefault(path, _first_guess(path))
        return _KINDS[kind](self, path) if kind in _KINDS else kind.removeprefix(_WORD)

    def others(self, path: str) -> list[str]:
        """What else a column could be."""
        if path in self.fixed:
            return []
        if _LIKELY[0][0].search(path.rpartition(".")[2]):
            # Functions go through all orders of choices, and a text has too many of its letters.
            return [kind for kind in _CHOICES if kind != self.of.get(path)]
        return [kind for kind in (*_KINDS, *(_WORD + word for word in self.words)) if kind != self.of.get(path)]

    def changed(self, path: str, kind: str) -> Kinds:
        below = path + "."
        return Kinds(
            {**{k: v for k, v in self.of.items() if not k.startswith(below)}, path: kind}, [], self.fixed, self.words
        )


def _first_guess(path: str) -> str:
    return next((kinds[0] for pattern, kinds in _LIKELY if pattern.search(path.rpartition(".")[2])), "text")


class MadeRow(dict[str, Any]):
    """A row that has every column that it is asked for."""

    def __init__(self, kinds: Kinds, prefix: str = "", columns: Sequence[str] = ()) -> None:
        super().__init__({name: kinds.value(prefix + name) for name in columns})
        self._kinds, self._prefix = kinds, prefix

    def __missing__(self, name: str) -> Any:
        self[name] = value = self._kinds.value(f"{self._prefix}{name}")
        return value

    def __getitem__(self, name: str) -> Any:
        if dict.__contains__(self, name):
            self._kinds.note(f"{self._prefix}{name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if default is None or name in self else default

    def pop(self, name: str, *default: Any) -> Any:
        value = self.get(name, *default)
        super().pop(name, None)
        return value

    def copy(self) -> MadeRow:
        made = MadeRow(self._kinds, self._prefix)
        dict.update(made, self)
        return made

    def __deepcopy__(self, memo: Any) -> MadeRow:
        return self.copy()


class MadeDataset:
    """Some made rows with what functions of tasks use of a `datasets.Dataset`.

    A filter keeps every row: which values pass is not a question of a schema.
    """

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = list(rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, str):
            return [row[place] for row in self.rows]
        return self.rows[place % len(self.rows)] if isinstance(place, int) else self

    @property
    def column_names(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    @property
    def features(self) -> dict[str, Any]:
        return dict.fromkeys(self.column_names)

    def map(self, function: Callable[..., Any], *rest: Any, **how: Any) -> MadeDataset:
        more = how.get("fn_kwargs") or {}
        if how.get("batched"):
            return self._batched(function, more)
        numbered = how.get("with_indices")
        made = []
        for number, row in enumerate(self.rows):
            found = function(row, number, **more) if numbered else function(row, **more)
            kept = row.copy()
            kept.update(found or {})
            for name in how.get("remove_columns") or ():
                if not found or name not in found:
                    dict.pop(kept, name, None)
            made.append(kept)
        return MadeDataset(made)

    def _batched(self, function: Callable[..., Any], more: Mapping[str, Any]) -> MadeDataset:
        class Batch(MadeRow):
            def __missing__(self, name: str) -> Any:
                return [row[name] for row in rows]

        rows = self.rows
        columns = function(Batch(rows[0]._kinds), **more)
        length = len(next(iter(columns.values())))
        made = []
        for number in range(length):
            row = rows[min(number, len(rows) - 1)].copy()
            row.update({name: values[number] for name, values in columns.items()})
            made.append(row)
        return MadeDataset(made)

    def filter(self, function: Callable[..., Any], *rest: Any, **how: Any) -> MadeDataset:
        for number, row in enumerate(self.rows):
            function(row, number) if how.get("with_indices") else function(row)
        return self

    def rename_column(self, old: str, new: str) -> MadeDataset:
        return self.rename_columns({old: new})

    def rename_columns(self, names: Mapping[str, str]) -> MadeDataset:
        for row in self.rows:
            for old, new in names.items():
                row[new] = row[old]
        return self

    def remove_columns(self, names: Any) -> MadeDataset:
        for row in self.rows:
            for name in [names] if isinstance(names, str) else names:
                dict.pop(row, name, None)
        return self

    def add_column(self, name: str, values: Sequence[Any], **how: Any) -> MadeDataset:
        for row, value in zip(self.rows, values, strict=False):
            row[name] = value
        return self

    def to_list(self) -> list[Any]:
        return self.rows

    def train_test_split(self, *rest: Any, **how: Any) -> dict[str, MadeDataset]:
        return {"train": self, "test": self}

    def _same(self, *rest: Any, **how: Any) -> MadeDataset:
        return self

    select = shuffle = sort = flatten_indices = cast = cast_column = with_format = take = skip = _same
    select_columns = flatten = with_transform = set_format = _same


def columns_of(values: Mapping[str, Any]) -> list[str]:
    """The columns that the templates of a task name, and those that stand where a column's name may."""
    found: dict[str, None] = {}
    form = values.get("fewshot_config") or {}
    for key in ("doc_to_text", "doc_to_choice", "doc_to_target", "description", "gen_prefix"):
        for said in (values.get(key), form.get(key) if isinstance(form, dict) else None):
            if isinstance(said, str):
                found.update(dict.fromkeys(_named(said, is_column=key.startswith("doc_to"))))
    return list(found)


def words_of(values: Mapping[str, Any], *functions: Any) -> list[str]:
    """Short texts that templates have in quotes and that functions, and the tables that they use, are written with."""
    found: dict[str, None] = {}
    for said in values.values():
        if isinstance(said, str):
            found.update(dict.fromkeys(a or b for a, b in re.findall(r"'([^'\n]{1,40})'|\"([^\"\n]{1,40})\"", said)))
    for function in functions:
        if isinstance(function, partial):
            for value in function.keywords.values():
                _add_words(value, found)
            function = function.func
        code = getattr(function, "__code__", None)
        if code is not None:
            _words_in(code, getattr(function, "__globals__", {}), found, 0)
    return list(found)[:_WORDS]


def _words_in(code: Any, names: Mapping[str, Any], found: dict[str, None], depth: int) -> None:
    for constant in code.co_consts:
        if hasattr(constant, "co_consts"):
            _words_in(constant, names, found, depth)
        elif isinstance(constant, str | tuple):
            _add_words(constant, found)
    for name in code.co_names:
        value = names.get(name)
        if isinstance(value, dict | list | tuple):
            _add_words(value, found)
        elif depth < 2 and value is not None and hasattr(value, "__code__"):
            _words_in(value.__code__, value.__globals__, found, depth + 1)


def _add_words(value: Any, found: dict[str, None]) -> None:
    for word in [value] if isinstance(value, str) else list(value)[:20] if hasattr(value, "__iter__") else ():
        if isinstance(word, str) and 0 < len(word) <= 40:
            found[word] = None


def _named(template: str, *, is_column: bool) -> list[str]:
    if is_column and re.fullmatch(r"[A-Za-z_]\w*( \w+)?", template):
        return [template]
    try:
        return sorted(meta.find_undeclared_variables(ENVIRONMENT.parse(template)) - set(ENVIRONMENT.globals))
    except TemplateSyntaxError:
        return []


def fitted(attempt: Callable[[Kinds], tuple[int, Exception | None]], start: Kinds) -> tuple[Kinds, Exception | None]:
    """The kinds on which `attempt` gets furthest, with what fails there; None where nothing does.

    `attempt` says how far it came. What came furthest is changed further: the columns that it asked for last become
    each of the other kinds in turn. A change that gets further is taken up at once, and what it came from may be
    changed otherwise later; one that only fails in a way not seen before waits.
    """
    far, problem = attempt(start)
    furthest = (far, start, problem)
    waiting = [(-far, 0, start)]
    seen = {(far, str(problem))}
    left = _ATTEMPTS if problem is not None else 0
    ends = time.monotonic() + _SECONDS
    while waiting:
        before, _, kinds = heapq.heappop(waiting)
        for path, kind in _changes(kinds):
            left -= 1
            if left < 0 or time.monotonic() > ends:
                return furthest[1], furthest[2]
            tried = kinds.changed(path, kind)
            far, found = attempt(tried)
            if found is None:
                return tried, None
            if far > furthest[0]:
                furthest = (far, tried, found)
            if (far, str(found)) not in seen:
                seen.add((far, str(found)))
                heapq.heappush(waiting, (-far, left, tried))
                if -far < before:
                    heapq.heappush(waiting, (before, left, kinds))
                    break
    return furthest[1], furthest[2]


def _changes(kinds: Kinds) -> Iterator[tuple[str, str]]:
    """Every other kind of the columns that were asked for last."""
    for path in list(dict.fromkeys(reversed(kinds.asked)))[:_COLUMNS]:
        yield from ((path, kind) for kind in kinds.others(path))
