"""WinoGrande: a sentence with a blank that one of two names or things fills, made so that word statistics don't help.

Paper: https://arxiv.org/abs/1907.10641 (Sakaguchi et al., 2020). Data: allenai/winogrande, CC-BY. One row:

    {"sentence": "Sarah was a much better surgeon than Maria so _ always got the easier cases.",
     "option1": "Sarah", "option2": "Maria", "answer": "2"}

Asked by partial evaluation (Trinh and Le, 2018, https://arxiv.org/abs/1806.02847): each option is put into the blank,
and the option counts that makes the rest of the sentence likelier.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import choose_contexts
from evalkit.scoring.scorers import context_accuracy

META = {
    "name": "winogrande",
    "summary": "which of two words fills the blank, by how likely it makes the rest of the sentence",
    "tags": ["commonsense", "coreference", "multiple-choice", "english"],
    "variants": ["size=xs", "size=s", "size=m", "size=l", "size=xl"],
}


def task(*, size: Literal["xs", "s", "m", "l", "xl"] = "xl") -> Task:
    """WinoGrande's validation split, which is the same for every size; few-shot examples come from training rows."""
    config = f"winogrande_{size}"
    return Task(
        name="winogrande",
        data=(
            Subset(
                rows=hub("allenai/winogrande", config=config, split="validation"),
                examples=hub("allenai/winogrande", config=config, split="train"),
            ),
        ),
        sample=_sample,
        # The option follows the text before the blank at once, in an example and in what is asked.
        prompt=PromptFormat(answer=_rest_with_option, delimiter=""),
        method=choose_contexts(),
        scorers=(context_accuracy(),),
        fewshot=Fewshot(spare=True),
        primary_metric="acc",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    before, _, rest = values["sentence"].partition("_")
    return Sample(
        id=row.id,
        input=before,
        targets=(rest.strip(),),
        choices=(values["option1"], values["option2"]),
        gold=(("1", "2").index(values["answer"]),),
    )


def _rest_with_option(sample: Sample) -> str:
    return f"{sample.choices[sample.gold[0]]} {sample.targets[0]}"
