"""Code out of a chat reply: fenced blocks, several of them, unclosed ones, or none between prose."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

_FENCE = re.compile(r"^[ \t]*(?:>[ \t]?)?(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*$", re.MULTILINE)
_PYTHON = {"", "python", "python3", "py", "py3", "python2", "ipython", "code"}
_MARKERS = re.compile(r"\[/?(?:BEGIN|DONE|PYTHON|CODE)\]")
_BEGINS_CODE = re.compile(r"^(?:def |class |async def |import |from \w|@\w)", re.MULTILINE)
_MOST_CUTS = 60
_MOST_FENCES = 20


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language as written, in lower case, and its lines without common indentation."""

    language: str
    code: str


def code_blocks(text: str) -> list[Block]:
    """Every fenced block in order. A fence that is never closed ends with the text.

    A fence that is in a text of the program's own, between triple quotes, closes no block.
    """
    fences = list(_FENCE.finditer(text))
    found: list[Block] = []
    place = 0
    while place < len(fences):
        opening = fences[place]
        marks, language, start = opening.group(1), opening.group(2).lower(), opening.end() + 1
        closing = _closing(text, fences, place)
        end = fences[closing].start() if closing < len(fences) else len(text)
        found.append(_block(language, text[start:end]))
        # A block that was not closed before the next one began ends there.
        begins_another = closing < len(fences) and fences[closing].group(2) and fences[closing].group(1) == marks
        place = closing if begins_another else closing + 1
    return [block for block in found if block.code.strip()]


def _closing(text: str, fences: Sequence[re.Match[str]], opened: int) -> int:
    """The number of the fence that ends the block which the fence `opened` begins; as many as there are without one."""
    start = fences[opened].end() + 1
    ending = list(islice(_ending(fences, opened), _MOST_FENCES))
    if not ending or fences[opened].group(2).lower() not in _PYTHON:
        return ending[0] if ending else len(fences)
    for number in ending:
        if not _in_triple_quotes(text[start : fences[number].start()]):
            return number
    return ending[0] if _in_triple_quotes(text[start:]) else len(fences)


def _ending(fences: Sequence[re.Match[str]], opened: int) -> Iterator[int]:
    """The fences after one that may end its block: closing ones, and another beginning with the same marks."""
    marks = fences[opened].group(1)
    for number in range(opened + 1, len(fences)):
        found, tag = fences[number].group(1), fences[number].group(2)
        if (found.startswith(marks) and not tag) or (found == marks and tag):
            yield number


def _in_triple_quotes(code: str) -> bool:
    """Whether a program breaks off within a text between triple quotes."""
    if '"""' not in code and "'''" not in code:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(textwrap.dedent(code))
    except SyntaxError as error:
        return "unterminated triple-quoted" in str(error.msg)
    except (ValueError, RecursionError, MemoryError):
        return False
    return False


def _block(language: str, code: str) -> Block:
    lines = code.splitlines()
    if lines and all(line.startswith(">") for line in lines if line.strip()):
        code = "\n".join(line.lstrip()[1:].removeprefix(" ") for line in lines)
    code = textwrap.dedent(code).strip("\n")
    if "\t" in code and not is_python(code) and is_python(expanded := code.expandtabs(4)):
        # Tabs and blanks that were mixed; any other tab may be part of a text, and stays.
        code = expanded
    return Block(language, code)


def python_code(text: str, names: Sequence[str] = ()) -> str:
    """The program in a reply, "" where there is none.

    Among fenced blocks of Python (or of no language) the last that defines one of `names` counts, one that can be
    parsed before one that cannot; blocks before it that import or define something are kept in front of it, without
    what they print, unless they use those names already. Without a definition the first block that runs anything
    counts, with those before it. Without a fence it is the text itself where that is Python, else the part from its
    first definition or import to where it stops being Python.
    """
    text = _MARKERS.sub("\n", text)
    blocks = [block for block in code_blocks(text) if block.language in _PYTHON] or code_blocks(text)
    if not blocks:
        return _bare_code(text)
    first = _FENCE.search(text)
    before = text[: first.start()] if first else ""
    if _does_something(textwrap.dedent(before)) and not any(defines(b.code, names) for b in blocks):
        # The block began in the prompt: all that is seen of it is its end.
        return before.strip("\n")
    defining = [i for i, block in enumerate(blocks) if defines(block.code, names)]
    if not defining:
        # What only defines is part of the program that a later block runs.
        chosen = next((i for i, block in enumerate(blocks) if _runs(block.code)), 0)
        return "\n\n".join([*(block.code for block in blocks[:chosen]), blocks[chosen].code])
    chosen = next((i for i in reversed(defining) if is_python(blocks[i].code)), defining[-1])
    kept = [_helpers(b.code, names) for b in blocks[:chosen] if not defines(b.code, names)]
    return "\n\n".join([*filter(None, kept), blocks[chosen].code])


def defines(code: str, names: Sequence[str]) -> bool:
    """Whether one of the names is defined at the left margin, by its text: code that cannot be parsed counts, too."""
    return any(re.search(rf"^(?:(?:async )?def|class) {re.escape(n)}\b|^{re.escape(n)} *=", code, re.M) for n in names)


def is_python(code: str) -> bool:
    """Whether the code can be parsed by this Python."""
    return _parsed(code) is not None


def complete(prefix: str, code: str, names: Sequence[str]) -> str:
    """A whole program of a problem's beginning and a reply's code.

    Code that defines one of `names` replaces the beginning's own definition and keeps what comes before it
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


def _helpers(code: str, names: Sequence[str]) -> str:
    """What a block before the solution brings to it: all but its prints, where it defines something; else ""."""
    tree = _parsed(code)
    if tree is None or not any(isinstance(node, _DEFINING) for node in tree.body):
        return ""
    shown = [node for node in tree.body if _prints(node)]
    rest = [node for node in tree.body if node not in shown and not isinstance(node, _DEFINING[:3])]
    if any(isinstance(part, ast.Name) and part.id in names for node in rest for part in ast.walk(node)):
        # It calls the solution, which is not there yet.
        return ""
    left = {line for node in shown for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return "\n".join(text for line, text in enumerate(code.split("\n"), 1) if line not in left).strip("\n")


_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def _runs(code: str) -> bool:
    """Whether a program does more than define; one that cannot be parsed is taken to."""
    tree = _parsed(code)
    return tree is None or not all(isinstance(node, _DEFINING) or _is_text(node) for node in tree.body)


def _does_something(code: str) -> bool:
    """Whether it is Python that computes or defines; "Sure" and "Solution: below" are no more than names to Python."""
    tree = _parsed(code)
    return tree is not None and not all(_is_named(node) for node in tree.body)


def _is_named(node: ast.stmt) -> bool:
    """Whether a statement has no effect: an expression without a call, or a bare annotation."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Call | ast.Await | ast.Yield | ast.YieldFrom)
    return isinstance(node, ast.AnnAssign) and node.value is None


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _prints(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"


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
    """Whether the text is what is in a function: indented throughout, and Python once it has a head."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(line[0].isspace() for line in lines) and is_python("def f():\n" + text)
