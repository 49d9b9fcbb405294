"""BIG-Bench Extra Hard: 23 tasks, each a harder one in the place of a task of BIG-Bench Hard.

Paper: https://arxiv.org/abs/2502.19187 (Kazemi et al., 2025). Data: BBEH/bbeh on the hub, or `folder`, a copy of
bbeh/benchmark_tasks of https://github.com/google-deepmind/bbeh (commit 80d12ca916b7158f22293fcf3144f4d3d854d4be), CC-BY
licence. One row; the hub's rows have `task` and `mini` (1 for the 460 of BBEH Mini), too:

    {"input": "The following is a description of a funny cartoon for the New Yorker Caption Contest …", "target": "(A)"}

A blank line and the paper's request for a form follow the question. evalkit reads and compares answers as the authors'
evaluate.py does. The headline of the whole set is their adjusted harmonic mean over tasks. One percentage point is
added to each task, so that a task at 0 does not make the mean 0. The headline of Mini, and of one task, is the plain
mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from evalkit.core import Metric, Row, Sample, Sampling, Source, Subset, Task, UsageError
from evalkit.core.spec import unknown
from evalkit.data import files, hub, selected
from evalkit.prompting.chat import chat_task
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.strata import harmonic_mean
from evalkit.scoring.scorers.read_by_function import equal_by

META = {
    "name": "bbeh",
    "summary": "23 tasks harder than BIG-Bench Hard; the harmonic mean over tasks",
    "tags": ["reasoning", "chat", "english"],
    "variants": [
        "boardgame_qa",
        "boolean_expressions",
        "buggy_tables",
        "causal_understanding",
        "disambiguation_qa",
        "dyck_languages",
        "geometric_shapes",
        "hyperbaton",
        "linguini",
        "movie_recommendation",
        "multistep_arithmetic",
        "nycc",
        "object_counting",
        "object_properties",
        "sarc_triples",
        "shuffled_objects",
        "spatial_reasoning",
        "sportqa",
        "temporal_sequence",
        "time_arithmetic",
        "web_of_lies",
        "word_sorting",
        "zebra_puzzles",
    ],
}

_FORM = (
    'Think step by step, and when you provide the final answer, please use the prefix "The answer is:" without any '
    "modification, and provide the answer directly, with no formatting, no bolding, and no markup. For instance: "
    '"The answer is: 42" or "The answer is: yes". If the question is multiple choice with a single correct answer, the '
    'final answer must only be the letter corresponding to the correct answer. For example, "The answer is: (a)".'
)
_PREFIXES = ("The answer is:", "The final answer is ", "The final answer is: ", "The answer is ")


def task(
    *, subset: str = "", size: Literal["full", "mini"] = "full", folder: str = "", max_tokens: int = 32768
) -> Task:
    """All tasks, or the one that `subset` names; `size=mini` is 20 questions of each. `folder` holds a folder a task,
    with its task.json, and there `mini` is the file data.json of the folder mini next to it."""
    names = [str(name) for name in META["variants"]]
    if subset and subset not in names:
        raise unknown("task of BBEH", subset, names)
    chosen = [subset] if subset else names
    plain: tuple[Metric, ...] = (mean("correct"),)
    whole = size == "full" and not subset
    if folder and size == "mini":
        data: tuple[Subset, ...] = (Subset(files(Path(folder).parent / "mini" / "data.json")),)
    else:
        data = tuple(Subset(_rows(name, size, folder), groups=(name,)) for name in chosen)
    return chat_task(
        "bbeh",
        data,
        _sample,
        (equal_by("correct", _equal, _read),),
        max_tokens=max_tokens,
        gold=lambda sample: f"The answer is: {sample.targets[0]}",
        metrics=(harmonic_mean("correct", names, name="harmonic_mean", added=0.01), *plain) if whole else plain,
        primary="harmonic_mean" if whole else "correct",
        recommended=Sampling(temperature=0.0, max_tokens=32768),
    )


def _rows(name: str, size: str, folder: str) -> Source:
    if folder:
        path = Path(folder) / f"bbeh_{name}" / "task.json"
        if not path.is_file():
            raise UsageError(
                "the folder of BBEH lacks a task", found=str(path), fix="folder=<a copy of bbeh/benchmark_tasks>"
            )
        return files(path)
    mini = size == "mini"
    return selected(
        hub("BBEH/bbeh", split="train"),
        lambda row: (
            str(row["task"]).replace(" ", "_").removeprefix("bbeh_") == name and (not mini or bool(row["mini"]))
        ),
        f"task = {name}" + (", mini" if mini else ""),
    )


def _sample(row: Row) -> Sample:
    return Sample(row.id, f"{row.values['input']}\n\n{_FORM}", targets=(str(row.values["target"]),))


# ------------------------------------------------------------------------------- as evaluate.py reads and compares


def _read(text: str) -> str:
    """What the authors take for the answer: what follows the last of their prefixes, or all of a reply without one."""
    answer = text.strip()
    for prefix in _PREFIXES:
        if prefix in answer:
            answer = answer.split(prefix)[-1].strip()
    answer = _without_latex(answer.removesuffix(".")).lower().replace(", ", ",").replace("**", "")
    return answer.split("\n")[0].removesuffix(".")


def _without_latex(answer: str) -> str:
    if answer.startswith("$") and answer.endswith("$"):
        answer = answer[1:-1]
    for command in ("boxed{", "text{", "texttt{"):
        if command in answer and answer.endswith("}"):
            answer = answer[:-1].split(command)[1]
    return answer


def _equal(said: str, target: str) -> bool:
    wanted = target.strip().lower().replace(", ", ",")
    if said == wanted:
        return True
    if len(said) == 3 and said.startswith("(") and said.endswith(")"):
        return said[1] == wanted
    if len(wanted) == 3 and wanted.startswith("(") and wanted.endswith(")"):
        return wanted[1] == said
    return (
        _same_number(said, wanted)
        or said.replace("'", "") == wanted.replace("'", "")
        or f"[{wanted}]" == said
        or f"[{said}]" == wanted
        or (said.endswith("?") and said[:-1] == wanted)
    )


def _same_number(said: str, wanted: str) -> bool:
    try:
        return float(said) == float(wanted)
    except ValueError:
        return False
