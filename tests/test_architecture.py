"""The house rules that can be read off the source: imports go one way, rooms have names, files stay small."""

import ast
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "evalkit"

# docs/architecture.md holds the same table. A module may import from its own tier's folder and from lower tiers.
TIERS: dict[str, int] = {
    "core": 0,
    "spec": 1,
    "places": 1,
    "loops": 1,
    "extract": 1,
    "stats": 1,
    "hub": 1,
    "data": 1,
    "embedded": 1,
    "models": 1,
    "tournaments": 2,
    "store": 1,
    "sandbox": 1,
    "signature": 1,
    "methods": 2,
    "prompting": 2,
    "metrics": 2,
    "scorers": 2,
    "judging": 2,
    "rag": 2,
    "runner": 2,
    "comparison": 2,
    "reporting": 2,
    "baselines": 2,
    "foreign": 2,
    "tracking": 2,
    "gates": 2,
    "plugins": 3,
    "api": 4,
    "gating": 5,
    "commands": 6,
    "pytest_plugin": 6,
    "cli": 7,
}
# The package's own page of names may point anywhere: it imports lazily.
FILES = [
    path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py" and "_packs" not in path.parts
]


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms of evalkit that a file imports, at its top or inside functions."""
    rooms: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "evalkit":
                rooms.update([parts[1]] if len(parts) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            rooms.update(a.name.split(".")[1] for a in node.names if a.name.startswith("evalkit."))
    return rooms


def test_every_room_has_a_tier() -> None:
    assert {room(path) for path in FILES} == set(TIERS)


def test_imports_go_down() -> None:
    wrong = [
        f"{where(path)}: {room(path)} (tier {TIERS[room(path)]}) imports {name} (tier {TIERS[name]})"
        for path in FILES
        for name in sorted(imported(path))
        if name != room(path) and TIERS[name] > TIERS[room(path)]
    ]
    assert not wrong, "imports of a higher tier:\n" + "\n".join(wrong)


def test_the_engine_names_no_plugin() -> None:
    names = {path.stem for pack in ("tasks", "judges", "reports") for path in (ROOT / pack).glob("*.py")}
    wrong = []
    for path in FILES:
        for node in ast.walk(parsed(path)):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            found = {a.name for a in node.names} if isinstance(node, ast.Import) else {module or ""}
            of_packs = {name for name in found if name.split(".")[0] in ("tasks", "judges", "reports")}
            wrong += [f"{where(path)}: {name}" for name in sorted(of_packs | found & names)]
    assert not wrong, "the engine imports what a plugin is called:\n" + "\n".join(wrong)


def test_names_say_what_is_inside() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc"}
    wrong = [where(path) for path in [*FILES, *(ROOT / "tasks").rglob("*.py")] if path.stem in empty]
    assert not wrong, "names that say nothing:\n" + "\n".join(wrong)


def test_files_and_functions_stay_small() -> None:
    wrong = []
    for path in FILES:
        lines = path.read_text().count("\n")
        wrong += [f"{where(path)}: {lines} lines, more than 400"] if lines > 400 else []
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno
                wrong += [f"{where(path)}:{node.lineno} {node.name}: {length} lines"] if length >= 65 else []
    assert not wrong, "too long to be read at once:\n" + "\n".join(wrong)


def test_types_are_checked_in_every_pack_that_holds_python() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    packs = {pack for pack in ("tasks", "judges", "reports") if any((ROOT / pack).rglob("*.py"))}
    assert set(checked) == {"evalkit", *packs, "tests", "benchmarks", "start.py"}


def test_every_benchmark_is_checked_with_the_profile_of_tests() -> None:
    [profile] = [
        part
        for part in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
        if "tests.*" in part["module"]
    ]
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    folders = {f"{path.parent.name}.*" for path in (ROOT / "benchmarks").glob("*/__init__.py")}
    assert set(profile["module"]) == {"tests.*", *scripts, *folders}
