"""The house rules that can be read off the source: imports go one way, rooms have names, files stay small."""

import ast
import tomllib
from pathlib import Path

import pytest

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


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms of evalkit that a file imports, at its top or inside functions."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "evalkit":
                rooms.update([parts[1]] if len(parts) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            rooms.update(a.name.split(".")[1] for a in node.names if a.name.startswith("evalkit."))
    return rooms


def test_every_room_has_a_tier() -> None:
    assert {room(path) for path in FILES} == set(TIERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    own = room(path)
    above = {name for name in imported(path) if name != own and TIERS[name] > TIERS[own]}
    assert not above, f"{own} (tier {TIERS[own]}) imports from a higher tier"


def test_the_engine_names_no_plugin() -> None:
    names = {path.stem for pack in ("tasks", "judges", "reports") for path in (ROOT / pack).glob("*.py")}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            found = {a.name for a in node.names} if isinstance(node, ast.Import) else {module or ""}
            assert not any(name.split(".")[0] in ("tasks", "judges", "reports") for name in found), path
            assert not found & names, path


def test_names_say_what_is_inside() -> None:
    for path in [*FILES, *(ROOT / "tasks").rglob("*.py")]:
        assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}


def test_files_and_functions_stay_small() -> None:
    for path in FILES:
        text = path.read_text()
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 65, f"{path}:{node.lineno} {node.name}"


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
