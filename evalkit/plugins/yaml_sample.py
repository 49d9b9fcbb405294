"""How a row of a YAML task becomes a sample: its prompt, targets, choices and gold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from evalkit.core import Image, Message, PromptFormat, Row, Sample, UsageError
from evalkit.core.parts import no_text
from evalkit.plugins.templates import Scope, Template, column_or_template, compiled, with_markup
from evalkit.plugins.yaml_schema import TEXT, Keys
from evalkit.plugins.yaml_tree import Value

GoldForm = Literal["any", "index", "labels"]
"""What a gold value is: an index, letter or text; an index from 0 and nothing else; or a 0 or 1 for each choice."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


GOLD_KEYS: Keys = {"index": TEXT, "labels": TEXT}


@dataclass(frozen=True, slots=True)
class Shape:
    """The templates of a task file that look at a row."""

    prompt: Template
    answer: Template | None
    choices: tuple[Template, ...]
    gold: Template | None
    gold_form: GoldForm
    id: Template | None
    cluster: Template | None
    groups: tuple[Template, ...]
    image: Template | None = None

    def sample(self, row: Row) -> Sample:
        """Raises UsageError, with the task file's line and the row's origin, where the row does not fit."""
        scope = Scope(row.values, row.origin)
        choices = self._choices(scope)
        gold = self._gold(choices, scope)
        targets = tuple(choices[index] for index in gold)
        if self.answer is not None and (self.gold is not None or not self.choices):
            targets = _texts(self.answer, scope)
        sample = partial(
            Sample,
            id=self.id.text(scope) if self.id else row.id,
            targets=targets,
            choices=choices,
            gold=gold,
            cluster=self.cluster.text(scope) if self.cluster else "",
            groups=tuple(group.text(scope) for group in self.groups),
            data=row.values,
        )
        # A template that never names the sample is spared one.
        named = "sample" in self.prompt.source.text()
        text = self.prompt.text(replace(scope, sample=sample(input="")) if named else scope)
        shown = self._images(scope)
        return sample(input=(Message.of("user", *shown, text),) if shown else text)

    def _images(self, scope: Scope) -> tuple[Image, ...]:
        """The row's image, or its list of them, which come ahead of the prompt."""
        if self.image is None:
            return ()
        value = self.image.value(scope)
        folder = self.image.source.path.resolve().parent
        try:
            return tuple(Image.of(one, folder) for one in (value if isinstance(value, list | tuple) else [value]))
        except UsageError as error:
            found = f"{error.found} at {scope.origin}".strip()
            raise self.image.source.wrong(error.wrong, found=found, fix=error.fix) from None

    def _choices(self, scope: Scope) -> tuple[str, ...]:
        if not self.choices:
            return ()
        if len(self.choices) > 1:
            choices = tuple(choice.text(scope) for choice in self.choices)
        else:
            choices = _texts(self.choices[0], scope)
        if len(choices) < 2:
            raise self.choices[0].source.wrong(
                "a sample needs at least two choices", found=f"{choices!r:.80} at {scope.origin}"
            )
        return choices

    def _gold(self, choices: tuple[str, ...], scope: Scope) -> tuple[int, ...]:
        template = self.gold or self.answer
        if not choices or template is None:
            return ()
        value = template.value(scope)
        values = value if isinstance(value, list | tuple) else [value]
        if not values:
            raise template.source.wrong("a sample needs a right choice", found=f"an empty list at {scope.origin}")
        form = self.gold_form if template is self.gold else "any"
        try:
            if form == "labels":
                return _labelled(values, choices)
            read = _indexed if form == "index" else right_choice
            return tuple(read(one, choices) for one in values)
        except UsageError as error:
            found = f"{error.found} at {scope.origin}"
            raise template.source.wrong(error.wrong, found=found, fix=error.fix) from None


def right_choice(value: object, choices: tuple[str, ...]) -> int:
    """The index of the choice that a gold value means: its text, its index from 0, or its letter.

    A text that is a choice is that choice. Raises UsageError where nothing or more than one thing fits.
    """
    found = f"{value!r:.60} for the choices {list(choices)!r:.120}"
    text = str(value)
    if isinstance(value, str) and choices.count(text) > 1:
        raise UsageError("the gold text is several of the choices", found=found, fix="give the index instead")
    if isinstance(value, str) and text in choices:
        return choices.index(text)
    is_index = isinstance(value, int) and not isinstance(value, bool)
    if is_index and text in choices and choices.index(text) != int(text):
        fix = "as a text: {{ column | string }}; as an index: {{ choices.index(column) }}"
        raise UsageError("the gold number could be an index or a choice's text", found=found, fix=fix)
    if (is_index or text.strip().isdecimal()) and int(text) in range(len(choices)):
        return int(text)
    letter = text.strip()
    if len(letter) == 1 and letter in LETTERS[: len(choices)]:
        return LETTERS.index(letter)
    fix = f"an index from 0 to {len(choices) - 1}, a letter from A, or the text of a choice"
    raise UsageError("the gold is none of the choices", found=found, fix=fix)


