"""Code blocks in chat replies as models write them: prose, several blocks, missing fences, odd indentation."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scoring.extraction import code_blocks, complete, is_python, python_code

ADD = "def add(a, b):\n    return a + b"
DOCUMENTED = '''def add(a, b):
    """Add.

    ```python
    add(1, 2)
    ```
    """
    return a + b'''


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (f"```python\n{ADD}\n```", ADD),
        (f"Sure! Here it is:\n\n```python\n{ADD}\n```\n\nIt adds two numbers.", ADD),
        (f"```\n{ADD}\n```", ADD),
        (f"```py\n{ADD}\n```", ADD),
        (f"```Python3\n{ADD}\n```", ADD),
        (f"~~~python\n{ADD}\n~~~", ADD),
        (f"````python\n{ADD}\n````", ADD),
        # A fence with words after the language.
        (f'```python title="add.py"\n{ADD}\n```', ADD),
        # Never closed, because the reply was cut or the closing fence was a stop string.
        (f"Here:\n```python\n{ADD}", ADD),
        # Only closed: the template began the block.
        (f"{ADD}\n```\nThis adds.", ADD),
        # Indented as part of a list.
        ("1. The function:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done.", ADD),
        # Quoted.
        ("> ```python\n> def add(a, b):\n>     return a + b\n> ```", ADD),
        # Windows line ends.
        (f"```python\r\n{ADD}\r\n```".replace("\n    ", "\r\n    "), ADD),
        # Tabs stay, also those in a text; mixed with blanks, which Python refuses, they are four blanks.
        ("```python\ndef add(a, b):\n\treturn a + b\n```", "def add(a, b):\n\treturn a + b"),
        ("```python\ndef add(a, b):\n    return '\t'\n```", "def add(a, b):\n    return '\t'"),
        ("```python\ndef add(a, b):\n\tc = a + b\n    return c\n```", "def add(a, b):\n    c = a + b\n    return c"),
        # A fence in a text of the program closes nothing.
        (f'```python\n{DOCUMENTED}\n```\nIt adds.', DOCUMENTED),
        (f'```python\n{DOCUMENTED}', DOCUMENTED),
        # Helpers are kept without what they print; an example of use before the solution is not.
        (f"```python\nimport math\ndef one():\n    return 1\nprint(one())\n```\nThen:\n```python\n{ADD}\n```",
         f"import math\ndef one():\n    return 1\n\n{ADD}"),
        (f"```python\nimport sys\nsys.setrecursionlimit(9999)\n```\n```python\n{ADD}\n```",
         f"import sys\nsys.setrecursionlimit(9999)\n\n{ADD}"),
        (f"```python\nsum_ = add(1, 2)\nprint(sum_)\n```\n```python\n{ADD}\n```", ADD),
        # The solution is not the usage example, wherever that stands.
        (f"```python\n{ADD}\n```\nUse it so:\n```python\nprint(add(1, 2))\n```", ADD),
        (f"Call it as:\n```python\nprint(add(1, 2))\n```\nSolution:\n```python\n{ADD}\n```", ADD),
        # Blocks in other languages.
        (f"```bash\npip install x\n```\n```python\n{ADD}\n```\n```text\n3\n```", ADD),
        (f'```json\n{{"a": 1}}\n```\n```\n{ADD}\n```', ADD),
        # A corrected second attempt.
        (f"```python\ndef add(a, b):\n    return a - b\n```\nNo, wait:\n```python\n{ADD}\n```", ADD),
        # The last one is broken, the first is whole.
        (f"```python\n{ADD}\n```\nOr shorter:\n```python\ndef add(a, b): return (a +\n```", ADD),
        # Markers that some models were trained with.
        (f"[PYTHON]\n{ADD}\n[/PYTHON]", ADD),
        (f"[BEGIN]\n{ADD}\n[DONE]", ADD),
        # No fence at all.
        (ADD, ADD),
        (f"Here is the function:\n\n{ADD}\n\nIt adds the two.", ADD),
        (f"{ADD}\n\nThis function takes two numbers and returns their sum.", ADD),
        ("    return a + b\n", "    return a + b"),
        ("I cannot help with that.", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_code_of_a_reply(reply: str, expected: str) -> None:
    assert python_code(reply, ["add"]).replace("\r", "") == expected


def test_definitions_in_earlier_blocks_are_kept() -> None:
    reply = "First:\n```python\nimport math\n```\nthen\n```python\ndef area(r):\n    return math.pi * r * r\n```"
    assert python_code(reply, ["area"]) == "import math\n\ndef area(r):\n    return math.pi * r * r"


def test_a_class_is_a_definition_too() -> None:
    reply = "```python\nprint(1)\n```\n```python\nclass Solution:\n    pass\n```"
    assert python_code(reply, ["Solution"]) == "class Solution:\n    pass"


PROMPT = 'import math\n\ndef helper(x):\n    return x + 1\n\n\ndef area(r):\n    """The area of a circle."""\n'


def test_a_whole_function_keeps_what_stands_before_it() -> None:
    whole = complete(PROMPT, "def area(r):\n    return helper(math.pi) * r", ["area"])
    assert whole.count("def area") == 1
    space: dict[str, object] = {}
    exec(whole, space)
    assert space["helper"] is not None
    assert is_python(whole)


@pytest.mark.parametrize(
    "rest", ["    return math.pi * r", "return math.pi * r", "x = r\nreturn math.pi * x", "\n    return 3"]
)
def test_a_body_follows_the_beginning_whatever_its_indentation(rest: str) -> None:
    whole = complete(PROMPT, rest, ["area"])
    space: dict[str, object] = {}
    exec(whole, space)
    assert callable(space["area"])
    assert space["area"](1) is not None


@given(st.text(alphabet="`~ \nabpython:>\t", max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    python_code(text, ["a"])
    assert all(block.code.strip() for block in code_blocks(text))


def test_a_long_reply_takes_no_long_time() -> None:
    started = time.process_time()
    python_code("```python\n" * 20_000, ["a"])
    python_code("def a(:\n\nprose and prose\n" * 3_000, ["a"])
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        (["print(input())", "print(1)"], ["print(input())"]),
        (["def f():\n    return 1", "print(f())"], ["def f():\n    return 1", "print(f())"]),
        (["import sys", "def f():\n    return 1", "f()", "print(2)"], ["import sys", "def f():\n    return 1", "f()"]),
        (["def f():\n    return 1", "x = 1"], ["def f():\n    return 1"]),
    ],
)
def test_a_program_in_several_blocks(blocks: list[str], kept: list[str]) -> None:
    reply = "\nThen:\n".join(f"```python\n{block}\n```" for block in blocks)
    assert python_code(reply) == "\n\n".join(kept)


@pytest.mark.parametrize("words", ["Sure", "First", "Solution: below", "Yes, here", "not hard"])
def test_a_word_before_a_block_is_no_program(words: str) -> None:
    """To Python a word is a name, and "Solution: below" an annotation."""
    reply = f"{words}\n```python\ndef f():\n    return 1\n```\nThen\n```python\nprint(f())\n```\n"
    assert python_code(reply) == "def f():\n    return 1\n\nprint(f())"


def test_the_end_of_a_block_that_began_in_the_prompt_is_the_program() -> None:
    assert python_code("    return a + b\n```\nThis adds them.") == "    return a + b"
