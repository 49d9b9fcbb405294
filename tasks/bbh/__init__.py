"""BIG-Bench Hard: 27 tasks of BIG-bench that models were below people at, with chain of thought.

Paper: https://arxiv.org/abs/2210.09261 (Suzgun et al., 2022). Data: SaylorTwift/bbh or lukaemon/bbh, MIT licence. One
row:

    {"input": "not ( True ) and ( True ) is", "target": "False"}

Without the paper's prompts the form is lm-evaluation-harness's bbh_cot_zeroshot; with them (`prompts` is the folder of
`boolean_expressions.txt` and so on, from the authors' repository) it is its bbh_cot_fewshot. `strict_match` wants "the
answer is …." and `flexible_extract` takes the last thing that could be an answer. With the prompts the headline is
`answer_is`, which reads as the paper's outputs are scored: `strict_match` cuts the last letter of an answer without a
full stop, and the table counts the samples that differ; without them it is `flexible_extract`. The paper's average is
over 23 tasks: logical deduction and tracking, which have three sizes each, count once. On purpose different: three
rows, whose options the data set tore apart at their commas, have a text as their target, which `flexible_extract` reads
as `strict_match`.
"""

from __future__ import annotations

from pathlib import Path

from evalkit.core import Metric, PromptFormat, Row, Sample, Scorer, Subset, Task, UsageError
from evalkit.core.spec import unknown
from evalkit.data import either, hub
from evalkit.prompting.methods import generate
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.strata import macro_mean
from evalkit.scoring.scorers.compared import compared
from evalkit.scoring.scorers.extracted import extracted

from .descriptions import DESCRIPTIONS
from .reading import as_the_paper, flexible, strict, strict_after_examples

META = {
    "name": "bbh",
    "summary": "27 hard tasks of BIG-bench with chain of thought, and the average over 23",
    "tags": ["reasoning", "english"],
    "variants": [
        "boolean_expressions",
        "causal_judgement",
        "date_understanding",
        "disambiguation_qa",
        "dyck_languages",
        "formal_fallacies",
        "geometric_shapes",
        "hyperbaton",
        "logical_deduction_five_objects",
        "logical_deduction_seven_objects",
        "logical_deduction_three_objects",
        "movie_recommendation",
        "multistep_arithmetic_two",
        "navigate",
        "object_counting",
        "penguins_in_a_table",
        "reasoning_about_colored_objects",
        "ruin_names",
        "salient_translation_error_detection",
        "snarks",
        "sports_understanding",
        "temporal_sequences",
        "tracking_shuffled_objects_five_objects",
        "tracking_shuffled_objects_seven_objects",
        "tracking_shuffled_objects_three_objects",
        "web_of_lies",
        "word_sorting",
    ],
}

_IGNORED = (r"\.$", ",", r"\\", "\n", '"')
_CUE = "A: Let's think step by step."
_SEPARATOR = "-----\n"
_SIZES = ("_three_objects", "_five_objects", "_seven_objects")


def task(*, subset: str = "", prompts: str = "", max_tokens: int | None = None) -> Task:
    """All 27 tasks, or the one that `subset` names.

    `prompts` is the folder with the paper's few-shot examples (three a task), shown before every question. `max_tokens`
    is 1024 with them and 256 without, unless given.
    """
    names = [str(name) for name in META["variants"]]
    if subset and subset not in names:
        raise unknown("task of BBH", subset, names)
    chosen = [subset] if subset else names
    shown = {name: _worked(Path(prompts), name) for name in chosen} if prompts else {}
    if prompts:
        method = generate(max_tokens=max_tokens or 1024, stop=("</s>", "Q", "\n\n"), gold=_gold)
        strict_match = extracted("strict_match", strict_after_examples)
        scorers: tuple[Scorer, ...] = (
            strict_match,
            _flexible(),
            compared(extracted("answer_is", as_the_paper), strict_match),
        )
    else:
        method = generate(max_tokens=max_tokens or 256, stop=("</s>", "Q:", "<|im_end|>"), gold=_gold)
        scorers = (extracted("strict_match", strict, ignore=_IGNORED, ignore_case=True), _flexible())
    return Task(
        name="bbh",
        data=tuple(_subset(name) for name in chosen),
        sample=_sample,
        prompt=PromptFormat(
            question=_after_examples if prompts else _zero_shot,
            answer=_gold,
            description=lambda sample: shown.get(sample.data["task"], "") if prompts else _described(sample),
        ),
        method=method,
        scorers=scorers,
        metrics=_metrics(chosen, [name for scorer in scorers for name in scorer.scores]),
        primary_metric="answer_is" if prompts else "flexible_extract",
    )


def _subset(name: str) -> Subset:
    source = either(hub("SaylorTwift/bbh", config=name, split="test"), hub("lukaemon/bbh", config=name, split="test"))
    return Subset(source, groups=(_family(name), name) if _family(name) != name else (name,))


def _family(name: str) -> str:
    """The task without its size: logical deduction and tracking have three each."""
    return next((name.removesuffix(end) for end in _SIZES if name.endswith(end)), name)


def _metrics(chosen: list[str], scores: list[str]) -> tuple[Metric, ...]:
    found = tuple(mean(score) for score in scores)
    if len(chosen) == 1:
        return found
    families = [_family(name) for name in chosen]
    weights = {name: 1 / families.count(_family(name)) for name in chosen}
    return (*found, *(macro_mean(score, weights, name=f"{score}_23") for score in scores))


def _flexible() -> Scorer:
    return extracted("flexible_extract", flexible, ignore=_IGNORED, ignore_case=True)


def _sample(row: Row) -> Sample:
    # Rows are named after their config, which is the task.
    name = row.id.partition("/")[0]
    asked = row.values["input"]
    return Sample(row.id, asked, targets=(row.values["target"],), data={"task": name, "input": asked})


def _worked(folder: Path, name: str) -> str:
    """The prompt of a task: description and few-shot examples, without the notice that stands before them."""
    path = folder / f"{name}.txt"
    if not path.is_file():
        raise UsageError(
            f"there is no chain-of-thought prompt for {name}",
            found=str(path),
            fix="prompts=<folder with the .txt files of github.com/suzgunmirac/BIG-Bench-Hard, cot-prompts>",
        )
    text = path.read_text(encoding="utf-8")
    return text.partition(_SEPARATOR)[2].strip("\n") + "\n\n" if _SEPARATOR in text else text.strip("\n") + "\n\n"


def _described(sample: Sample) -> str:
    return DESCRIPTIONS[sample.data["task"]] + "\n\n"


def _zero_shot(sample: Sample) -> str:
    return f"Q: {sample.input}\n{_CUE}"


def _after_examples(sample: Sample) -> str:
    return f"Q: {sample.input}\n{_CUE}\n"


def _gold(sample: Sample) -> str:
    return f"So the answer is {sample.targets[0]}."
