"""The house rules that can be read off the source: imports go one way, rooms have names, files stay small."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "evalkit"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"

# A room may import from the rooms above it in this table of docs/explanation/architecture.md, and from itself.
ROOMS = [name.removesuffix(".py") for name in re.findall(r"^\| `([\w.]+)` \|", PAGE.read_text(), re.MULTILINE)]
# The package's own page of names may point anywhere: it imports lazily.
FILES = [
    path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py" and "_packs" not in path.parts
]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(module: str, source: str, modules: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    """(line, module) of whatever of evalkit a module names: at its top, inside functions, for types alone, or in a
    string "module:function" that something is loaded by."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                raise AssertionError(f"{module}:{node.lineno}: relative imports hide where a name is from")
            for alias in node.names if base.split(".")[0] == "evalkit" else ():
                yield node.lineno, f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith("evalkit."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.fullmatch(r"(evalkit(?:\.\w+)+):\w+", node.value)
            if found:
                yield node.lineno, found[1]


def upward(sources: Mapping[str, str], modules: Mapping[str, object]) -> list[str]:
    """Every import of a room that does not stand before the importing one, as "module:line imports module"."""
    rank = {name: place for place, name in enumerate(ROOMS)}
    found = []
    for module, source in sources.items():
        own = module.split(".")[1]
        for line, target in imports(module, source, modules):
            room = target.split(".")[1] if "." in target else own
            if room != own and rank[room] >= rank[own]:
                found.append(f"{module}:{line} imports {target}")
    return found


def circles(sources: Mapping[str, str]) -> list[list[str]]:
    """Groups of modules that import each other, by Tarjan's algorithm as scipy has it."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    names = list(sources)
    place = {name: number for number, name in enumerate(names)}
    edges = {
        (place[module], place[target])
        for module, source in sources.items()
        for _, target in imports(module, source, sources)
        if target in place and target != module
    }
    graph = csr_array((np.ones(len(edges)), tuple(zip(*edges, strict=True))), shape=(len(names), len(names)))
    count, labels = connected_components(graph, directed=True, connection="strong")
    groups = [[names[number] for number in np.flatnonzero(labels == label)] for label in range(count)]
    return [group for group in groups if len(group) > 1]


SOURCES = {module_of(path): path.read_text() for path in FILES}


def test_the_page_lists_the_rooms_there_are() -> None:
    there = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()} - {
        "__init__",
        "py.typed",
        "__pycache__",
        "_packs",
    }
    assert set(ROOMS) == there
    assert len(ROOMS) <= 14


def test_every_room_says_what_belongs_there() -> None:
    rooms = [PACKAGE / name for name in ROOMS if (PACKAGE / name).is_dir()]
    missing = [room.name for room in rooms if not ast.get_docstring(ast.parse((room / "__init__.py").read_text()))]
    assert not missing


def test_rooms_import_from_those_before_them() -> None:
    offenders = upward(SOURCES, SOURCES)
    assert not offenders, "\n".join(offenders)


def test_no_modules_import_each_other() -> None:
    offenders = circles(SOURCES)
    assert not offenders, "\n".join(" ↔ ".join(group) for group in offenders)


def test_the_direction_test_sees_every_kind_of_import() -> None:
    """A wrong import at the top, inside a function, for types, and in a registry string are each found."""
    for wrong in (
        "from evalkit.cli import group",
        "import evalkit.cli.group",
        "def f():\n    from evalkit.cli.group import cli",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from evalkit.runs.plan import RunPlan",
        'TABLE = {"x": "evalkit.runs.plan:RunPlan"}',
    ):
        assert upward({"evalkit.data.wrong": wrong}, SOURCES), wrong
    right = "from evalkit.core import Row\nfrom evalkit.stats.intervals import mean_interval"
    assert not upward({"evalkit.data.right": right}, SOURCES)


def test_the_test_of_circles_sees_one() -> None:
    one, two = "evalkit.data.one", "evalkit.data.two"
    lazily = f"def f():\n    from {one} import x"
    assert circles({one: f"import {two}", two: lazily, "evalkit.data.three": f"import {two}"}) == [[one, two]]


def test_the_engine_names_no_plugin() -> None:
    names = {path.stem for pack in ("tasks", "judges", "reports") for path in (ROOT / pack).glob("*.py")}
    offenders = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            found = {a.name for a in node.names} if isinstance(node, ast.Import) else {module or ""}
            if any(name.split(".")[0] in ("tasks", "judges", "reports") for name in found) or found & names:
                offenders.append(str(path.relative_to(ROOT)))
    assert not offenders, "\n".join(offenders)


def test_what_users_get_does_not_import_what_maintainers_run() -> None:
    offenders = [
        f"{module}: {name}"
        for module, source in SOURCES.items()
        for name in re.findall(r"^\s*(?:from|import) ((?:tools|benchmarks|tests)\b[\w.]*)", source, re.MULTILINE)
    ]
    assert not offenders, "\n".join(offenders)


def test_names_say_what_is_inside() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    offenders = [str(path) for path in [*FILES, *(ROOT / "tasks").rglob("*.py")] if path.stem in vague]
    assert not offenders, "\n".join(offenders)


def test_files_and_functions_stay_small() -> None:
    offenders = []
    for path in FILES:
        text = path.read_text()
        if text.count("\n") > 400:
            offenders.append(f"{path}: {text.count(chr(10))} lines")
        offenders += [
            f"{path}:{node.lineno} {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 65
        ]
    assert not offenders, "\n".join(offenders)


def test_types_are_checked_wherever_there_is_python() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    packs = {pack for pack in ("tasks", "judges", "reports") if any((ROOT / pack).rglob("*.py"))}
    assert set(checked) == {"evalkit", *packs, "tools", "tests", "benchmarks", "start.py"}


def test_every_benchmark_is_checked_with_the_profile_of_tests() -> None:
    [profile] = [
        part
        for part in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
        if "tests.*" in part["module"]
    ]
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    folders = {f"{path.parent.name}.*" for path in (ROOT / "benchmarks").glob("*/__init__.py")}
    assert set(profile["module"]) == {"tests.*", *scripts, *folders}
