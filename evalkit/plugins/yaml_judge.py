"""A rubric in a YAML file as a judge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalkit.core import Judge, UsageError
from evalkit.judging import Criterion, PromptText, rubric
from evalkit.plugins.yaml_schema import TEXT, TEXTS, TRUTH, Keys, Schema, every, mapping, said, whole
from evalkit.plugins.yaml_tree import Value, read_yaml

_LEVELS: Schema = {"type": "object", "patternProperties": {"^ *[+-]?[0-9]+ *$": TEXT}, "additionalProperties": False}
_CRITERION: Keys = {
    "question": said(TEXT, "what the judge is asked"),
    "weight": {"type": "number"},
    "levels": said(_LEVELS, "a whole number to what it means"),
}
_KEYS: Keys = {
    "name": said(TEXT, "the file's name by default"),
    "summary": TEXTS,
    "tags": TEXTS,
    "criteria": said(every(mapping(_CRITERION, ("levels",))), "a name to its question, weight and levels"),
    "prompt": said(TEXT, "the prompt, or a .txt file next to the rubric"),
    "reference": said(TRUTH, "whether the judge sees the right answer"),
    "max_tokens": whole(1),
    "version": whole(1),
}
SCHEMA = mapping(_KEYS, ("criteria",))


def yaml_judge(path: Path, options: Mapping[str, str]) -> Judge:
    """The rubric that a file describes. Raises UsageError, with the line, for what cannot be meant."""
    if options:
        raise UsageError(f"the judge {path.stem!r} has no options", found=", ".join(options), at=str(path))
    document = read_yaml(path)
    keys = document.mapping(_KEYS)
    if "criteria" not in keys:
        raise UsageError("a judge in YAML is a rubric and needs criteria", fix="criteria: {name: {…}}", at=f"{path}:1")
    criteria = tuple(_criterion(name, value) for name, value in keys["criteria"].mapping().items())
    try:
        return rubric(
            keys["name"].text() if "name" in keys else path.stem,
            criteria,
            prompt=_prompt(keys["prompt"]) if "prompt" in keys else None,
            reference=keys["reference"].truth() if "reference" in keys else False,
            max_tokens=keys["max_tokens"].integer(least=1) if "max_tokens" in keys else 2048,
            version=keys["version"].integer(least=1) if "version" in keys else 1,
        )
    except UsageError as error:
        raise UsageError(error.wrong, found=error.found, fix=error.fix, at=error.at or keys["criteria"].at) from None


def _criterion(name: str, value: Value) -> Criterion:
    parts = value.mapping(_CRITERION)
    if "levels" not in parts:
        raise value.wrong("a criterion needs levels", fix="levels: {1: what it means, 2: …}")
    levels = []
    for number, meaning in parts["levels"].mapping().items():
        try:
            levels.append((int(number), meaning.text()))
        except ValueError:
            raise meaning.wrong("a level is a whole number", found=repr(number), fix="levels: {1: …, 2: …}") from None
    question = parts["question"].text() if "question" in parts else ""
    try:
        return Criterion(name, question, tuple(levels), parts["weight"].number() if "weight" in parts else 1.0)
    except UsageError as error:
        raise UsageError(error.wrong, found=error.found, at=value.at) from None


def _prompt(value: Value) -> PromptText:
    """The prompt's text, or the file next to the rubric that holds it."""
    text = value.text()
    if "\n" in text or not text.endswith(".txt"):
        return PromptText(text, value.at)
    path = value.path.parent / text
    if not path.resolve().is_relative_to(value.path.parent.resolve()):
        # A judge from a stranger must not send a file of yours to a model.
        raise value.wrong("the prompt lies outside the judge's folder", found=text, fix="put it next to the judge")
    try:
        return PromptText(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise value.wrong("the prompt cannot be read", found=f"{path}: {error.strerror}") from None
