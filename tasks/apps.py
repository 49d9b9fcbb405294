"""APPS: 10,000 programming problems from contests; a program reads standard input and its output is compared.

Paper: https://arxiv.org/abs/2105.09938 (Hendrycks et al., 2021). Data: codeparrot/apps, MIT licence. One row:

    {"problem_id": 0, "question": "Polycarp has $n$ different binary words. …", "difficulty": "interview",
     "input_output": "{\\"inputs\\": [\\"4\\\\n4\\\\n0001\\\\n…\\"], \\"outputs\\": [\\"1\\\\n3 \\\\n…\\"]}",
     "solutions": "[\\"for _ in range(int(input())): …\\"]", "starter_code": "", "url": "…"}

Problems with a function name are called, with each input's arguments, in place of reading them. Problems without
tests cannot be measured and are left to the data errors. Outputs are compared line by line without white space at the
ends, or number by number; the paper's own comparison tries a few more forms. Any rows of this shape, such as
your own, can be given with `files`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task
from evalkit.data import files as from_files
from evalkit.data import hub
from evalkit.prompting.methods import write_code
from evalkit.scoring.metrics.pass_at_k import pass_at
from evalkit.scoring.scorers import code_tests

META = {
    "name": "apps",
    "summary": "contest problems: a program's output on standard input, or a function's results: pass@k",
    "tags": ["code", "python", "generation"],
    "variants": ["difficulty=introductory", "difficulty=interview", "difficulty=competition"],
}


def task(
    *,
    difficulty: Literal["all", "introductory", "interview", "competition"] = "all",
    files: str = "",
    n: int = 1,
    temperature: float = 0.0,
    top_p: float = 0.95,
    k: str = "",
    form: Literal["completion", "chat"] | None = None,
    cpu: float = 15.0,
    memory: int = 1024,
) -> Task:
    """APPS' test split of one difficulty, or the rows in `files`.

    n: completions of every problem, sampled at `temperature`. k: which pass@k, as in k=1,10.
    form: how to ask, whatever the model; without it a chat model is asked as one. cpu: seconds a program may
    compute on one input. memory: MiB it may use.
    """
    source = from_files(files) if files else hub("codeparrot/apps", config=difficulty, split="test")
    return Task(
        name="apps",
        data=(Subset(source),),
        sample=_sample,
        prompt=PromptFormat(question=_question),
        method=write_code(
            max_tokens=2048,
            stop=("\nQUESTION:", "\nANSWER:", "\n---"),
            temperature=temperature,
            top_p=top_p,
            n=n,
            gold=_gold,
            chat_question=_question,
            chat=None if form is None else form == "chat",
        ),
        scorers=(code_tests(form="program", cpu=cpu, memory=memory),),
        metrics=pass_at(k, n),
        primary_metric="pass@1",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    solutions = _parsed(values.get("solutions")) or [""]
    return Sample(
        id=f"APPS/{values['problem_id']}",
        input=values["question"],
        targets=(str(solutions[0]),),
        groups=(str(values.get("difficulty") or "unknown"),),
        data={"starter": values.get("starter_code") or "", **_checks(_parsed(values["input_output"]), values)},
    )


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.strip() else value


def _checks(found: Any, values: Any) -> dict[str, Any]:
    if not found or not found.get("inputs"):
        raise ValueError("the problem has no tests")
    inputs, outputs = found["inputs"], found["outputs"]
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs")
    name = found.get("fn_name")
    if not name:
        return {"inputs": inputs, "outputs": outputs}
    in_class = "class Solution" in (values.get("starter_code") or "")
    called = f"Solution().{name}" if in_class else name
    return {
        "tests": _CALLS.format(called=called, inputs=inputs, outputs=outputs),
        "entry": "Solution" if in_class else name,
    }


# The data wrap some expected results in a list of one, as the paper's own comparison allows for.
_CALLS = """
def _same(got, wanted):
    got = list(got) if isinstance(got, tuple) else got
    return got == wanted or (isinstance(wanted, list) and len(wanted) > 0 and got == wanted[0])

for _arguments, _wanted in zip({inputs!r}, {outputs!r}):
    assert _same({called}(*_arguments), _wanted)
"""


def _question(sample: Sample) -> str:
    how = "Use Call-Based format" if "tests" in sample.data else "Use Standard Input format"
    starter = f"\n{sample.data['starter']}" if sample.data["starter"] else ""
    return f"\nQUESTION:\n{sample.input}{starter}\n{how}\nANSWER:\n"


def _gold(sample: Sample) -> str:
    return sample.targets[0]
