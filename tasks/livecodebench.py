"""LiveCodeBench: problems of contests by date, so that a window can begin after a model's training ended.

Paper: https://arxiv.org/abs/2403.07974 (Jain et al., 2024). Data: livecodebench/code_generation_lite, CC licences by
source. The hub has a script next to the rows, which is not run: give `files`, the folder or the files test.jsonl to
test6.jsonl. Columns of a row (among others):

    {"question_title": "A. Short Sort", "question_content": "…", "platform": "codeforces", "question_id": "1873_A",
     "contest_id": "1873", "contest_date": "2023-08-21T00:00:00", "starter_code": "", "difficulty": "easy",
     "public_test_cases": "[{\\"input\\": …}]", "private_test_cases": "eJx…", "metadata": "{}"}

Private tests are JSON, or a pickled text of JSON, compressed. They are read and never unpickled: of a pickle, the one
text that it holds; one that holds anything else is refused. Prompt and the block that is run (the last) are the
authors' (https://github.com/LiveCodeBench/LiveCodeBench, commit 28fef95ea8c9f7a547c8329f2cd3d32b92c1fa24, MIT licence).
Programs run in the sandbox as programs, where the authors run them as a function of their own process.
"""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from evalkit.core import Attempt, Message, Reply, Row, Sample, Sampling, Source, Subset, Task, UsageError
from evalkit.data import files as from_files
from evalkit.data import hub, selected
from evalkit.prompting.chat import chat_task
from evalkit.scoring.metrics.pass_at_k import pass_at
from evalkit.scoring.scorers import code_tests

META = {
    "name": "livecodebench",
    "summary": "contest problems in a window of dates, by standard input or calls, in the sandbox: pass@1",
    "tags": ["code", "python", "chat", "english", "unverified"],
}

_LAST = 64 << 20
"""Bytes of tests that a row may unpack to."""
_SYSTEM = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests."
)
_WITH_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
_FROM_INPUT = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the "
    "inputs, runs the algorithm and writes output to STDOUT."
)
_IMPORTS = (
    "from string import *\nfrom re import *\nfrom datetime import *\nfrom collections import *\nfrom heapq import *\n"
    "from bisect import *\nfrom copy import *\nfrom math import *\nfrom random import *\nfrom statistics import *\n"
    "from itertools import *\nfrom functools import *\nfrom operator import *\nfrom io import *\nfrom sys import *\n"
    "from json import *\nfrom builtins import *\nfrom typing import *\nimport string\nimport re\nimport datetime\n"
    "import collections\nimport heapq\nimport bisect\nimport copy\nimport math\nimport random\nimport statistics\n"
    "import itertools\nimport functools\nimport operator\nimport io\nimport sys\nimport json\n"
    "sys.setrecursionlimit(50000)\n"
)


def task(
    *,
    files: str = "",
    start: str = "",
    end: str = "",
    difficulty: Literal["all", "easy", "medium", "hard"] = "all",
    cpu: float = 6.0,
    memory: int = 4096,
    max_tokens: int = 32768,
) -> Task:
    """Problems of contests from `start` to `end` (2024-08-01; both included), of one difficulty or of all.

    `files` is a file, a glob or a folder of the set's JSONL. `cpu` is in seconds a test, `memory` in MiB.
    """
    first, last = _day(start, "start"), _day(end, "end")
    source: Source = from_files(_pattern(files)) if files else hub("livecodebench/code_generation_lite", split="test")
    words = [f"from {first}" if first else "", f"to {last}" if last else "", difficulty if difficulty != "all" else ""]
    if any(words):
        source = selected(source, lambda row: _is_asked(row, first, last, difficulty), " ".join(filter(None, words)))
    made = chat_task(
        "livecodebench",
        (Subset(source),),
        _sample,
        (code_tests(form="last_block", cpu=cpu, memory=memory, same="decimals"),),
        max_tokens=max_tokens,
        metrics=pass_at("", 1),
        primary="pass@1",
        recommended=Sampling(temperature=0.2, top_p=0.95, samples=10),
    )
    # The set has no solutions.
    return replace(made, method=replace(made.method, gold=_none))


def _none(attempt: Attempt) -> tuple[Reply, ...]:
    return ()


