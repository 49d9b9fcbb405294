"""Global-MMLU-Lite: MMLU questions in fifteen languages and more, half of them bound to a culture.

Paper: https://arxiv.org/abs/2412.03304 (Singh et al., 2024). Data: CohereLabs/Global-MMLU-Lite, Apache-2.0 licence.
Columns of a row (among others):

    {"sample_id": "miscellaneous/test/5", "subject": "miscellaneous", "subject_category": "Other", "question": "…",
     "option_a": "…", "option_b": "…", "option_c": "…", "option_d": "…", "answer": "B", "cultural_sensitivity_label":
     "CS"}

`choose` is lm-evaluation-harness's `global_mmlu_<language>`; `chat` is simple-evals' prompt. Culturally sensitive (CS)
and agnostic (CA) questions are groups, since the paper compares the two.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Row, Sample, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub
from evalkit.prompting.chat import choice_task, four_options, lettered, of_four

META = {
    "name": "global_mmlu_lite",
    "summary": "MMLU in many languages, culturally sensitive and agnostic questions apart",
    "tags": ["knowledge", "multiple-choice", "multilingual", "unverified"],
    "variants": ["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "pt", "sw", "yo", "zh"],
}


def task(*, language: str = "", form: Literal["choose", "chat"] = "choose", max_tokens: int = 32768) -> Task:
    """All languages, each a group, or the one that `language` names. `max_tokens` bounds a chat's reply.

    Few-shot examples, where any are asked for, are the language's dev split.
    """
    names = [str(name) for name in META["variants"]]
    if language and language not in names:
        raise unknown("language of Global-MMLU-Lite", language, names)
    name = "CohereLabs/Global-MMLU-Lite"
    return choice_task(
        "global_mmlu_lite",
        tuple(
            Subset(hub(name, config=code, split="test"), examples=hub(name, config=code, split="dev"), groups=(code,))
            for code in names
            if language in ("", code)
        ),
        lambda row: _sample(row, form),
        form=form,
        max_tokens=max_tokens,
    )


def _sample(row: Row, form: str) -> Sample:
    values = row.values
    options = [str(values[f"option_{letter}"]) for letter in "abcd"]
    question = str(values["question"])
    text = lettered(question.strip(), options) if form == "choose" else four_options(question, options)
    groups = tuple(str(values[key]) for key in ("cultural_sensitivity_label", "subject_category") if values.get(key))
    return of_four(row, text, options, "ABCD".find(str(values["answer"]).strip() or "?"), groups=groups)
