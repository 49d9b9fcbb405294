"""Which tasks are compared: evalkit's name, lm-eval's own file, where their rows lie, and which scores must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

from peers.parity import made
from peers.real_rows import has

Make = Callable[[Random], dict[str, Any]]


@dataclass(frozen=True)
class Split:
    """One file of rows: `name` in lm-eval's task, `path` in the mirror, and how a row is made up where none is real.

    `real` is where a mirror of real data may have them under another name; without `make` there are only real ones.
    `asked` tells the rows that are asked from those that examples are drawn from, `keep` those that both can score.
    `columns` are those that a mirror may lack, with what they say then.
    """

    name: str
    path: str
    make: Make | None
    asked: bool = True
    real: str = ""
    keep: Callable[[dict[str, Any]], bool] = bool
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """A metric of evalkit, the score that it is the mean of, and lm-eval's name of it: "metric,filter"."""

    metric: str
    peer: str
    score: str = ""

    @property
    def of_rows(self) -> str:
        return self.score or self.metric


@dataclass(frozen=True)
class Case:
    """One task. `peer` is a file under lm-eval's tasks folder."""

    name: str
    spec: str
    peer: str
    splits: tuple[Split, ...]
    shots: tuple[int, ...]
    compared: tuple[Compared, ...]
    kind: Literal["choices", "rolling", "texts"] = "choices"
    order: Literal["lm-eval", "first"] = "lm-eval"
    most: int = 1000
    """Rows at most, where a row takes long."""

    def labels(self) -> dict[str, int]:
        """The label of each number of examples; lm-eval's generated task is called the same."""
        return {f"parity_{self.name.replace('/', '_')}_{k}": k for k in self.shots}

    def has_real(self, mirror: Path | None) -> bool:
        """Whether a mirror of real data has all of its splits."""
        return all(has(mirror, split.real or split.path) for split in self.splits)

    @property
    def can_be_made(self) -> bool:
        """Whether rows can be made up where none are real."""
        return all(split.make for split in self.splits)


ACC = Compared("acc", "acc,none")
BOTH = (ACC, Compared("acc_norm", "acc_norm,none"))
_SUBJECTS = {"anatomy": "anatomy", "logic": "formal_logic", "history": "high_school_european_history"}
"""Short questions, questions with signs, and questions about long texts."""


def _mmlu(name: str) -> Case:
    subject = _SUBJECTS[name]
    path = f"cais/mmlu/{subject}"
    splits = (
        Split("test", f"{path}/test", lambda rng: made.mmlu(rng, subject)),
        Split("dev", f"{path}/dev", lambda rng: made.mmlu(rng, subject), asked=False),
    )
    return Case(
        f"mmlu/{name}",
        f"mmlu,subject={subject}",
        f"mmlu/default/mmlu_{subject}.yaml",
        splits,
        (0, 5),
        (ACC,),
        order="first",
    )


def _asked_and_pool(asked: str, pool: str, path: str, make: Make | None, real: str = "") -> tuple[Split, Split]:
    return (
        Split(asked, f"{path}/{asked}", make, real=f"{real}/{asked}" if real else ""),
        Split(pool, f"{path}/{pool}", make, asked=False, real=f"{real}/{asked}" if real else ""),
    )


def _arc(name: str, config: str, shots: int) -> Case:
    splits = _asked_and_pool("test", "train", f"allenai/ai2_arc/{config}", made.arc)
    return Case(name, name, f"arc/{name}.yaml", splits, (0, shots), BOTH)


_TRUTHFUL = (
    Split("validation", "truthfulqa/truthful_qa/multiple_choice/validation", made.truthfulqa),
)  # no examples: the primer is part of the prompt
_STRICT = Compared("strict_match", "exact_match,strict-match")
_FLEXIBLE = Compared("flexible_extract", "exact_match,flexible-extract")


def _bbh(name: str) -> Case:
    path = f"lukaemon/bbh/{name}/test"
    return Case(
        f"bbh/{name.partition('_')[0]}",
        f"bbh,subset={name}",
        f"bbh/cot_zeroshot/{name}.yaml",
        (Split("test", path, None),),
        (0,),
        (_STRICT, _FLEXIBLE),
        kind="texts",
        most=12,
    )


def _mgsm(language: str) -> Case:
    path = f"juletxara/mgsm/{language}"
    return Case(
        f"mgsm/{language}",
        f"mgsm,language={language}",
        f"mgsm/native_cot/mgsm_native_cot_{language}.yaml",
        tuple(replace(s, columns={"answer": None}) for s in _asked_and_pool("test", "train", path, None, real=path)),
        (0,),
        (_STRICT, _FLEXIBLE),
        kind="texts",
        most=12,
    )


def _has_no_sentences(row: dict[str, Any]) -> bool:
    """lm-eval counts sentences with a model of NLTK that it downloads."""
    return "length_constraints:number_sentences" not in row["instruction_id_list"]


_MBPP = "google-research-datasets/mbpp/full"
_NQ = "google-research-datasets/nq_open/nq_open"
_LAMBADA = (ACC, Compared("perplexity", "perplexity,none", "loglikelihood"))