def _indexed(value: object, choices: tuple[str, ...]) -> int:
    """The index that a gold value is, whatever the choices say. Raises UsageError where it is none of theirs."""
    if isinstance(value, int) and not isinstance(value, bool) and value in range(len(choices)):
        return value
    raise UsageError("the gold is not an index of a choice", found=f"{value!r:.60}", fix=f"0 to {len(choices) - 1}")


def _labelled(values: Sequence[object], choices: tuple[str, ...]) -> tuple[int, ...]:
    """The places of the ones among labels of 0 and 1. Raises UsageError where they don't fit the choices."""
    right = tuple(place for place, value in enumerate(values) if value == 1)
    if len(values) != len(choices) or not right or any(value not in (0, 1) for value in values):
        fix = f"{len(choices)} labels of 0 and 1, a 1 for each right choice"
        raise UsageError("the labels do not say which choices are right", found=f"{values!r:.60}", fix=fix)
    return right


def _texts(template: Template, scope: Scope) -> tuple[str, ...]:
    """A value as texts: those of a list, or the one there is."""
    value = template.value(scope)
    if not isinstance(value, str | int | float | Mapping) and value is not None:
        try:
            value = list(value)
        except TypeError:
            value = [value]
    values = value if isinstance(value, list) else [value]
    for one in values:
        if one is None or isinstance(one, list | Mapping):
            raise template.source.wrong(
                "the value must be a text or a list of texts", found=f"{value!r:.80} at {scope.origin}"
            )
    return tuple(str(one) for one in values)


def shape_of(keys: Mapping[str, Value]) -> Shape:
    """The templates under the keys of a task file, compiled. Raises UsageError with the line of a mistake."""
    gold, form = _gold(keys)
    for key in ("fewshot", "examples", "description"):
        if "image" in keys and key in keys:
            raise keys[key].wrong("a task that shows images is asked as one turn", fix=f"leave {key} out")
    return Shape(
        # Next to an image, every sample may be asked the same.
        prompt=(compiled if "image" in keys else with_markup)(keys["prompt"]),
        answer=_optional(keys, "answer"),
        choices=_choice_templates(keys["choices"]) if "choices" in keys else (),
        gold=gold,
        gold_form=form,
        id=_optional(keys, "id"),
        cluster=_optional(keys, "cluster"),
        groups=tuple(column_or_template(item) for item in keys["groups"].items()) if "groups" in keys else (),
        image=_optional(keys, "image"),
    )


def _gold(keys: Mapping[str, Value]) -> tuple[Template | None, GoldForm]:
    if "gold" not in keys or not keys["gold"].is_mapping():
        return _optional(keys, "gold"), "any"
    told = keys["gold"].mapping(GOLD_KEYS)
    if len(told) != 1:
        raise keys["gold"].wrong("write index or labels", fix="{index: <column or template>}")
    return (_optional(told, "index"), "index") if "index" in told else (_optional(told, "labels"), "labels")


def _optional(keys: Mapping[str, Value], key: str) -> Template | None:
    return column_or_template(keys[key]) if key in keys else None


def _choice_templates(value: Value) -> tuple[Template, ...]:
    """One column or template that gives a list, or a template for each choice (where a plain text is the choice)."""
    if not value.is_list():
        return (column_or_template(value),)
    templates = tuple(compiled(item) for item in value.items())
    if len(templates) < 2:
        raise value.wrong("a list of choices needs two or more", fix="or the name of a column that holds a list")
    return templates


def in_contexts(prompt: PromptFormat) -> PromptFormat:
    """The form where choices are in the context: a few-shot example has its right one behind the question at once."""

    def answer(sample: Sample) -> str:
        return f"{sample.choices[sample.gold[0]]}{prompt.delimiter}{sample.targets[0]}"

    return replace(prompt, answer=answer, delimiter="")


def prompt_of(keys: Mapping[str, Value]) -> PromptFormat:
    """The prompt's form. The question was rendered with the sample, so here it is only taken up."""
    text = keys["prompt"].text().removesuffix("\n")
    if "delimiter" not in keys and text.endswith((" ", "\t")):
        raise keys["prompt"].wrong(
            "the prompt ends in a blank, and the delimiter puts another one between prompt and answer",
            found=repr(text[-20:]),
            fix='remove the blank; or keep it, with delimiter: ""',
        )
    return PromptFormat(
        description=_of_sample(keys, "description"),
        delimiter=keys["delimiter"].text() if "delimiter" in keys else " ",
        separator=keys["separator"].text() if "separator" in keys else "\n\n",
        answer_format=_of_sample(keys, "answer_format"),
        gen_prefix=_of_sample(keys, "gen_prefix"),
    )


def _of_sample(keys: Mapping[str, Value], key: str) -> Callable[[Sample], str]:
    """A key's template as a function of the sample; one that gives nothing where the file has no such key."""
    if key not in keys:
        return no_text
    template = compiled(keys[key])
    return lambda sample: template.text(Scope(sample.data, f"sample {sample.id}", sample))
