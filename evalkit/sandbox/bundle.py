"""The program that a worker runs: the modules of `inside` as one text, for an interpreter that has nothing else."""

from __future__ import annotations

import functools
from pathlib import Path

_MODULES = ("link", "codec", "confine", "watch", "traces", "chores", "program", "checks", "worker")
_START = """
import sys, types
for name in ("evalkit", "evalkit.sandbox", "evalkit.sandbox.inside"):
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = []
for name, source in SOURCES.items():
    full = "evalkit.sandbox.inside." + name
    sys.modules[full] = module = types.ModuleType(full)
    setattr(sys.modules["evalkit.sandbox.inside"], name, module)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
sys.modules["evalkit.sandbox.inside.worker"].main()
"""
BOOT = (
    "import sys; f = sys.stdin.buffer.raw; n = int.from_bytes(f.read(4), 'big'); b = b''\n"
    "while len(b) < n: b += f.read(n - len(b))\n"
    "exec(b)"
)
"""The interpreter's argument: read so many bytes from the standard input and run them."""


@functools.cache
def bundle() -> bytes:
    """What the booted interpreter reads first."""
    folder = Path(__file__).parent / "inside"
    sources = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in _MODULES}
    text = f"SOURCES = {sources!r}\n{_START}".encode()
    return len(text).to_bytes(4, "big") + text
