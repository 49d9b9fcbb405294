"""The responses that files hold: JSONL, JSON, CSV, Parquet, text lines, data sets on disk, logs of other harnesses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.core import Reply, UsageError
from evalkit.core.sandboxed_templates import Limited, evaluated, rendered
from evalkit.data import formats
from evalkit.runs.foreign import open_log
from evalkit.runs.responses.shapes import Found, found_in, is_event, texts_of

__all__ = ["Response", "RowForm", "read_responses"]


@dataclass(frozen=True, slots=True)
class Response:
    """What one row holds. `place`: its number in its file, which plain lines are matched by; `origin`: file and line.

    `replies` are those of another harness's log, with log-likelihoods where it has them; else `texts` count.
    """

    origin: str
    place: int
    texts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    model: str = ""
    failure: str = ""
    replies: tuple[Reply, ...] = ()
    row: Mapping[str, Any] = field(default_factory=dict, hash=False)
    by_place: bool = False


@dataclass(frozen=True, slots=True)
class RowForm:
    """Templates for what a row's form does not say by itself: `text`, `id` and `prompt`, over the row's columns."""

    text: str = ""
    id: str = ""
    prompt: str = ""

    def compiled(self) -> Callable[[Mapping[str, Any], str], Found]:
        """The reader of rows. Raises UsageError for a template that cannot be read."""
        of_text, of_id, of_prompt = (_template(name, getattr(self, name)) for name in ("text", "id", "prompt"))

        def read(row: Mapping[str, Any], at: str) -> Found:
            found = found_in(row)
            texts = texts_of(of_text(row, at)) if of_text else found.texts
            ids = (str(of_id(row, at)),) if of_id else found.ids
            questions = (str(of_prompt(row, at)),) if of_prompt else found.questions
            return Found(texts, ids, questions, found.model, "" if texts else found.failure)

        return read


def read_responses(paths: Sequence[Path], form: RowForm) -> list[Response]:
    """Every response in the files, in order.

    Raises UsageError for a file that is not there or damaged, with the line of a row that cannot be read or has no
    text, and where there is none at all.
    """
    read = form.compiled()
    found: list[Response] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"file {path} does not exist", fix="evalkit score TASK --responses FILE")
        found += _of_log(path) or _of_rows(path, read)
    if not found:
        raise UsageError(f"{', '.join(map(str, paths))}: no responses in it")
    return found


def _of_log(path: Path) -> list[Response]:
    """The records of a log of lm-eval or Inspect; empty where it is none."""
    looks_so = path.is_dir() or path.suffix in (".eval", ".json") or path.name.startswith(("samples_", "results_"))
    log = open_log(path) if looks_so else None
    if log is None:
        return []
    made = []
    for number, record in enumerate(log.records()):
        questions = [str(record.sample.input)] if isinstance(record.sample.input, str) else []
        if record.prompt is not None:
            questions.append(record.prompt.text)
        failure = str(record.failure) if record.failure is not None else ""
        made.append(
            Response(
                origin=f"{path}: {record.task} {record.sample.id}",
                place=record.index,
                texts=record.replies[-1].texts if record.replies else (),
                ids=(record.sample.id,),
                questions=tuple(questions),
                model=log.model,
                failure=failure or ("" if record.replies else "the log has no reply"),
                replies=record.replies,
                row={"number": number},
            )
        )
    return made


def _of_rows(path: Path, read: Callable[[Mapping[str, Any], str], Found]) -> Iterator[Response]:
    if path.suffix.lower() == ".txt":
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines()):
            yield Response(f"{path}:{number + 1}", number, (line,), row={"text": line}, by_place=True)
        return
    if path.suffix.lower() == ".json" and (mapping := _mapping(path)):
        for number, (key, value) in enumerate(mapping.items()):
            yield Response(f"{path}: {key}", number, texts_of(value), (key,), row={"id": key, "text": value})
        return
    for number, (at, row) in enumerate(_rows(path)):
        if is_event(row):
            continue
        found = read(row, at)
        if not found.texts and not found.failure:
            columns = ", ".join(map(str, row))[:160]
            fix = '--text "{{ column }}" names it; an empty reply is an empty text'
            raise UsageError("the row has no text of a model", found=f"the columns {columns}", fix=fix, at=at)
        yield Response(
            at, number, found.texts, found.ids, found.questions, found.model, found.failure, row=row,
            by_place=not found.ids and not found.questions,
        )  # fmt: skip


def _mapping(path: Path) -> dict[str, Any] | None:
    """The object {id: text} that a JSON file holds, as SQuAD's predictions; None where it holds something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, UnicodeDecodeError):
        return None  # the reader of rows says what is wrong
    if not isinstance(found, dict) or len(found) < 2:
        return None
    return found if all(not isinstance(one, dict) and texts_of(one) for one in found.values()) else None


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.is_dir():
        yield from _of_dataset(path)
        return
    for item in formats.read(path, formats.format_of(path)):
        if item.values is None:
            raise UsageError("the row cannot be read", found=item.problem, at=f"{path}{item.place}")
        yield f"{path}{item.place}", {key: _unpacked(value) for key, value in item.values.items()}


def _of_dataset(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A data set that `datasets` saved to disk."""
    if (path / "dataset_dict.json").is_file():
        splits = ", ".join(str(path / name) for name in json.loads((path / "dataset_dict.json").read_text())["splits"])
        raise UsageError(f"{path} holds several splits", found=splits, fix="name one of these folders")
    if not (path / "state.json").is_file():
        fix = "a file, a data set that was saved to disk, or a log folder of lm-eval or Inspect"
        raise UsageError(f"{path} is a folder without responses", fix=fix)
    from datasets import load_from_disk

    for number, row in enumerate(load_from_disk(str(path))):
        yield f"{path}#{number}", dict(row)


def _unpacked(value: object) -> object:
    """A cell that holds JSON, as CSV files keep lists."""
    if isinstance(value, str) and value[:1] in "[{" and value[-1:] in "]}" and len(value) > 1:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _template(name: str, text: str) -> Callable[[Mapping[str, Any], str], object] | None:
    """`{{ expression }}` as its value, anything else as the text that it renders."""
    if not text:
        return None
    import jinja2

    environment = Limited(undefined=jinja2.StrictUndefined)
    inner = text.strip().removeprefix("{{").removesuffix("}}")
    is_value = text.strip().startswith("{{") and text.strip().endswith("}}") and "{{" not in inner
    try:
        made: Any = environment.compile_expression(inner, undefined_to_none=False) if is_value else (
            environment.from_string(text)
        )  # fmt: skip
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"--{name} cannot be read", found=f"{text}: {error}", fix='"{{ column }}"') from None

    def value_of(row: Mapping[str, Any], at: str) -> object:
        try:
            value = (evaluated if is_value else rendered)(made, {"row": row, **row})
            if isinstance(value, jinja2.Undefined):
                str(value)  # raises with the name that is missing
            return value
        except jinja2.TemplateError as error:
            found = f"{error}; the columns are {', '.join(map(str, row))[:160]}"
            raise UsageError(
                f"--{name} does not fit the row", found=found, fix="name one of its columns", at=at
            ) from None

    return value_of
