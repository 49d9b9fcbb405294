"""Writes docs/reference/python.md: every public name of `evalkit` and `evalkit.core`, and what it is.

python tools/python_reference.py
"""

from __future__ import annotations

import ast
import inspect
import itertools
from pathlib import Path
from types import ModuleType

import evalkit
from evalkit import core

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"
_INTRODUCTION = """\
# evalkit from Python

```python
import evalkit

run = evalkit.run("toy_squad", "tiny", limit=20)
print(run.estimate("toy_squad"))
run.report("report.html")
```

`evalkit.run` takes the options of `evalkit run` by the same names. A run is a folder, which `evalkit.load` reads again.
[A notebook](../tutorials/compare_two_models.ipynb) compares two models. Write tasks, scorers and models with the names
of `evalkit.core` ([plugins](../how-to/extending.md)). A mistake in a call raises `UsageError`.
"""
_RUN = ("estimate", "samples", "records", "compare", "report", "to_pandas", "open")


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, "## evalkit\n", _table(evalkit, ""), "## A run\n", _methods(), "## evalkit.core\n"]
    return "\n".join([*parts, _table(core, ""), "Written by `tools/python_reference.py`.\n"])


def _table(module: ModuleType, prefix: str) -> str:
    constants = _constants()
    rows = [
        f"| `{prefix}{name}` | {_first_sentence(constants.get(name) or getattr(module, name))} |"
        for name in sorted(module.__all__)
    ]
    return "\n".join(["| Name | Meaning |", "|---|---|", *rows, ""])


def _methods() -> str:
    found = [(name, getattr(evalkit.Run, name)) for name in _RUN]
    rows = [f"| `{name}{_signature(function)}` | {_first_sentence(function)} |" for name, function in found]
    return "\n".join(["| Method | Does |", "|---|---|", *rows, ""])


def _signature(function: object) -> str:
    names = [name for name in inspect.signature(function).parameters if name != "self"]  # type: ignore[arg-type]
    return f"({', '.join(names)})"


def _constants() -> dict[str, str]:
    """The texts below the constants of `evalkit.core`."""
    found = {}
    for path in sorted(Path(core.__file__).parent.glob("*.py")):
        for node, after in itertools.pairwise(ast.parse(path.read_bytes()).body):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            said = after.value if isinstance(after, ast.Expr) else None
            if isinstance(said, ast.Constant) and isinstance(targets[0], ast.Name):
                found[targets[0].id] = str(said.value)
    return found


def _first_sentence(value: object) -> str:
    text = value if isinstance(value, str) else inspect.getdoc(value) or ""
    if inspect.isclass(value) and text.startswith(f"{value.__name__}("):
        text = ""  # what a dataclass writes by itself
    paragraph = " ".join(text.split("\n\n")[0].split())
    end = paragraph.find(". ")
    sentence = paragraph if end < 0 else paragraph[:end]
    return sentence.removesuffix(".").replace("|", "\\|") or "–"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
