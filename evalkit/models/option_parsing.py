"""Options of models as text (`max_length=2048`), read into the annotated fields of a provider's class of options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Annotated, Any, TypeAlias, get_type_hints

from evalkit.core import UsageError
from evalkit.core.option_values import Form, Range, choices, convert, wanted
from evalkit.core.spec import nearest, unknown

__all__ = [
    "Count",
    "Device",
    "Reader",
    "Seconds",
    "Tokens",
    "check_files_allow",
    "read_options",
    "typed",
    "variant_name",
]

Reader = Callable[[str, str], object]
"""Takes an option's name and its text; returns the value or raises UsageError."""

Tokens: TypeAlias = Annotated[int, Range("a number of tokens, 1 or more", "2048", least=1)]
Count: TypeAlias = Annotated[int, Range("a whole number, 1 or more", "64", least=1)]
Seconds: TypeAlias = Annotated[float, Range("a number of seconds above 0", "600", least=0, above=True)]
Device: TypeAlias = Annotated[
    str,
    Form(
        "one of auto, cpu, mps, cuda, cuda:N",
        pattern=r"auto|cpu|mps|cuda(:[0-9]+)?",
        near=("auto", "cpu", "mps", "cuda"),
    ),
]


def read_options(
    texts: Mapping[str, str],
    options: type,
    readers: Mapping[str, Reader] | None = None,
    *,
    of: str,
    shown: Callable[[str], str] = str,
) -> dict[str, Any]:
    """The values of the options in `texts`, which are the fields of the dataclass `options` that its `__init__` takes.

    A field's annotation says what it may be, unless `readers` has a function of its name. `of` says whose options:
    "a local model"; `shown` makes of an unknown option what may be printed.

    Raises UsageError for an option that is not a field and for a value that can't be meant.
    """
    kinds = get_type_hints(options, include_extras=True)
    known = [field.name for field in fields(options) if field.metadata.get("option", True)]
    values: dict[str, Any] = {}
    for key, text in texts.items():
        if key not in known:
            raise unknown(f"option of {of}", key, known, found=shown(f"{key}={text}"), every=True)
        own = (readers or {}).get(key)
        values[key] = own(key, text) if own else typed(key, text, kinds[key])
    return values


def typed(key: str, text: str, kind: Any) -> Any:
    """The value of one option by its annotation. Raises UsageError with the nearest value that would do."""
    try:
        return convert(text, kind)
    except ValueError:
        words = choices(kind)
        fix = nearest(text, words) or (words[0] if words else "")
        raise UsageError(f"{key} is {wanted(kind)}", found=f"{key}={text}", fix=f"{key}={fix}") from None


def variant_name(
    title: str, options: object, plain: object, keys: Iterable[str], shown: Callable[[str, Any], str]
) -> str:
    """`title` with each of the options `keys` whose value is not that of `plain`, so that a table tells variants of a
    model apart. The order in which options were typed does not matter; `shown` writes a value."""
    said = [title]
    for key in keys:
        value = getattr(options, key)
        if value != getattr(plain, key):
            said.append(f"{key}={shown(key, value)}")
    return ",".join(said)


def check_files_allow(
    name: str, *, longest: int | None, max_length: int | None, template: str | None, chat: str, system: str, looked: str
) -> None:
    """Raise UsageError where options want more than a model's files give: a longer input, or a chat template.

    `longest`: tokens that the model reads, None where any number; `looked`: where a template was looked for.
    """
    if max_length and longest and max_length > longest:
        raise UsageError(
            f"{name} reads at most {longest} tokens",
            found=f"max_length={max_length}",
            fix=f"max_length={longest} or less",
        )
    if template is None and (chat == "on" or system):
        asked = "chat=on" if chat == "on" else "a system prompt"
        raise UsageError(
            f"{name} has no chat template, so {asked} is not available",
            found=looked,
            fix="leave it out, or take an instruction-tuned model",
        )