def _pattern(path: str) -> str:
    return str(Path(path) / "*.jsonl") if Path(path).is_dir() else path


def _day(text: str, name: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{name} is not a date", found=text, fix=f"{name}=2024-08-01") from None


def _is_asked(row: Mapping[str, Any], first: date | None, last: date | None, difficulty: str) -> bool:
    day = date.fromisoformat(str(row["contest_date"])[:10])
    known = difficulty in ("all", str(row["difficulty"]))
    return known and (first is None or first <= day) and (last is None or day <= last)


def _sample(row: Row) -> Sample:
    values = row.values
    starter = str(values["starter_code"] or "")
    head = f"### Question:\n{values['question_content']}\n\n"
    if starter:
        form = f"### Format: {_WITH_STARTER}\n```python\n{starter}\n```\n\n"
    else:
        form = f"### Format: {_FROM_INPUT}\n```python\n# YOUR CODE HERE\n```\n\n"
    asked = f"{head}{form}### Answer: (use the provided format with backticks)\n\n"
    return Sample(
        id=str(values["question_id"]),
        input=(Message("system", _SYSTEM), Message("user", asked)),
        groups=(str(values["difficulty"]), str(values["platform"])),
        data=_checks(values),
    )


def _checks(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the scorer runs: inputs and outputs, or statements that call the function."""
    tests = [*_tests(values["public_test_cases"]), *_tests(values["private_test_cases"])]
    if not tests:
        raise ValueError("the problem has no tests")
    inputs, outputs = [str(test["input"]) for test in tests], [str(test["output"]) for test in tests]
    metadata = values["metadata"]
    told = json.loads(metadata) if isinstance(metadata, str) else metadata
    name = (told or {}).get("func_name")
    if not name:
        return {"imports": _IMPORTS, "inputs": inputs, "outputs": outputs}
    if not str(name).isidentifier():
        raise ValueError(f"the function's name is {name!r}")
    in_class = "class Solution" in str(values["starter_code"])
    arguments = [[json.loads(line) for line in text.split("\n")] for text in inputs]
    return {
        "imports": _IMPORTS,
        "tests": _CALLS.format(
            called=f"Solution().{name}" if in_class else name,
            inputs=arguments,
            outputs=[json.loads(text) for text in outputs],
        ),
        "entry": "Solution" if in_class else str(name),
    }


_CALLS = """
def _same(got, wanted):
    return (list(got) if isinstance(got, tuple) else got) == wanted

for _arguments, _wanted in zip({inputs!r}, {outputs!r}):
    assert _same({called}(*_arguments), _wanted)
"""


# ------------------------------------------------------------------------------------------------ tests, never run


def _tests(written: object) -> list[Mapping[str, Any]]:
    """The tests of a row: a list, JSON, or compressed JSON. Raises ValueError for what is none of these."""
    if isinstance(written, str):
        text = written if written.lstrip().startswith("[") else _unpacked(written)
        written = json.loads(text)
    if not isinstance(written, list) or not all(isinstance(one, dict) and "input" in one for one in written):
        raise ValueError("the tests are no list of inputs and outputs")
    return written


def _unpacked(written: str) -> str:
    """The text in base64 of zlib of a pickle that holds one text and nothing else."""
    try:
        packed = base64.b64decode(written.encode(), validate=True)
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, _LAST)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"the private tests are neither JSON nor compressed JSON: {error}") from None
    if unpacking.unconsumed_tail:
        raise ValueError(f"the private tests unpack to more than {_LAST >> 20} MiB")
    return text_of_pickle(data)


_FRAME = {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"}
_TEXT = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}


def text_of_pickle(data: bytes) -> str:
    """The one text of a pickle, from its opcodes: nothing is executed.

    Raises ValueError for a pickle that holds anything but a text, whatever it would do.
    """
    texts: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in _TEXT:
                texts.append(str(argument))
            elif opcode.name not in _FRAME:
                raise ValueError(f"the pickle of the private tests holds more than a text ({opcode.name}); not read")
    except (IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(f"the private tests are no pickle: {error}") from None
    if len(texts) != 1:
        raise ValueError(f"the pickle of the private tests holds {len(texts)} texts and not one; not read")
    return texts[0]
