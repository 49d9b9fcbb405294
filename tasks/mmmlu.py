"""MMMLU: MMLU's test questions in fourteen languages, translated by professionals.

Data: openai/MMMLU, MIT licence (https://github.com/openai/simple-evals, run_multilingual_mmlu.py, commit
ee3b0318d8d1d9d72755a4120879be65f7c07e9e); MMLU itself: https://arxiv.org/abs/2009.03300. A row has these columns:

    {"Question": "Was ist …", "A": "…", "B": "…", "C": "…", "D": "…", "Answer": "B", "Subject": "abstract_algebra"}

Prompt and the score `multilingual_answer` are simple-evals': the prompt is English, and the letter follows a word for
"answer" in one of many languages. The headline `letter` is evalkit's own reader, and the table counts the samples that
the two score differently.
"""

from __future__ import annotations

import re

from evalkit.core import Row, Sample, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub
from evalkit.prompting.chat import choice_task, four_options, of_four
from evalkit.scoring.scorers.extracted import extracted

META = {
    "name": "mmmlu",
    "summary": "MMLU in fourteen languages; the letter that is written after reasoning",
    "tags": ["knowledge", "multiple-choice", "multilingual", "chat", "unverified"],
    "variants": [
        "AR_XY",
        "BN_BD",
        "DE_DE",
        "ES_LA",
        "FR_FR",
        "HI_IN",
        "ID_ID",
        "IT_IT",
        "JA_JP",
        "KO_KR",
        "PT_BR",
        "SW_KE",
        "YO_NG",
        "ZH_CN",
    ],
}

# "Answer" in the languages of the set, in the order in which simple-evals looks for them; ":" takes blanks before it.
_WORDS = (
    *(
        "Answer:",
        "Answer:\u200b\u200b\u200b\u200b\u200b\u200b",
        "উত্তর:",
        "उत्तर:",
        "উত্তরঃ",
        "উত্তর:",
        "Antwort:",
        "답변:",
        "정답:",
    ),
    *(
        "답:",
        "答案：",
        "答案:",
        "答：",
        "答:",
        "答复：",
        "答曰：",
        "الإجابة!",
        "الجواب!",
        "إجابة!",
        "الإجابة النهائية!",
    ),
    *("الإجابة الصحيحة!", "الإجابة الصحيحة هي!", "الإجابة هي!", "الجواب النهائي!", "Respuesta:", "Risposta:", "答え:"),
    *(
        "答え：",
        "回答:",
        "回答：",
        "解答:",
        "Jawaban:",
        "Réponse:",
        "Resposta:",
        "Jibu:",
        "Idahun:",
        "Ìdáhùn:",
        "Idáhùn:",
    ),
    *("A\u0300m\u1ecd\u0300na\u0300:", "Àdáhùn:", "A\u0300nu\u0301go\u0323:", "Àṣàyàn:"),
)
_REMOVED = (
    *(
        "**",
        "$\\boxed{",
        "}$",
        "\\$",
        "$\\text{",
        "$",
        "\\mathrm{",
        "\\{",
        "\\text",
        "\\(",
        "\\mathbf{",
        "{",
        "\\boxed",
    ),
)
_LETTERS = {**dict(zip("أبجد", "ABCD", strict=True)), **dict(zip("অবডঢ", "ABCD", strict=True))}
_LETTERS |= dict(zip("ＡＢＣＤ", "ABCD", strict=True))


def task(*, language: str = "", max_tokens: int = 32768) -> Task:
    """All fourteen languages, each a group, or the one that `language` names (DE_DE). `max_tokens` bounds the reply."""
    names = [str(name) for name in META["variants"]]
    if language and language not in names:
        raise unknown("language of MMMLU", language, names)
    return choice_task(
        "mmmlu",
        tuple(
            Subset(hub("openai/MMMLU", config=name, split="test"), groups=(name,))
            for name in names
            if language in ("", name)
        ),
        _sample,
        form="chat",
        max_tokens=max_tokens,
        read=(extracted("multilingual_answer", _published, version=1),),
    )


def _sample(row: Row) -> Sample:
    values = row.values
    options = [str(values[letter]) for letter in "ABCD"]
    right = "ABCD".find(str(values["Answer"]).strip() or "?")
    return of_four(row, four_options(values["Question"], options), options, right, groups=(str(values["Subject"]),))


def _patterns() -> tuple[re.Pattern[str], ...]:
    letters = "[ \\t]*([A-D]|[أ-د]|[অ]|[ব]|[ড]|[ঢ]|[Ａ]|[Ｂ]|[Ｃ]|[Ｄ])"
    found = []
    for word in _WORDS:
        for mark in (":", "："):
            head, sep, tail = word.partition(mark)
            if sep:
                found.append(f"(?i){head}\\s*{mark}{tail}{letters}")
        if word.endswith("!"):
            found.append(f"(?i){word[:-1]}:{letters}")
        elif word.endswith("ঃ"):
            found.append(f"(?i){word}{letters}")
    return tuple(map(re.compile, found))


_PATTERNS = _patterns()


def _published(sample: Sample, text: str) -> str | None:
    """What simple-evals reads: the letter after the first of its words for "answer" that the reply has."""
    for mark in _REMOVED:
        text = text.replace(mark, "")
    found = next(filter(None, (pattern.search(text) for pattern in _PATTERNS)), None)
    return None if found is None else "".join(_LETTERS.get(mark, mark) for mark in found[1]).strip()
