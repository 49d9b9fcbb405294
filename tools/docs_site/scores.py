"""Every scorer, metric and method: definition, settings, range, direction, and the tests that hold it to an oracle."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evalkit.core import Metric, Scorer, UsageError
from evalkit.core.option_values import describe
from evalkit.plugins.named import Named, methods, metrics, scorers
from evalkit.plugins.origin import function_of, origin
from tools.docs_site.tables import code, prose, sentence, table

__all__ = ["pages"]

ROOT = Path(__file__).resolve().parents[2]

_INTRODUCTION = """\
# All scorers, metrics and methods

Every name that a task can use, from the code itself. [Scorers, metrics and methods](metrics.md) groups them by purpose
and explains how they work together. **Range** is the least and the largest value; "–" is an end that does not exist.
**Checked by** names the tests and the oracle that they hold the values against.
"""
_WITHOUT_DEFAULT: dict[str, dict[str, Any]] = {
    "ngram_overlap": {"corpus": "pages.jsonl"},
    "read_answer": {"first_of": ["letter"]},
    "sklearn": {"metric": "accuracy_score"},
    "spread": {"score": "score", "forms": 2},
}
"""Settings for those that need particular ones."""


def pages() -> Iterator[tuple[str, str]]:
    """(path below docs/, Markdown) of the page of scores."""
    tests = _tests()
    parts = [_INTRODUCTION]
    for heading, kind in (("Scorers", scorers), ("Metrics", metrics), ("Methods", methods)):
        parts.append(f"## {heading}\n")
        parts += [_section(kind, name, tests) for name in kind.names()]
    yield "reference/scores.md", "\n".join(parts)


def _section(kind: Named[Any], name: str, tests: list[tuple[str, str, str]]) -> str:
    function, _ = function_of(origin(kind.kind, name))
    doc = inspect.getdoc(function) or ""
    parts = [f"### {name}\n", _text(doc)]
    settings = list(_settings(kind, name, function))
    if settings:
        parts.append(table(("Setting", "Value", "Default"), settings))
    told = list(_measured(kind, name, function))
    if told:
        parts.append(table(("Metric", "Range", "Better"), told))
    checks = [(code(path), sentence(said)) for path, text, said in tests if _is_tested(function, text)]
    if checks and kind is not methods:
        parts.append(table(("Checked by", "Against"), checks))
    return "\n".join(parts)


def _text(doc: str) -> str:
    parts = []
    for part in doc.split("\n\n"):
        laid_out = all(line.startswith("    ") for line in part.splitlines())
        parts.append(f"```text\n{inspect.cleandoc(part)}\n```\n" if laid_out else prose(part) + "\n")
    return "\n".join(parts)


def _settings(kind: Named[Any], name: str, function: Callable[..., object]) -> Iterator[tuple[str, str, str]]:
    known = inspect.signature(function).parameters
    for setting, kind_of in kind.settings(name).items():
        default = known[setting].default
        value = str(default).lower() if isinstance(default, bool) else repr(default)
        shown = "required" if default is inspect.Parameter.empty else code(value)
        yield code(setting), code(re.sub(r"\bstr\b", "text", describe(kind_of))), shown


def _measured(kind: Named[Any], name: str, function: Callable[..., object]) -> Iterator[tuple[str, str, str]]:
    """The metric, or those that a scorer brings."""
    if kind is methods:
        return
    known = inspect.signature(function).parameters.values()
    needed = [one.name for one in known if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL,)]
    given: dict[str, Any] = _WITHOUT_DEFAULT.get(name) or {one: "score" for one in needed if one in kind.settings(name)}
    try:
        made = kind.by_name(name, **given)
    except UsageError:  # an extra that is not installed here
        return
    found = made.metrics if isinstance(made, Scorer) else (made,)
    for metric in found:
        assert isinstance(metric, Metric)
        low, high = metric.ends or (None, None)
        better = "higher" if metric.higher_is_better else "lower"
        yield code(metric.name), f"{_end(low)} to {_end(high)}", better


def _end(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _tests() -> list[tuple[str, str, str]]:
    """(path, text, first sentence) of every test module of scores."""
    found = []
    folders = (ROOT / "tests" / "scoring", ROOT / "tests" / "judging" / "rag")
    for path in sorted(path for folder in folders for path in folder.glob("**/test_*.py")):
        text = path.read_text(encoding="utf-8")
        said = ast.get_docstring(ast.parse(text)) or ""
        if re.search(r"against|oracle|by hand|published|direct", said):
            found.append((str(path.relative_to(ROOT)), text, " ".join(said.split())))
    return found


def _is_tested(function: Callable[..., object], text: str) -> bool:
    """Whether a test module imports this function."""
    module = re.escape(function.__module__)
    package = re.escape(function.__module__.rpartition(".")[0])
    imports = rf"from (?:{module}|{package}) import (?:\([^)]*|[^\n]*)\b{re.escape(function.__name__)}\b"
    return re.search(imports, text) is not None
