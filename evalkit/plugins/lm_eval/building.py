"""From a task's configuration to an evalkit task: data, prompt, method and scorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from evalkit.core import (
    Fewshot,
    FewshotOrder,
    Image,
    Message,
    Method,
    PromptFormat,
    Row,
    Sample,
    Source,
    Subset,
    Task,
    UsageError,
)
from evalkit.data import RowValues
from evalkit.plugins.lm_eval.choosing import by_choices_or_contexts, is_by_contexts
from evalkit.plugins.lm_eval.config import DEFAULT_TOKENS, Config
from evalkit.plugins.lm_eval.documents import Asked, asked, field, prefix_of
from evalkit.plugins.lm_eval.measures import gold_of
from evalkit.plugins.lm_eval.scorer import scorer_of
from evalkit.plugins.lm_eval.sources import Splits
from evalkit.plugins.lm_eval.turns import ExampleRow, answer_of, example_text, example_turn
from evalkit.prompting.methods import choose, generate, perplexity

__all__ = ["sample_of", "task_of"]

_SAMPLING = frozenset(("until", "do_sample", "temperature", "top_p", "max_gen_toks", "max_new_tokens", "max_tokens"))
_NO_MATTER = {"num_beams": (1,), "repetition_penalty": (1, 1.0), "top_k": (None,), "min_p": (0, 0.0, None)}


def task_of(name: str, config: Config, at: str, mark: str, given: Callable[[str], Source] | None = None) -> Task:
    """The task under that name. `mark` is the digest of all files that it is made of; `given` gives the rows of a split
    in place of the data set that the task names.

    Raises UsageError where the configuration names what there is none of.
    """
    splits = Splits(config, mark, given)
    scorer = scorer_of(config, at)
    shown = [metric.name for metric in scorer.metrics]
    return Task(
        name=name,
        data=(Subset(splits.asked(), splits.examples(), example=lambda row: _example(config, row)),),
        sample=lambda row: sample_of(config, row),
        prompt=_format(config),
        method=_method(config, at),
        scorers=(scorer,),
        fewshot=_fewshot(config, at),
        primary_metric=shown[0] if shown else "",
        version=1,
    )


def sample_of(config: Config, row: Row) -> Sample:
    """The row as a sample. Raises UsageError where it does not fit the task."""
    doc = row.values if type(row.values) is not RowValues else dict(row.values)
    found = asked(config, doc)
    choices, targets, gold = _answers(config, found)
    if config.output_type == "loglikelihood_rolling":
        text = targets[0]
    elif found.by_contexts:
        text = ""
        choices = tuple(choice + found.prefix for choice in choices)
    elif not isinstance(found.text, str):
        raise UsageError("the question is a number, but the task has no choices")
    else:
        text = found.text
    images = _images(config, doc)
    shown: str | tuple[Message, ...] = (Message.of("user", *images, text),) if images else text
    return Sample(row.id, shown, targets, choices, gold, data=doc)


def _answers(config: Config, found: Asked) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """(choices, targets, gold) of a row."""
    choices = tuple(found.choices or ())
    if config.output_type == "multiple_choice":
        if not choices:
            raise UsageError("a multiple choice needs choices", found="no doc_to_choice")
        gold = gold_of(found.text if found.by_contexts else found.target, choices)
        if found.by_contexts:
            return choices, (str(found.target),), gold
        return choices, tuple(choices[place] for place in gold), gold
    if config.output_type == "generate_until":
        target = found.target
        if choices and isinstance(target, int):
            return (), (answer_of(target, list(choices)),), ()
        return (), tuple(map(str, target if isinstance(target, list) else [target])), ()
    text = answer_of(found.target, list(choices) or None)
    return (
        ((text,) if config.output_type == "loglikelihood" else ()),
        (text,),
        (0,) * (config.output_type == "loglikelihood"),
    )


def _images(config: Config, doc: Mapping[str, Any]) -> tuple[Image, ...]:
    form = config.doc_to_image
    if form is None:
        return ()
    found: list[Any] = []
    for one in form if isinstance(form, list) else [form]:
        value = one(doc) if callable(one) else doc.get(one)
        found += value if isinstance(value, list) else [] if value is None else [value]
    return tuple(Image.of(one) for one in found)


def _format(config: Config) -> PromptFormat:
    form = PromptFormat(
        question=_question,
        description=lambda sample: _description(config, sample),
        delimiter=config.target_delimiter,
        example=lambda sample: example_text(config, sample),
    )
    if not config.gen_prefix and not config.fewshot.gen_prefix:
        return form
    return replace(form, gen_prefix=lambda sample: _prefix(config, sample))


def _prefix(config: Config, sample: Sample) -> str:
    """How the answer begins; among contexts that is a part of each of them."""
    if isinstance(sample.data, ExampleRow):
        return prefix_of(config.fewshot.gen_prefix, sample.data)
    if config.output_type == "loglikelihood_rolling" or is_by_contexts(sample):
        return ""
    return prefix_of(config.gen_prefix, sample.data)


def _question(sample: Sample) -> str:
    return sample.input if isinstance(sample.input, str) else ""


def _description(config: Config, sample: Sample) -> str:
    return "" if config.output_type == "loglikelihood_rolling" else field(config.description, sample.data)


def _example(config: Config, row: Row) -> Sample:
    """A row as a worked example: its own question and answer."""
    doc = ExampleRow(row.values)
    question, answer = example_turn(config, doc)
    return Sample(row.id, question, (answer,), data=doc)


def _fewshot(config: Config, at: str) -> Fewshot:
    """lm-eval's own stream of draws: one more is drawn where the examples' split has the name of the test split."""
    sampler = config.fewshot.sampler
    if sampler not in ("default", "first_n"):
        raise UsageError(
            "there is no such sampler of examples", found=repr(sampler)[:80], fix="default, first_n", at=at
        )
    if config.output_type == "loglikelihood_rolling":
        return Fewshot(0, fixed=True)
    spare = config.fewshot.split == config.test_split
    order: FewshotOrder = "first" if sampler == "first_n" else "lm-eval"
    fixed = config.raw.get("num_fewshot") == 0
    return Fewshot(config.num_fewshot, order, spare=spare, exact=not spare, fixed=fixed)


def _method(config: Config, at: str) -> Method:
    kind = config.output_type
    if kind == "loglikelihood_rolling":
        return perplexity()
    if kind == "loglikelihood":
        return choose(delimiter="")
    if kind == "multiple_choice":
        names = [entry.get("metric") for entry in config.metric_list or ()]
        mutual = "acc_mutual_info" in names
        return by_choices_or_contexts(config.target_delimiter, unconditional=mutual)
    return _generation(config, at)


def _generation(config: Config, at: str) -> Method:
    told = config.generation
    for name, value in told.items():
        if name not in _SAMPLING and value not in _NO_MATTER.get(name, ()):
            raise UsageError("no model here has this setting of generation_kwargs", found=f"{name}: {value}", at=at)
    most = next((told[name] for name in ("max_gen_toks", "max_new_tokens", "max_tokens") if told.get(name)), None)
    heat = float(told.get("temperature") or 0.0)
    sampled = bool(told.get("do_sample", heat > 0.0))
    heat = (heat or 1.0) if sampled else 0.0
    return generate(
        max_tokens=int(most or DEFAULT_TOKENS),
        stop=tuple(one for one in told["until"] if one),
        temperature=heat,
        top_p=float(told.get("top_p") or 1.0) if sampled else 1.0,
        n=config.repeats if sampled else 1,
    )
