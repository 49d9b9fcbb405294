"""LAMBADA: the last word of a passage, which people guess from the whole passage and not from its last sentence.

Paper: https://arxiv.org/abs/1606.06031 (Paperno et al., 2016). Data: cimec/lambada, CC-BY-4.0, and the texts that
OpenAI made of it for GPT-2, EleutherAI/lambada_openai, MIT licence. One row:

    {"text": "In my palm is a clear stone, and inside it is a small ivory statuette. …"}

`openai` has case and punctuation as they were printed and is what most figures are of; `standard` is the paper's own
text, in lower case and with its tokens apart.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import prediction

META = {
    "name": "lambada",
    "summary": "the last word of a passage: whether it is predicted, and its perplexity",
    "tags": ["language-modelling", "completion", "english"],
    "variants": ["text=openai", "text=standard"],
}


def task(*, text: Literal["openai", "standard"] = "openai") -> Task:
    """LAMBADA's test passages. Few-shot examples (none unless asked for) come from other passages of the same set."""
    if text == "openai":
        subset = Subset(hub("EleutherAI/lambada_openai", config="default", split="test"))
    else:
        subset = Subset(hub("cimec/lambada", split="test"), examples=hub("cimec/lambada", split="validation"))
    return Task(
        name="lambada",
        data=(subset,),
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(prediction(),),
        primary_metric="acc",
    )


def _sample(row: Row) -> Sample:
    passage, _, word = row.values["text"].rpartition(" ")
    return Sample(row.id, passage, targets=(word,), choices=(word,), gold=(0,))
