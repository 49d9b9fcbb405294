"""IFBench: 58 constraints that no model was trained on, in the manner of IFEval, such as "use 36 numbers".

Paper: https://arxiv.org/abs/2507.02833 (Pyatkin et al., 2025). Data: allenai/IFBench_test, ODC-BY-1.0 licence, or
`files`, data/IFBench_test.jsonl of https://github.com/allenai/IFBench. One row, whose arguments are null where they
belong to other constraints:

    {"key": "1", "prompt": "What is the female equivalent to chivalry? Include keyword meridian once in your …",
     "instruction_id_list": ["count:keywords_multiple"], "kwargs": [{"keyword1": "meridian", "N": null, …}]}

The checks are written anew and agree with the authors' (commit db69a6f05689830b0068b8f1529ebcfd2f3b164c) on their
stored replies; sentences end where NLTK's punkt model says only where that is installed. The paper's headline is the
loose score by prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from evalkit.core import Attempt, Reply, Row, Sample, Sampling, Subset, Task
from evalkit.data import files as from_files
from evalkit.data import hub, selected
from evalkit.prompting.chat import chat_task
from evalkit.scoring.scorers.instructions import instructions, unchecked

META = {
    "name": "ifbench",
    "summary": "294 prompts with 58 new verifiable constraints: strict and loose, by prompt and by instruction",
    "tags": ["instruction-following", "chat", "english"],
}


def task(
    *,
    files: str = "",
    sentences: Literal["auto", "punkt", "rules"] = "auto",
    missing: Literal["refused", "left_out"] = "refused",
    max_tokens: int = 32768,
) -> Task:
    """IFBench's prompts, as they are.

    Four constraints need packages or resources of NLTK's. Without them a run is refused, or their prompts are left out
    (`missing=left_out`). `sentences` picks the sentence splitter; `auto` is punkt where it is installed.
    """
    source = from_files(files) if files else hub("allenai/IFBench_test", split="train")
    if missing == "left_out":
        left_out = unchecked()
        if left_out:
            source = selected(source, lambda row: _is_checked(row, left_out), f"without {', '.join(sorted(left_out))}")
    made = chat_task(
        "ifbench",
        (Subset(source),),
        _sample,
        (instructions(sentences=sentences, of="ifbench", missing=missing),),
        max_tokens=max_tokens,
        primary="prompt_level_loose_acc",
        recommended=Sampling(temperature=0.0),
    )
    # Nobody wrote replies that follow; `evalkit check` says so.
    return replace(made, method=replace(made.method, gold=_none))


def _none(attempt: Attempt) -> tuple[Reply, ...]:
    return ()


def _is_checked(row: Mapping[str, Any], left_out: frozenset[str]) -> bool:
    return left_out.isdisjoint(row["instruction_id_list"])


def _sample(row: Row) -> Sample:
    names, arguments = row.values["instruction_id_list"], row.values["kwargs"]
    used = [{key: value for key, value in found.items() if value is not None} for found in arguments]
    return Sample(
        id=str(row.values["key"]),
        input=row.values["prompt"],
        groups=tuple(sorted({name.partition(":")[0] for name in names})),
        data={"instructions": tuple(zip(names, used, strict=True))},
    )
