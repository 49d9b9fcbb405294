"""MGSM: 250 problems of GSM8K in eleven languages.

Paper: https://arxiv.org/abs/2210.03057 (Shi et al., 2022). Data: juletxara/mgsm, CC-BY-SA-4.0 licence. One row:

    {"question": "Janets Enten legen 16 Eier pro Tag. Sie isst drei jeden Morgen zum Frühstück und …",
     "answer": null, "answer_number": 18, "equation_solution": null}

A few-shot example of the eight in the training split has "Frage: " in its question and its solution in `answer`.
Prompts, stops and patterns are lm-evaluation-harness's: `native_cot` asks for steps in the problem's own language,
`en_cot` in English, `direct` for the answer. The few-shot examples show the form that a strict match wants ("Die
Antwort lautet 18."). Without examples, the flexible match says more: it takes the last number, and is the headline.
`number` is what evalkit's own reader finds, digits of every script among them; the table counts the samples that it
scores differently from the flexible one. A row without an `answer` column is read like one whose `answer` is null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from evalkit.core import AskModel, Attempt, Method, Model, PromptFormat, Reply, Row, Sample, Scorer, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub
from evalkit.prompting.methods import generate
from evalkit.scoring.extraction import FLEXIBLE_NUMBER, matched
from evalkit.scoring.scorers.compared import compared
from evalkit.scoring.scorers.extracted import extracted, regex_match
from evalkit.scoring.scorers.read_answer import read_answer

META = {
    "name": "mgsm",
    "summary": "grade-school math word problems in eleven languages, direct or with chain of thought",
    "tags": ["math", "reasoning", "multilingual"],
    "variants": ["bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"],
}


@dataclass(frozen=True, slots=True)
class _Words:
    """What stands around a problem: before it, before the steps, before a bare answer, and around the number."""

    question: str
    steps: str
    direct: str
    before: str
    after: str = ""


_LANGUAGES = {
    "bn": _Words("প্রশ্ন:", "ধাপে ধাপে উত্তর:", "Answer:", "The answer is "),
    "de": _Words("Frage:", "Schritt-für-Schritt-Antwort:", "Antwort:", "Die Antwort lautet "),
    "en": _Words("Question:", "Step-by-Step Answer:", "Answer:", "The answer is "),
    "es": _Words("Pregunta:", "Respuesta paso a paso:", "Respuesta:", "La respuesta es "),
    "fr": _Words("Question :", "Réponse étape par étape :", "Réponse :", "La réponse est "),
    "ja": _Words("問題：", "ステップごとの答え:", "Answer:", "答えは", "です。"),
    "ru": _Words("Задача:", "Пошаговоерешение:", "Answer:", "Ответ — "),
    "sw": _Words("Swali:", "Jibu la Hatua kwa Hatua:", "Answer:", "Jibu ni "),
    "te": _Words("ప్రశ్న:", "దశలవారీగా సమాధానం:", "Answer:", "సమాధానం "),
    "th": _Words("โจทย์:", "คำตอบทีละขั้นตอน:", "Answer:", "คำตอบคือ "),
    "zh": _Words("问题：", "逐步解答:", "Answer:", "答案是 ", "。"),
}


def task(
    *, language: str = "", form: Literal["native_cot", "direct", "en_cot"] = "native_cot", max_tokens: int = 256
) -> Task:
    """MGSM in one language, or in all eleven, each as a group.

    Few-shot examples (0 unless asked for, 8 in the paper) are the language's training split; they follow `form`, too.
    """
    chosen = [language] if language else list(_LANGUAGES)
    if language and language not in _LANGUAGES:
        raise unknown("language of MGSM", language, list(_LANGUAGES))
    return Task(
        name="mgsm",
        data=tuple(_subset(code) for code in chosen),
        sample=lambda row: _sample(row, form),
        prompt=PromptFormat(answer=_answer, delimiter="" if form == "direct" else " "),
        method=_method(max_tokens),
        scorers=_scorers(form),
        primary_metric="flexible_extract",
    )


def _subset(code: str) -> Subset:
    return Subset(
        rows=hub("juletxara/mgsm", config=code, split="test"),
        examples=hub("juletxara/mgsm", config=code, split="train"),
        groups=(code,),
    )


@dataclass(frozen=True, slots=True)
class _AskInLanguage(AskModel):
    by_language: Mapping[str, Method]

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return await self.by_language[attempt.sample.data["language"]].ask(attempt, model)


def _method(max_tokens: int) -> Method:
    """Generation that stops at the word for "question" of the sample's own language."""
    ends = ("</s>", "<|im_end|>")
    by_language = {
        code: generate(max_tokens=max_tokens, stop=(words.question, *ends), gold=_gold)
        for code, words in _LANGUAGES.items()
    }
    first = next(iter(by_language.values()))

    return replace(
        first, ask=_AskInLanguage(by_language), settings={**first.settings, "stop": repr(("<question>", *ends))}
    )


def _scorers(form: str) -> tuple[Scorer, ...]:
    flexible = regex_match(
        pattern=FLEXIBLE_NUMBER, pick="last", name="flexible_extract", ignore_case=True, ignore_punctuation=True
    )
    own = compared(read_answer(first_of=("number",), name="number"), flexible)
    if form == "direct":
        return extracted("exact_match", _whole, ignore_case=True, ignore_punctuation=True), flexible, own
    read = _strict if form == "native_cot" else _strict_english
    return extracted("strict_match", read, ignore_case=True, ignore_punctuation=True), flexible, own


def _whole(sample: Sample, text: str) -> str | None:
    return text.strip() or None


def _strict(sample: Sample, text: str) -> str | None:
    return matched(_strict_pattern(sample.data["language"]), text)


def _strict_english(sample: Sample, text: str) -> str | None:
    return matched(_strict_pattern("en"), text)


@cache
def _strict_pattern(code: str) -> re.Pattern[str]:
    words = _LANGUAGES[code]
    return re.compile(words.before + r"(\-?[0-9\.\,]+)" + words.after)


def _sample(row: Row, form: str) -> Sample:
    # Rows are named after their config, which is the language.
    code = row.id.partition("/")[0]
    words, question = _LANGUAGES[code], row.values["question"]
    worked = row.values.get("answer")
    if worked is None:
        question = f"{words.question} {question}"
    cue = {"native_cot": words.steps, "direct": words.direct, "en_cot": _LANGUAGES["en"].steps}[form]
    number = str(row.values["answer_number"])
    # The solution of a few-shot example begins with the cue of the language and a blank.
    shown = number if worked is None or form == "direct" else worked[len(words.steps) + 1 :]
    return Sample(
        id=row.id, input=f"{question}\n{cue}", targets=(number,), data={"language": code, "form": form, "shown": shown}
    )


def _answer(sample: Sample) -> str:
    return str(sample.data["shown"])


def _gold(sample: Sample) -> str:
    if sample.data["form"] == "direct":
        return sample.targets[0]
    words = _LANGUAGES[sample.data["language"] if sample.data["form"] == "native_cot" else "en"]
    return f"{words.before}{sample.targets[0]}{words.after}"
