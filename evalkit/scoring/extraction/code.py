"""Code out of a chat reply: fenced blocks, several of them, unclosed ones, or none between prose."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t]*(?:>[ \t]?)?(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*$", re.MULTILINE)
_PYTHON = {"", "python", "python3", "py", "py3", "python2", "ipython", "code"}
_MARKERS = re.compile(r"\[/?(?:BEGIN|DONE|PYTHON|CODE)\]")
_BEGINS_CODE = re.compile(r"^(?:def |class |async def |import |from \w|@\w)", re.MULTILINE)
_MOST_CUTS = 60


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language as written, in lower case, and its lines without common indentation."""

    language: str
    code: str


def code_blocks(text: str) -> list[Block]:
    """Every fenced block in order. A fence that is never closed ends with the text; takes time linear in it."""
    found, opened, start, language = [], "", 0, ""
    for fence in _FENCE.finditer(text):
        marks, tag = fence.group(1), fence.group(2).lower()
        if not opened:
            opened, start, language = marks, fence.end() + 1, tag
        elif marks.startswith(opened) and not tag:
            found.append(_block(language, text[start : fence.start()]))
            opened = ""
        elif marks == opened and tag:
            # A block that was not closed before the next one began.
            found.append(_block(language, text[start : fence.start()]))
            start, language = fence.end() + 1, tag
    if opened:
        found.append(_block(language, text[start:]))
    return [block for block in found if block.code.strip()]


def _block(language: str, code: str) -> Block:
    lines = code.splitlines()
    if lines and all(line.startswith(">") for line in lines if line.strip()):
        code = "\n".join(line.lstrip()[1:].removeprefix(" ") for line in lines)
    return Block(language, textwrap.dedent(code.expandtabs(4) if "\t" in code else code).strip("\n"))


def python_code(text: str, names: Sequence[str] = ()) -> str:
    """The program in a reply, "" where there is none.

    Among fenced blocks of Python (or of no language) the last that defines one of `names` counts, one that can be
    parsed before one that cannot; blocks before it that only import and define are kept in front of it. Without a
    definition the first block counts. Without a fence it is the text itself where that is Python, else the part
    from its first definition or import to where it stops being Python.
    """
    text = _MARKERS.sub("\n", text)
    blocks = [block for block in code_blocks(text) if block.language in _PYTHON] or code_blocks(text)
    if not blocks:
        return _bare_code(text)
    first = _FENCE.search(text)
    before = text[: first.start()] if first else ""
    if before.strip() and is_python(textwrap.dedent(before)) and not any(defines(b.code, names) for b in blocks):
        # The block began in the prompt: all that is seen of it is its end.
        return before.strip("\n")
    defining = [i for i, block in enumerate(blocks) if defines(block.code, names)]
    if not defining:
        return blocks[0].code
    chosen = next((i for i in reversed(defining) if is_python(blocks[i].code)), defining[-1])
    kept = [b.code for b in blocks[:chosen] if not defines(b.code, names) and _only_defines(b.code)]
    return "\n\n".join([*kept, blocks[chosen].code])


def defines(code: str, names: Sequence[str]) -> bool:
    """Whether one of the names is defined at the left margin, by its text: code that cannot be parsed counts, too."""
    return any(re.search(rf"^(?:(?:async )?def|class) {re.escape(n)}\b|^{re.escape(n)} *=", code, re.M) for n in names)


def is_python(code: str) -> bool:
    """Whether the code can be parsed by this Python."""
    return _parsed(code) is not None


def complete(prefix: str, code: str, names: Sequence[str]) -> str:
    """A whole program of a problem's beginning and a reply's code.

    Code that defines one of `names` replaces the beginning's own definition and keeps what stands before it
    (imports, helper functions); any other code is taken as the body that follows, indented where it is not.
    """
    if defines(code, names):
        starts = [found.start() for n in names if (found := re.search(rf"^def {re.escape(n)}\b", prefix, re.M))]
        return f"{prefix[: min(starts)] if starts else ''}\n{code}\n"
    first = next((line for line in code.splitlines() if line.strip()), "")
    if first and not first[0].isspace():
        code = textwrap.indent(code, "    ")
    return f"{prefix.rstrip()}\n{code}\n"


def _parsed(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _only_defines(code: str) -> bool:
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    tree = _parsed(code)
    return tree is not None and all(isinstance(node, kinds) for node in tree.body)


def _bare_code(text: str) -> str:
    """Code that no fence marks. The longest stretch from its first line on that is Python, cut at blank lines."""
    if is_python(text) and text.strip():
        return textwrap.dedent(text).strip("\n")
    body = textwrap.dedent(text).strip("\n")
    if _indented_body(text):
        return text.strip("\n")
    begin = _BEGINS_CODE.search(body)
    if begin is None:
        return ""
    rest = body[begin.start() :]
    ends = [len(rest), *(found.start() for found in reversed(list(re.finditer(r"\n[ \t]*(?=\n)|\n(?=\S)", rest))))]
    for end in ends[:_MOST_CUTS]:
        if is_python(rest[:end]):
            return rest[:end].rstrip()
    return rest


def _indented_body(text: str) -> bool:
    """Whether the text is what stands in a function: indented throughout, and Python once it has a head."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(line[0].isspace() for line in lines) and is_python("def f():\n" + text)
