"""The forms in which other programs write a model's texts: one function a form, each (row) to what is in it, or None.

Sources: OpenAI's and Anthropic's batch results, OpenAI's evals log, FastChat's model answers, AlpacaEval's outputs,
lm-evaluation-harness's samples, human-eval, and what people call their columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["IDS", "QUESTIONS", "Found", "found_in", "is_event", "texts_of"]

IDS = (
    *("id", "task_id", "question_id", "custom_id", "sample_id", "instance_id", "problem_id", "instruction_id"),
    *("doc_id", "qid", "uid", "key", "idx", "index"),
)
QUESTIONS = ("question", "instruction", "query", "problem", "input", "prompt", "text_prompt", "turns")
_TEXTS = (
    *("completion", "completions", "response", "responses", "output", "outputs", "answer", "answers"),
    *("generation", "generations", "generated_text", "prediction", "predictions", "predicted", "model_output"),
    *("model_answer", "filtered_resps", "resps", "sampled", "reply", "content", "text", "choices", "output_text"),
)
_MODELS = ("model", "generator", "model_id", "model_name")


@dataclass(frozen=True, slots=True)
class Found:
    """What a row says. `texts` is empty where it has none; `failure` then says why, if the row does."""

    texts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    model: str = ""
    failure: str = ""


def found_in(row: Mapping[str, Any]) -> Found:
    """The texts of a row, with whatever tells whose they are. A row without a text has empty `texts`."""
    special = _batch_result(row) or _event(row)
    if special is not None:
        return special
    texts: tuple[str, ...] = ()
    for name in _TEXTS:
        if row.get(name) is not None and (texts := texts_of(row[name])):
            break
    ids = tuple(str(row[name]) for name in IDS if isinstance(row.get(name), str | int))
    model = next((row[name] for name in _MODELS if isinstance(row.get(name), str)), "")
    return Found(texts, ids, _questions(row), model)


def is_event(row: Mapping[str, Any]) -> bool:
    """Whether a row is a line of an OpenAI evals log that holds no text: its specification, a match, its report."""
    if "spec" in row or "final_report" in row:
        return True
    return {"run_id", "event_id", "type", "data"} <= row.keys() and row["type"] != "sampling"


def texts_of(value: object) -> tuple[str, ...]:
    """The texts in a value: itself, a list's, a message's, those of choices. Empty where there is none."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        if value and all(isinstance(part, Mapping) and part.get("type") in ("text", "output_text") for part in value):
            return ("".join(str(part.get("text", "")) for part in value),)  # one message's content in parts
        found = [texts_of(one) for one in value]
        return tuple(text for texts in found for text in texts) if all(found) else ()
    return ()


def _of_mapping(value: Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(value.get("turns"), list):
        # FastChat: the turns of one conversation. A first turn alone is an answer to the question.
        return texts_of(value["turns"][:1])
    for name in ("message", "content", "text", "choices", "output", "generated_text"):
        if value.get(name) is not None and (texts := texts_of(value[name])):
            return texts
    return ()


def _batch_result(row: Mapping[str, Any]) -> Found | None:
    """A line of OpenAI's or Anthropic's batch results."""
    if "custom_id" not in row or not (isinstance(row.get("response"), Mapping) or "result" in row or row.get("error")):
        return None
    ids = (str(row["custom_id"]),)
    result = row.get("response") or row.get("result") or {}
    body = result.get("body", result) if isinstance(result, Mapping) else {}
    body = body.get("message", body) if isinstance(body, Mapping) and body.get("type") == "succeeded" else body
    texts = texts_of(body)
    model = str(body.get("model", "")) if isinstance(body, Mapping) else ""
    if texts:
        return Found(texts, ids, (), model)
    error = row.get("error") or (body.get("error") if isinstance(body, Mapping) else None) or result
    return Found((), ids, (), model, f"the batch has no text: {json.dumps(error, ensure_ascii=False)[:200]}")


def _event(row: Mapping[str, Any]) -> Found | None:
    """A "sampling" line of OpenAI evals: {"sample_id", "data": {"prompt", "sampled"}}."""
    if row.get("type") != "sampling" or not isinstance(row.get("data"), Mapping):
        return None
    data = row["data"]
    return Found(texts_of(data.get("sampled")), (str(row.get("sample_id", "")),), _questions(data))


def _questions(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Whatever may be the question, as text: of a conversation the last thing that the user said."""
    found = []
    for name in (*QUESTIONS, "messages"):
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            found.append(value)
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            said = [one for one in value if one.get("role", "user") == "user"]
            found += texts_of(said[-1].get("content")) if said else ()
        elif name == "turns" and isinstance(value, list) and value and isinstance(value[0], str):
            found.append(value[0])
    return tuple(found)
