"""evalkit knows no plugin by name, and no plugin knows another: read from the import statements themselves."""

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKS = ("tasks", "judges", "reports")


def sources(folder):
    return sorted(path for path in (REPOSITORY / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imported(path):
    """(level, module) of every import in a file, at whatever depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def plugin_of(path, pack):
    """The plugin that a file belongs to: itself, or its folder."""
    return path.relative_to(REPOSITORY / pack).parts[0]


@pytest.mark.parametrize("path", sources("evalkit"), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_engine_imports_no_pack(path):
    found = [module for level, module in imported(path) if level == 0 and module.partition(".")[0] in PACKS]
    assert found == []


@pytest.mark.parametrize("path", sources("evalkit"), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_engine_names_no_plugin_in_a_dynamic_import(path):
    names = {plugin_of(p, pack).removesuffix(".py") for pack in PACKS for p in sources(pack)}
    modules = {f"{pack}.{name}" for pack in PACKS for name in names}
    texts = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
    assert not {text for text in texts if isinstance(text, str)} & modules


@pytest.mark.parametrize(
    "path", [p for pack in PACKS for p in sources(pack)], ids=lambda path: str(path.relative_to(REPOSITORY))
)
def test_a_plugin_imports_evalkit_third_parties_and_its_own_parts_only(path):
    pack = path.relative_to(REPOSITORY).parts[0]
    depth = len(path.relative_to(REPOSITORY / pack).parts) - 1
    for level, module in imported(path):
        assert level <= depth, f"{path.name} imports from beyond its own folder"
        if level == 0:
            top = module.partition(".")[0]
            assert top not in (*PACKS, "tests"), f"{path.name} imports {module}"
            assert top == "evalkit" or top in sys.stdlib_module_names, f"{path.name} imports {module}"


def test_the_check_would_see_an_import_of_a_pack(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("def late():\n    from tasks.mmlu import META\n    import judges.x\n")
    assert list(imported(path)) == [(0, "tasks.mmlu"), (0, "judges.x")]
