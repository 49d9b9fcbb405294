"""A row by hand for data sets whose tasks' Python asks for what nobody could guess from it, with invented values.

The columns are those that the tasks' code and the data sets' descriptions name; no download has confirmed them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["row_of"]

Row = dict[str, Any]
_TEXTS = ["one", "two", "three", "four"]
_CHOICES = {"text": _TEXTS, "label": ["A", "B", "C", "D"]}


def row_of(path: str, config: str) -> Row | None:
    """A row of the data set in that configuration; None where its schema is not kept here. The data of tasks that are
    Python classes are `class/FOLDER`, with the task's name."""
    make = _SCHEMAS.get(f"{path}/{config}") or _SCHEMAS.get(path)
    return make(config) if make is not None else None


def _translation(config: str) -> Row:
    return {"translation": dict.fromkeys(config.split("-"), "A sentence.")}


def _agieval(config: str) -> Row:
    choices = ["(A)one", "(B)two", "(C)three", "(D)four"]
    return {"query": "Q: Which? Answer Choices: (A)one (B)two (C)three (D)four\nA:", "choices": choices, "gold": [1]}


def _mathematics(config: str) -> Row:
    return {"problem": "What is $1 + 1$?", "level": "Level 1", "type": "Algebra", "solution": "It is $\\boxed{2}$."}


def _mmlu_pro(config: str) -> Row:
    row = {"question_id": 1, "question": "Which?", "options": _TEXTS, "answer": "B", "answer_index": 1}
    return {**row, "cot_content": "", "category": "math", "src": "ori"}


def _openbookqa(config: str) -> Row:
    choices = [{"text": text, "label": letter} for text, letter in zip(_TEXTS, "ABCD", strict=True)]
    return {"id": "1", "question": {"stem": "Which?", "choices": choices}, "answerKey": "B"}


def _hellaswag_in_arabic(config: str) -> Row:
    return {"ind": 1, "activity_label": "a", "ctx": "A beginning", "endings": str(_TEXTS), "label": 1}


def _sentiment(config: str) -> Row:
    return {"idtwitter": "1", "subj": "1", "opos": "1", "oneg": "0", "iro": "0", "text": "A text"}


def _words_in_context(config: str) -> Row:
    places = {"start1": 2, "end1": 6, "start2": 4, "end2": 8}
    row = {"word": "bank", "lemma": "bank", "sentence1": "A bank of a river.", "sentence2": "The bank is closed."}
    return {**row, **places, "idx": 0, "label": 0}


def _linguistics(config: str) -> Row:
    part = {"questionpart_n": "a)", "question": "Translate.", "answer": "yes", "manual_edit": "No"}
    sheet = [{"question_n": "Q 1.1", "prompt": "Translate:", "subprompts": [part]}]
    return {"overall_question_n": 1, "preamble": "A language.", "context": "a = b", "questions": json.dumps(sheet)}


def _mathqa(config: str) -> Row:
    options = "a ) 1 , b ) 2 , c ) 3 , d ) 4 , e ) 5"
    return {"Problem": "How many?", "Rationale": "two", "options": options, "correct": "b", "category": "general"}


def _metabench_arc(config: str) -> Row:
    row: Row = {"question": "Which?", "choices": _CHOICES, "answerKey": "B", "alltwentyfiveshot_longprompt": ""}
    for shot in range(1, 26):
        own = {"question": "Which?", "answerKey": "B", "choices": _CHOICES, "idx": shot}
        row |= {f"arc_{name}_shot_{shot}": value for name, value in own.items()}
    return row


def _physics(config: str) -> Row:
    scores = {"A": 0, "B": 1, "C": 0, "D": 0, "E": 0}
    return {"input": "Which? (A) one (B) two", "target_scores": scores, "has_image": False}


def _exam(config: str) -> Row:
    options = {"answer_id": ["1", "2", "3", "4", "5"], "answer_str": [*_TEXTS, "five"]}
    row = {"topic_id": "1", "document_str": "A text.", "question_str": "Which?", "correct_answer_id": "2"}
    return {**row, "answer_options": options, "correct_answer_str": "two"}


def _race(config: str) -> Row:
    problem = {"question": "Which is  _  .", "answer": "B", "options": _TEXTS}
    return {"article": "A text.", "problems": str([problem, problem])}


def _record(config: str) -> Row:
    spans = {"text": ["Rome", "Oslo"], "start": [0, 9], "end": [4, 13]}
    row = {"passage": "Rome and Oslo", "query": "It is @placeholder", "entities": ["Rome", "Oslo"]}
    return {**row, "entity_spans": spans, "answers": ["Rome"], "idx": {"passage": 0, "query": 0}}


def _truthful(config: str) -> Row:
    row: Row = {"question": "Is it?", "best_answer": "No.", "correct_answers": ["No."], "incorrect_answers": ["Yes."]}
    one, several = (
        {"choices": ["No.", "Yes."], "labels": [1, 0]},
        {"choices": ["No.", "Yes.", "Both."], "labels": [1, 0, 0]},
    )
    return {**row, "mc1_targets": one, "mc2_targets": several, "lang": config}


def _squad(config: str) -> Row:
    answers = {"text": ["Rome"], "answer_start": [9]}
    return {"id": "1", "title": "Rome", "context": "It is in Rome.", "question": "Where?", "answers": answers}


def _completion(config: str) -> Row:
    return {"doc_id": "1", "file_name": "a.txt", "key": "place", "text": "It is in", "value": "Rome"}


def _scrolls(config: str) -> Row:
    text = "Which?\n\n (A) one (B) two (C) three (D) four\n\nA text."
    return {"id": "1", "pid": "1_0", "input": text, "outputs": ["Entailment" if "nli" in config else "one"]}


def _unitxt(config: str) -> Row:
    row: Row = {"source": "Which?", "target": "one", "references": ["one"], "metrics": ["metrics.accuracy"]}
    return {**row, "groups": [], "subset": [], "task_data": "{}", "data_classification_policy": ["public"]}


_SCHEMAS: Mapping[str, Callable[[str], Row]] = {
    "masakhane/mafand": _translation,
    **{f"hails/agieval-{name}": _agieval for name in ("aqua-rat", "logiqa-en", "sat-en", "sat-math")},
    **{f"hails/agieval-lsat-{name}": _agieval for name in ("ar", "lr", "rc")},
    "EleutherAI/hendrycks_math": _mathematics,
    "TIGER-Lab/MMLU-Pro": _mmlu_pro,
    "QCRI/AraDiCE-OpenBookQA": _openbookqa,
    "OALL/AlGhafa-Arabic-LLM-Benchmark-Translated/hellaswag_okapi_ar": _hellaswag_in_arabic,
    "arcee-globe/AlGhafa-Arabic-LLM-Benchmark-Translated-10percent/hellaswag_okapi_ar": _hellaswag_in_arabic,
    "evalitahf/sentiment_analysis": _sentiment,
    "evalitahf/word_in_context": _words_in_context,
    "ambean/lingOly": _linguistics,
    "regisss/math_qa": _mathqa,
    "HCAI/metabench/ARC": _metabench_arc,
    "shayekh/physics_gre": _physics,
    "community-datasets/qa4mre": _exam,
    "EleutherAI/race": _race,
    "aps/super_glue/record": _record,
    "aps/super_glue/wic": _words_in_context,
    "HiTZ/truthfulqa-multi": _truthful,
    "class/squadv2": _squad,
    **{f"class/{name}": _completion for name in ("fda", "swde", "squad_completion")},
    "class/scrolls": _scrolls,
    "class/unitxt": _unitxt,
}
