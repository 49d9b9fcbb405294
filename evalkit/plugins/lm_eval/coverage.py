"""How many of a folder's tasks evalkit can ask: each is built and makes a sample of one row, or says why not.

Rows come from the local mirror where it has the data set; else from a schema that is kept (`schemas`), else one is
made up (`made_rows`).
"""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.core import Attempt, DataOptions, Prompt, Row, Sample, Task, UsageError
from evalkit.data import mirror, rows
from evalkit.plugins.lm_eval.building import sample_of
from evalkit.plugins.lm_eval.config import Config
from evalkit.plugins.lm_eval.index import Entry, index_of
from evalkit.plugins.lm_eval.lookup import Found, configured, find, load, prepared
from evalkit.plugins.lm_eval.made_rows import Kinds, MadeDataset, MadeRow, columns_of, fitted, words_of
from evalkit.plugins.lm_eval.places import PREFIX, place_of
from evalkit.plugins.lm_eval.schemas import row_of
from evalkit.plugins.lm_eval.scorer import scorer_of
from evalkit.plugins.lm_eval.turns import example_turn

__all__ = ["Covered", "Report", "coverage", "report_of"]


_SECONDS = 1.0
_ROWS = 8
_ALL_THE_WAY = 3_000_000


@dataclass(frozen=True, slots=True)
class Covered:
    """One task. `rows`: "mirror", "schema" or "made"; `problem` is "" where it was built and made a sample."""

    name: str
    family: str
    rows: str = ""
    problem: str = ""


@dataclass(slots=True)
class Report:
    """All tasks of a folder, counted."""

    tasks: list[Covered] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Counts of tasks and of families, how rows were had, reasons with their counts, and every task that lacks
        something with what that is. A family counts as covered where every task of it is."""
        families: dict[str, bool] = {}
        for one in self.tasks:
            families[one.family] = families.get(one.family, True) and not one.problem
        partly = {one.family for one in self.tasks if not one.problem}
        lacking = [one for one in self.tasks if one.problem]
        return {
            "tasks": len(self.tasks),
            "covered": len(self.tasks) - len(lacking),
            "families": len(families),
            "families_covered": sum(families.values()),
            "families_covered_in_part": len(partly),
            "rows": dict(Counter(one.rows for one in self.tasks if not one.problem)),
            "reasons": dict(Counter(_kind_of(one.problem) for one in lacking).most_common()),
            "lacking": [{"task": one.name, "family": one.family, "problem": one.problem} for one in lacking],
        }


def report_of(
    folder: str, project: Path | None, data: DataOptions, tell: Callable[[Covered], None] | None = None
) -> Report:
    """Try every task of a folder. Their Python is imported. Raises UsageError where there is no such folder."""
    index = index_of(place_of(folder, project).root)
    report = Report()
    known: dict[tuple[Any, ...], dict[str, str]] = {}
    for entry in _tasks(index.entries.values()):
        with redirect_stdout(sys.stderr):  # tasks print as they please
            found = _covered(entry, folder, project, data, known)
        report.tasks.append(found)
        if tell is not None:
            tell(found)
    return report


def coverage(folder: str, project: Path | None, data: DataOptions) -> dict[str, Any]:
    """The same as JSON has it."""
    return report_of(folder, project, data).as_json()


def _tasks(entries: Any) -> Iterator[Entry]:
    yield from sorted((one for one in entries if one.kind in ("task", "class")), key=lambda one: one.name)


def _covered(
    entry: Entry, folder: str, project: Path | None, data: DataOptions, known: dict[tuple[Any, ...], dict[str, str]]
) -> Covered:
    try:
        found = find(PREFIX + entry.name, {"from": folder} if folder else {}, project)
        if found.is_class:
            return Covered(entry.name, entry.family, _of_class(found, project))
        config = configured(found, project)
        scorer_of(config, entry.path)
        how = _rows(PREFIX + entry.name, config, folder, project, data, known)
    except UsageError as error:
        return Covered(entry.name, entry.family, "", _sentence(error))
    # What a task's own Python raises on import or on a row may be anything.
    except Exception as error:  # noqa: BLE001
        return Covered(entry.name, entry.family, "", f"{type(error).__name__}: {error}"[:300])
    return Covered(entry.name, entry.family, how)


def _rows(
    name: str,
    config: Config,
    folder: str,
    project: Path | None,
    data: DataOptions,
    known: dict[tuple[Any, ...], dict[str, str]],
) -> str:
    """Where the row is from that the task makes a sample of. Raises what it fails with on the last."""
    if _has_row(name, config, folder, project, data):
        return "mirror"
    row = row_of(str(config.dataset_path), str(config.dataset_name))
    # A task may ask for some of a data set's rows alone.
    with suppress(Exception):
        if row is not None:
            _of_schema(config, row)
            return "schema"
    _of_made(config, known)
    return "made"


def _of_schema(config: Config, row: dict[str, Any]) -> None:
    import datasets

    made: Any = datasets.Dataset.from_list([row] * _ROWS)
    if callable(config.process_docs):
        made = config.process_docs(made)
    _sampled(config, next(iter(made)))


def _of_class(found: Found, project: Path | None) -> str:
    """That a class's task makes a sample and its requests of a row by the schema that is kept."""
    folder = found.entry.path.partition("/")[0]
    row = row_of(f"class/{folder}", found.entry.name)
    if row is None:
        raise UsageError("the task is a Python class whose rows nobody can guess", found=found.entry.name)
    task = prepared(found, project, lambda split: rows([row], split))
    sample = task.sample(next(one for one in task.data[0].rows.open(DataOptions()).rows() if isinstance(one, Row)))
    _whole(sample)
    if not task.method.gold(Attempt(sample, Prompt(str(sample.input)), 0, 0)):
        raise UsageError("the task asks nothing", found=found.entry.name)
    return "schema"