CASES = (
    *map(_mmlu, _SUBJECTS),
    _arc("arc_easy", "ARC-Easy", 5),
    _arc("arc_challenge", "ARC-Challenge", 25),
    Case(
        "hellaswag",
        "hellaswag",
        "hellaswag/hellaswag.yaml",
        _asked_and_pool("validation", "train", "Rowan/hellaswag/default", made.hellaswag),
        (0, 10),
        BOTH,
    ),
    Case(
        "winogrande",
        "winogrande",
        "winogrande/default.yaml",
        _asked_and_pool("validation", "train", "allenai/winogrande/winogrande_xl", made.winogrande),
        (0, 5),
        (ACC,),
    ),
    Case(
        "piqa",
        "piqa",
        "piqa/piqa.yaml",
        _asked_and_pool("validation", "train", "baber/piqa/default", made.piqa, real="ybisk/piqa/plain_text"),
        (0, 5),
        BOTH,
    ),
    Case(
        "boolq",
        "boolq",
        "super_glue/boolq/default.yaml",
        _asked_and_pool("validation", "train", "aps/super_glue/boolq", made.boolq),
        (0, 3),
        (ACC,),
    ),
    Case(
        "openbookqa",
        "openbookqa",
        "openbookqa/openbookqa.yaml",
        _asked_and_pool("test", "train", "allenai/openbookqa/main", made.openbookqa),
        (0, 5),
        BOTH,
    ),
    Case(
        "commonsense_qa",
        "commonsense_qa",
        "commonsense_qa/default.yaml",
        _asked_and_pool("validation", "train", "tau/commonsense_qa/default", made.commonsense_qa),
        (0, 5),
        (ACC,),
    ),
    Case(
        "race",
        "race",
        "race/race.yaml",
        (Split("test", "EleutherAI/race/high/test", made.race),),
        (0,),
        (ACC,),
    ),
    Case("truthfulqa_mc1", "truthfulqa_mc1", "truthfulqa/truthfulqa_mc1.yaml", _TRUTHFUL, (0,), (ACC,)),
    Case(
        "truthfulqa_mc2",
        "truthfulqa_mc2",
        "truthfulqa/truthfulqa_mc2.yaml",
        _TRUTHFUL,
        (0,),
        (Compared("mc2", "acc,none", "gold_probability"),),
    ),
    Case(
        "lambada_openai",
        "lambada",
        "lambada/lambada_openai.yaml",
        (Split("test", "EleutherAI/lambada_openai/default/test", made.lambada),),
        (0,),
        _LAMBADA,
    ),
    Case(
        "lambada_std",
        "lambada,text=standard",
        "lambada/lambada_standard.yaml",
        (
            Split("test", "cimec/lambada/default/test", made.lambada),
            Split("validation", "cimec/lambada/default/validation", made.lambada, asked=False),
        ),
        (0,),
        _LAMBADA,
    ),
    Case(
        "wikitext",
        "wikitext,config=wikitext-2-v1",
        "wikitext/wikitext.yaml",
        (Split("test", "Salesforce/wikitext/wikitext-2-v1/test", made.page),),
        (0,),
        tuple(Compared(name, f"{name},none") for name in ("word_perplexity", "byte_perplexity", "bits_per_byte")),
        kind="rolling",
        most=6,
    ),
    Case(
        "gsm8k",
        "gsm8k",
        "gsm8k/gsm8k.yaml",
        (
            Split("test", "openai/gsm8k/main/test", made.gsm8k),
            Split("train", "openai/gsm8k/main/train", made.gsm8k, asked=False),
        ),
        (0, 5),
        (_STRICT, _FLEXIBLE),
        kind="texts",
        most=12,
    ),
    *map(_mgsm, ("de", "zh")),
    *map(_bbh, ("boolean_expressions", "date_understanding")),
    Case(
        "nq_open",
        "nq_open",
        "nq_open/nq_open.yaml",
        _asked_and_pool("validation", "train", _NQ, None, real=_NQ),
        (0, 5),
        (Compared("exact_match", "exact_match,remove_whitespace"),),
        kind="texts",
        most=20,
    ),
    Case(
        "truthfulqa_gen",
        "truthfulqa_gen",
        "truthfulqa/truthfulqa_gen.yaml",
        (Split("validation", "truthfulqa/truthful_qa/generation/validation", None),),
        (0,),
        tuple(Compared(name, f"{name},none") for name in ("bleu_max", "bleu_acc", "rouge1_max", "rougeL_acc")),
        kind="texts",
        most=12,
    ),
    Case(
        "ifeval",
        "ifeval",
        "ifeval/ifeval.yaml",
        (Split("train", "google/IFEval/default/train", None, keep=_has_no_sentences),),
        (0,),
        tuple(Compared(f"{name}_acc", f"{name}_acc,none") for name in ("prompt_level_strict", "inst_level_loose")),
        kind="texts",
        most=4,
    ),
    Case(
        "humaneval",
        "humaneval,form=completion",
        "humaneval/humaneval.yaml",
        (Split("test", "openai/openai_humaneval/openai_humaneval/test", None),),
        (0,),
        (Compared("pass@1", "pass@1,create_test", "passed"),),
        kind="texts",
        most=4,
    ),
    Case(
        "mbpp",
        "mbpp,form=completion",
        "mbpp/mbpp.yaml",
        (Split("test", f"{_MBPP}/test", None), Split("prompt", f"{_MBPP}/prompt", None, asked=False)),
        (3,),
        (Compared("pass@1", "pass_at_1,none", "passed"),),
        kind="texts",
        order="first",
        most=8,
    ),
    Case(
        "triviaqa",
        "triviaqa",
        "triviaqa/default.yaml",
        _asked_and_pool("validation", "train", "mandarjoshi/trivia_qa/rc.nocontext", made.triviaqa),
        (0, 5),
        (Compared("exact_match", "exact_match,remove_whitespace"),),
        kind="texts",
        most=20,
    ),
)


def by_label() -> dict[str, tuple[Case, int]]:
    """Every case at every number of examples."""
    return {label: (case, k) for case in CASES for label, k in case.labels().items()}
