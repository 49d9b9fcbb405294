"""evalkit knows no plugin by name, and no plugin knows another: read from the import statements themselves."""

import ast
import sys
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKS = ("tasks", "judges", "reports")
ARITHMETIC = {"numpy", "scipy"}
"""What every install has. A plugin imports it where it computes, so that reading plugins loads neither."""


def sources(folder):
    return sorted(path for path in (REPOSITORY / folder).rglob("*.py") if "__pycache__" not in path.parts)


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """(level, module) of every import in a file, at whatever depth."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((0, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def imported_at_once(path):
    """The modules that a file imports when it is itself imported."""
    for node in parsed(path).body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def plugin_of(path, pack):
    """The plugin that a file belongs to: itself, or its folder."""
    return path.relative_to(REPOSITORY / pack).parts[0]


def where(path):
    return str(path.relative_to(REPOSITORY))


def test_the_engine_imports_no_pack():
    wrong = [
        f"{where(path)} imports {module}"
        for path in sources("evalkit")
        for level, module in imported(path)
        if level == 0 and module.partition(".")[0] in PACKS
    ]
    assert not wrong, "\n".join(wrong)


def test_the_engine_names_no_plugin_in_a_dynamic_import():
    names = {plugin_of(p, pack).removesuffix(".py") for pack in PACKS for p in sources(pack)}
    modules = {f"{pack}.{name}" for pack in PACKS for name in names}
    wrong = [
        f"{where(path)}:{node.lineno} {node.value!r}"
        for path in sources("evalkit")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in modules
    ]
    assert not wrong, "\n".join(wrong)


def test_a_plugin_imports_evalkit_arithmetic_and_its_own_parts_only():
    wrong, allowed = [], {"evalkit", *ARITHMETIC, *sys.stdlib_module_names}
    for pack in PACKS:
        for path in sources(pack):
            depth = len(path.relative_to(REPOSITORY / pack).parts) - 1
            for level, module in imported(path):
                top = module.partition(".")[0]
                if level > depth:
                    wrong.append(f"{where(path)} imports from beyond its own folder")
                elif level == 0 and (top in (*PACKS, "tests") or top not in allowed):
                    wrong.append(f"{where(path)} imports {module}")
            early = {name.partition(".")[0] for name in imported_at_once(path)} & ARITHMETIC
            wrong += [f"{where(path)} imports {name} when it is loaded" for name in early]
    assert not wrong, "\n".join(wrong)


def test_the_check_would_see_an_import_of_a_pack(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("def late():\n    from tasks.mmlu import META\n    import judges.x\n")
    assert list(imported(path)) == [(0, "tasks.mmlu"), (0, "judges.x")]
    assert list(imported_at_once(path)) == []
    other = tmp_path / "y.py"
    other.write_text("import numpy as np\nfrom scipy.special import zeta\n")
    assert list(imported_at_once(other)) == ["numpy", "scipy.special"]