def _sentence(error: UsageError) -> str:
    return f"{error.wrong} ({error.found})"[:300] if error.found else error.wrong


def _is_mirrored(config: Config, data: DataOptions) -> bool:
    if data.mirror is None or not config.dataset_path or config.raw.get("custom_dataset"):
        return False
    try:
        found = mirror.look_up(data.mirror, config.dataset_path, config.dataset_name, str(config.eval_split))
    except UsageError:
        return False
    return found is not None


def _has_row(name: str, config: Config, folder: str, project: Path | None, data: DataOptions) -> bool:
    """Whether the mirror's first row makes a sample. A mirror may lack a column that is null in all of its rows."""
    if not _is_mirrored(config, data):
        return False
    task = load(name, {"from": folder} if folder else {}, project)
    assert isinstance(task, Task)
    try:
        row = next(iter(task.data[0].rows.open(data).rows()))
        if isinstance(row, Row):
            _whole(task.sample(row))
            return True
    except UsageError:
        pass
    return False


def _of_made(config: Config, known: dict[tuple[Any, ...], dict[str, str]]) -> None:
    """Find a row that the task makes a sample of. Raises what it fails with on the row that it gets furthest with."""
    columns = columns_of(config.raw)
    key = (_code(config.process_docs), *map(_code, (config.doc_to_text, config.doc_to_target, config.doc_to_choice)))

    def attempt(kinds: Kinds) -> tuple[int, Exception | None]:
        return _attempt(config, kinds, columns)

    fixed = _literal_example(config)
    forms = (config.process_docs, config.doc_to_text, config.doc_to_target, config.doc_to_choice)
    words = words_of(config.raw, *forms)
    kinds, problem = fitted(attempt, Kinds(dict(known.get(key, {})), [], fixed, words))
    if problem is not None and fixed:
        kinds, problem = fitted(attempt, Kinds(dict(known.get(key, {})), words=words))
    if problem is not None:
        raise problem
    known[key] = kinds.of


def _code(form: Any) -> Any:
    return form.__code__ if hasattr(form, "__code__") else str(form)


def _literal_example(config: Config) -> dict[str, Any]:
    """The columns of examples that the task holds itself; rows may well have them, too."""
    samples = config.fewshot.samples
    found = samples() if callable(samples) else samples
    return dict(found[0]) if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def _attempt(config: Config, kinds: Kinds, columns: list[str]) -> tuple[int, Exception | None]:
    """(how far it came, what failed): rows through process_docs, the sample, an example."""
    reached = [0]
    try:
        with _limited(_SECONDS):
            _tried(config, kinds, columns, reached)
    except Exception as error:  # noqa: BLE001 - the task's Python may raise anything, MemoryError too
        return (0 if isinstance(error, TimeoutError) else reached[0] + len(kinds.asked)), error
    return _ALL_THE_WAY, None


def _tried(config: Config, kinds: Kinds, columns: list[str], reached: list[int]) -> None:
    made: Any = MadeDataset([MadeRow(kinds, "", columns) for _ in range(_ROWS)])
    if callable(config.process_docs):
        made = config.process_docs(made)
    reached[0] = _ALL_THE_WAY // 3
    doc = next(iter(made))
    _sampled(config, doc, reached)


def _sampled(config: Config, doc: Any, reached: list[int] | None = None) -> None:
    """A sample of a row, and a worked example where the task has some. Raises what they fail with."""
    sample = sample_of(config, Row("0", doc, "a made row"))
    if reached is not None:
        reached[0] = _ALL_THE_WAY // 3 * 2
    _whole(sample)
    if config.num_fewshot or config.fewshot.samples is not None:
        example_turn(config, doc if config.fewshot.samples is None else {**doc, **_literal_example(config)})


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """TimeoutError where what is inside takes longer: a function may do anything with a row that it does not know."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"it takes more than {seconds:g} s over a row")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _whole(sample: Sample) -> None:
    """Raises UsageError where a sample lacks what its task asks with."""
    if not sample.targets and not sample.choices:
        raise UsageError("the sample has no target")


_REASONS = (
    (
        r"No module named|is not installed|[Pp]lease install|cannot import name|Can't find model|deserialize ATN",
        "a package is not installed, or not in its version",
    ),
    (r"is a Python class|task's class", "a task written as a Python class"),
    (r"plays sounds", "audio"),
    (r"of a folder that is not yours", "its Python may not run (--allow-code)"),
    (r"outside of any sandbox", "runs programs outside of a sandbox"),
    (r"promptsource", "prompts of promptsource"),
    (r"generation_kwargs", "a setting of generation that models here lack"),
    (r"Error: .*(offline|connect|hub|reach)|LocalEntryNotFound|ConnectionError|OfflineMode", "needs the network"),
    (r"^no filter|^no aggregation|^no metric", "an unknown name"),
)


def _kind_of(problem: str) -> str:
    return next((name for pattern, name in _REASONS if re.search(pattern, problem)), "fails on the rows that were made")
