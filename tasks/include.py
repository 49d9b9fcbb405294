"""INCLUDE: examination questions in 44 languages from the places where these are spoken, not translated.

Paper: https://arxiv.org/abs/2411.19799 (Romanou et al., 2024). Data: CohereLabs/include-base-44, Apache-2.0 licence.
Columns of a row (among others):

    {"language": "German", "country": "Germany", "domain": "Driving License", "subject": "Driving License",
     "regional_feature": "region explicit", "level": "Professional", "question": "…",
     "option_a": "…", "option_b": "…", "option_c": "…", "option_d": "…", "answer": 1}

`choose` is lm-evaluation-harness's `include_base_44_<language>`, whose fourth option is on a line after an empty
one; `chat` is simple-evals' prompt. Regions and domains are groups.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Row, Sample, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub
from evalkit.prompting.chat import choice_task, four_options, of_four

META = {
    "name": "include",
    "summary": "examination questions in 44 languages, written where they are spoken",
    "tags": ["knowledge", "multiple-choice", "multilingual", "unverified"],
}

_LANGUAGES = """
    Albanian Arabic Armenian Azerbaijani Basque Belarusian Bengali Bulgarian Chinese Croatian Dutch Estonian Finnish
    French Georgian German Greek Hebrew Hindi Hungarian Indonesian Italian Japanese Kazakh Korean Lithuanian Malay
    Malayalam Nepali North_Macedonian Persian Polish Portuguese Russian Serbian Spanish Tagalog Tamil Telugu Turkish
    Ukrainian Urdu Uzbek Vietnamese
"""


def task(*, language: str = "", form: Literal["choose", "chat"] = "choose", max_tokens: int = 32768) -> Task:
    """All 44 languages, each a group, or the one that `language` names. `max_tokens` bounds a chat's reply.

    Few-shot examples, where any are asked for, are the language's validation split.
    """
    names = [name.replace("_", " ") for name in _LANGUAGES.split()]
    if language and language not in names:
        raise unknown("language of INCLUDE", language, names)
    hub_id = "CohereLabs/include-base-44"
    return choice_task(
        "include",
        tuple(
            Subset(
                hub(hub_id, config=name, split="test"),
                examples=hub(hub_id, config=name, split="validation"),
                groups=(name,),
            )
            for name in names
            if language in ("", name)
        ),
        lambda row: _sample(row, form),
        form=form,
        max_tokens=max_tokens,
    )


def _sample(row: Row, form: str) -> Sample:
    values = row.values
    options = [str(values[f"option_{letter}"]) for letter in "abcd"]
    question = str(values["question"])
    if form == "chat":
        text = four_options(question, options)
    else:
        first = "".join(f"{letter}. {option}\n" for letter, option in zip("ABC", options, strict=False))
        text = f"{question.strip()}\n{first} D. {options[3]}\nAnswer:"
    groups = tuple(str(values[key]) for key in ("regional_feature", "domain") if values.get(key))
    return of_four(row, text, options, int(values["answer"]), groups=groups)
