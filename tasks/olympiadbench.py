r"""OlympiadBench, text only: open-ended problems of Olympiads and of the Chinese entrance examination.

Paper: https://arxiv.org/abs/2402.14008 (He et al., 2024). Data: Hothan/OlympiadBench, Apache-2.0 on the hub, MIT in the
authors' repository. Columns of a row (among others):

    {"id": 1606, "subfield": "Combinatorics", "context": null, "question": "Xenia and Sergey play a game. …",
     "final_answer": ["2"], "is_multiple_answer": false, "unit": null, "answer_type": "Numerical", "error": null}

The prompt is the authors', byte for byte (https://github.com/OpenBMB/OlympiadBench, evaluator.py, commit
ba5b26a7e2849940b598a9159c1190daa2b9175f). Answers are compared as mathematics (math-verify), within the row's `error`
where it names one; the authors have a comparison of their own, which takes some forms for equal that this one does not
("x=1" and "1").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from evalkit.core import Row, Sample, Sampling, Subset, Task
from evalkit.data import hub
from evalkit.prompting.chat import chat_task, in_a_box
from evalkit.scoring.scorers.math_equal import math_equal

META = {
    "name": "olympiadbench",
    "summary": "open-ended Olympiad problems of mathematics and physics without images, English and Chinese",
    "tags": ["math", "science", "reasoning", "chat", "english", "chinese", "unverified"],
    "variants": [
        "set=maths_en_COMP",
        "set=physics_en_COMP",
        "set=maths_zh_COMP",
        "set=maths_zh_CEE",
        "set=physics_zh_CEE",
    ],
}

Set = Literal["all", "maths_en_COMP", "physics_en_COMP", "maths_zh_COMP", "maths_zh_CEE", "physics_zh_CEE"]
_SETS = ("maths_en_COMP", "physics_en_COMP", "maths_zh_COMP", "maths_zh_CEE", "physics_zh_CEE")
_KINDS = {
    "Numerical": ("a numerical value", "数值"),
    "Expression": ("an expression", "表达式"),
    "Equation": ("an equation", "方程"),
    "Interval": ("an interval", "区间"),
}


def task(*, set: Set = "all", max_tokens: int = 32768) -> Task:  # noqa: A002 - what the authors call it
    """All five sets of text-only problems, or one: subject, language, and competition or entrance examination."""
    return chat_task(
        "olympiadbench",
        tuple(
            Subset(hub("Hothan/OlympiadBench", config=f"OE_TO_{name}", split="train"), groups=(name,))
            for name in _SETS
            if set in ("all", name)
        ),
        _sample,
        (math_equal(),),
        max_tokens=max_tokens,
        gold=in_a_box,
        primary="math_verify",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768),
    )


def _sample(row: Row) -> Sample:
    values = row.values
    subject, language, _ = row.id.partition("/")[0].removeprefix("OE_TO_").split("_")
    asked = _english(values, subject) if language == "en" else _chinese(values, subject)
    context = values.get("context")
    # The authors leave the context out of problems of mathematics.
    told = f"{context}\n" if context and subject == "physics" else ""
    answers = values["final_answer"]
    if not answers:
        raise ValueError("the row has no final answer")
    return Sample(
        row.id,
        f"{asked}\n{told}{values['question']}",
        targets=(str(answers[0]).replace("$", ""),),
        groups=tuple(filter(None, [values.get("subfield")])),
        data={"allowed_error": _error(values.get("error"))},
    )


def _error(written: object) -> float:
    """How far a number may be off; the largest of several, one for each number of the answer."""
    parts = [float(part) for part in str(written or "").split(",") if part.strip()]
    return max(parts, default=0.0)


def _english(values: Mapping[str, Any], subject: str) -> str:
    several, unit = bool(values["is_multiple_answer"]), values.get("unit")
    box = "\\boxed{multiple answers connected with commas}" if several else "\\boxed{answer}"
    note = ", note that the unit of the answer should not be included in \\boxed{}" if unit else ""
    kinds = _kinds(values, chinese=False)
    if not kinds:
        kind = ""
    elif not several:
        kind = f"The answer of The problem should be {kinds[0]}. "
    elif len(kinds) == 1:
        kind = f"The problem has multiple answers, each of them should be {kinds[0]}. "
    else:
        kind = f"The problem has multiple answers, with the answers in order being {', '.join(kinds)}. "
    return (
        f"The following is an open-ended problem from an International {'Math' if subject == 'maths' else 'Physics'} "
        f"competition. {kind}Please calculate the answer according to the given requirements and the information "
        "provided. Please use LaTeX format to represent the variables and formulas used in the solution process and "
        f'results. Please end your solution with "So the final answer is {box}{"(unit)" if unit else ""}." and give '
        f"the result explicitly{note}."
    )


def _chinese(values: Mapping[str, Any], subject: str) -> str:
    several, unit = bool(values["is_multiple_answer"]), values.get("unit")
    box = "\\boxed{用英文逗号连接的多个答案}" if several else "\\boxed{答案}"
    note = "，注意答案的单位不要放在\\boxed{}中" if unit else ""
    kinds = _kinds(values, chinese=True)
    if not kinds:
        kind = ""
    elif not several:
        kind = f"，答案类型为{kinds[0]}"
    elif len(kinds) == 1:
        kind = f"，题目有多个答案，答案类型均为{kinds[0]}"
    else:
        kind = f"，题目有多个答案，答案类型分别为{'、'.join(kinds)}"
    return (
        f"以下是中国{'数学' if subject == 'maths' else '物理'}竞赛中的解答题{kind}。请根据题目的要求"
        "和所提供的信息计算得出答案。解答过程和结果中使用的变量和公式请使用LaTeX格式表示。请在最后以“所以最终答案是"
        f"{box}{'(单位)' if unit else ''}。”显式给出结果{note}。"
    )


def _kinds(values: Mapping[str, Any], *, chinese: bool) -> list[str]:
    """What the answers are, in words: one where all are alike, none where words would confuse."""
    written = str(values["answer_type"])
    if "Need_human_evaluate" in written or "Tuple" in written:
        return []
    parts = written.split(",") if values["is_multiple_answer"] else [written]
    named = [_kind(part.partition("-")[0], chinese) for part in parts]
    return named[:1] if len({*named}) == 1 else named


def _kind(written: str, chinese: bool) -> str:
    found = next((words for name, words in _KINDS.items() if name in written), None)
    if found is None:
        raise ValueError(f"no such type of answer: {written!r}; the types are {', '.join(_KINDS)} and Tuple")
    return found[chinese]
