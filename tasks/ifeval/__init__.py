"""IFEval: instructions whose following a program can verify, such as "at least 300 words" or "no commas".

Paper: https://arxiv.org/abs/2311.07911 (Zhou et al., 2023). Data: google/IFEval, CC-BY-4.0 licence. One row:

    {"key": 1000, "prompt": "Write a 300+ word summary of the wikipedia page … Do not use any commas and …",
     "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
     "kwargs": [{}, {"relation": "at least", "num_words": 300}]}

All 25 instruction types are checked as in lm-evaluation-harness 0.4.13, with three differences. Keys 1122 and 1129,
whose letters are "#" and "!", are counted instead of replaced at random. The language detector has a fixed seed.
Sentences end where NLTK's punkt model says only if that is installed (keys 1174, 1967 and 2035 are known to depend on
it); the signature says which splitter it was.

Five prompts contradict themselves, so that the best strict score is 536 of 541: keys 1627 and 3718 ask for a text with
commas to be repeated without commas, and 374, 3369 and 3371 for one that holds the words it forbids.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from evalkit.core import Attempt, PromptFormat, Reply, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers.instructions import instructions

from .following import follow

META = {
    "name": "ifeval",
    "summary": "541 prompts with verifiable instructions: strict and loose, by prompt and by instruction",
    "tags": ["instruction-following", "english"],
}


def task(*, sentences: Literal["auto", "punkt", "rules"] = "auto", max_tokens: int = 1280) -> Task:
    """IFEval's prompts, as they are. `sentences` picks the sentence splitter; `auto` is punkt where it is installed."""
    return Task(
        name="ifeval",
        data=(Subset(hub("google/IFEval", split="train")),),
        sample=_sample,
        prompt=PromptFormat(answer=_question),
        method=replace(generate(max_tokens=max_tokens, stop=()), gold=_gold),
        scorers=(instructions(sentences=sentences),),
        primary_metric="prompt_level_strict_acc",
    )


def _sample(row: Row) -> Sample:
    names, arguments = row.values["instruction_id_list"], row.values["kwargs"]
    # The hub's columns hold every argument of every type; those that do not belong to an instruction are null.
    used = [{key: value for key, value in found.items() if value} for found in arguments]
    return Sample(
        id=str(row.values["key"]),
        input=row.values["prompt"],
        data={"instructions": tuple(zip(names, used, strict=True))},
    )


def _question(sample: Sample) -> str:
    return str(sample.input)


def _gold(attempt: Attempt) -> tuple[Reply, ...]:
    """A reply that follows every instruction; none where a prompt asks to repeat words that it forbids."""
    reply = follow(attempt.sample.data["instructions"])
    return () if reply is None else (Reply(texts=(reply,), finish=("stop",)),)
