"""The documentation as the tests read it: its pages, and the blocks of code on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^( *)```([\w-]*)(?: +(\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    kind: str
    name: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The blocks of code of a page, in order; `name` is the file that a block is written to, or empty."""
    text = page.read_text(encoding="utf-8")
    return [Block(kind, name, _dedented(body, indent)) for indent, kind, name, body in BLOCK.findall(text)]


def _dedented(body: str, indent: str) -> str:
    return re.sub(f"^{indent}", "", body, flags=re.MULTILINE)


def pages(*folders: str) -> list[Path]:
    """The pages of some folders below docs/."""
    return sorted(page for folder in folders for page in (DOCS / folder).rglob("*.md"))


def commands(text: str) -> Iterator[str]:
    """The lines of a script that call evalkit, lines that go on joined, without comments and prompts."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        words = line.strip().removeprefix("$ ").removeprefix("- ")
        if words.startswith("evalkit "):
            yield re.sub(r"\s+#.*$", "", words)
