"""The Jinja templates of a YAML task: compiled once, sandboxed, and strict about what they cannot find."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jinja2
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from evalkit.core import UsageError
from evalkit.core.sandboxed_templates import Limited, evaluated, rendered
from evalkit.core.spec import nearest
from evalkit.plugins.yaml_tree import Value

_MARKUP = re.compile(r"\{[{%#]")
_ONE_EXPRESSION = re.compile(r"\s*\{\{-?((?:(?!\}\}|\{\{).)*?)-?\}\}\s*", re.DOTALL)
_ONE_COLUMN = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z_0-9]*)\s*\}\}")
_WORDS = frozenset(
    {"true", "false", "none", "True", "False", "None", "self", "super", "loop", "caller", "varargs", "kwargs"}
)
"""What means something to Jinja whatever the columns are."""
_LONGEST_RANGE = 100_000


class _NullError(TemplateError):
    """A template printed a null, which would be in the prompt as the word None."""


def _no_nulls(value: object) -> object:
    if value is None:
        raise _NullError("it prints a null")
    return value


class _AbsentError(UndefinedError):
    """A template used what is not there; `name` is what it asked for, `of` of what: the type's name, "" for a row."""

    def __init__(self, message: str | None = None, *, name: object = None, of: str = "") -> None:
        super().__init__(message)
        self.name, self.of = name, of


class _Absent(StrictUndefined):
    """Jinja's strict stand-in for what is not there, whose error says what was asked for apart from Jinja's words."""

    def __init__(self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = UndefinedError):
        if exc is UndefinedError:
            exc = partial(_AbsentError, name=name, of="" if obj is missing else type(obj).__name__)
        super().__init__(hint, obj, name, exc)


def _short_range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > _LONGEST_RANGE:
        raise UsageError("the range is too long", found=f"{len(numbers):,} numbers", fix=f"at most {_LONGEST_RANGE:,}")
    return numbers


_ENVIRONMENT = Limited(undefined=_Absent, finalize=_no_nulls, keep_trailing_newline=True, autoescape=False)
_ENVIRONMENT.globals["range"] = _short_range


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template can name: a row's columns, the row itself as `row`, and later the `sample` made of it."""

    columns: Mapping[str, Any]
    origin: str
    sample: object = None

    def names(self) -> dict[str, Any]:
        named = {} if self.sample is None else {"sample": self.sample}
        # A column is never hidden by a name of ours.
        return {"row": self.columns, **named, **self.columns}


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. `value` gives what a lone `{{ expression }}` is (a list, a number), else the text."""

    source: Value
    render: Callable[[Scope], Any]
    evaluate: Callable[[Scope], Any]

    def text(self, scope: Scope) -> str:
        """Raises UsageError, with the template's line and the row's origin, where it cannot be rendered."""
        return str(self._guarded(self.render, scope))

    def value(self, scope: Scope) -> Any:
        """Raises UsageError as `text` does."""
        return self._guarded(self.evaluate, scope)

    def _guarded(self, call: Callable[[Scope], Any], scope: Scope) -> Any:
        try:
            found = call(scope)
            if isinstance(found, StrictUndefined):
                str(found)  # raises, naming what is missing
        except _AbsentError as error:
            raise _absent(self.source, scope, error) from None
        except UsageError as error:
            raise self.source.wrong(error.wrong, found=f"{error.found} at {scope.origin}", fix=error.fix) from None
        except SecurityError as error:
            raise self.source.wrong(
                "the template uses something that templates may not use", found=str(error)
            ) from None
        # A filter or an operator may raise anything on a row it was not written for.
        except Exception as error:  # noqa: BLE001
            shown = str(error) or type(error).__name__
            raise self.source.wrong("the template cannot be rendered", found=f"{shown} (at {scope.origin})") from None
        return found


def compiled(source: Value) -> Template:
    """Compile a text of a task file. Raises UsageError with the file and line of a mistake."""
    text = source.text()
    try:
        template = _ENVIRONMENT.from_string(text)
        lone = _ONE_EXPRESSION.fullmatch(text)
        if lone is None:
            return Template(source, _rendered(template), _rendered(template))
        expression = _ENVIRONMENT.compile_expression(lone[1].strip(), undefined_to_none=False)
    except TemplateSyntaxError as error:
        # Only a literal block keeps its lines; a folded or quoted text is reported where it begins.
        offset = error.lineno - 1 if getattr(source.node, "style", None) == "|" else 0
        at = f"{source.path}:{source.text_line + offset}"
        raise UsageError(f"{source.key}: the template is malformed", found=error.message or "", at=at) from None
    render = _rendered(template)

    def evaluate(scope: Scope) -> Any:
        return evaluated(expression, scope.names())

    column = _ONE_COLUMN.fullmatch(text)
    if column is not None and column[1] not in _WORDS:
        return Template(source, _shown(column[1], render), _shown(column[1], evaluate))
    return Template(source, render, evaluate)


def _shown(name: str, render: Callable[[Scope], Any]) -> Callable[[Scope], Any]:
    """A lone column that is a text is shown as it is; anything else is Jinja's to render or evaluate."""

    def show(scope: Scope) -> Any:
        value = scope.columns.get(name)
        return value if type(value) is str else render(scope)

    return show


def _rendered(template: jinja2.Template) -> Callable[[Scope], str]:
    return lambda scope: rendered(template, scope.names())


def column_or_template(source: Value) -> Template:
    """A text with markup is a template; one without is the name of a column."""
    name = source.text()
    if _MARKUP.search(name):
        return compiled(source)

    def look_up(scope: Scope) -> Any:
        if name not in scope.columns:
            raise _AbsentError(name=name)
        return scope.columns[name]

    return Template(source, lambda scope: _no_nulls(look_up(scope)), look_up)


def with_markup(source: Value) -> Template:
    """A template that shows something of the row. A bare name is most likely a column whose braces were forgotten."""
    text = source.text()
    if not _MARKUP.search(text):
        fix = f'{source.key}: "{{{{ {text.strip() if text.strip().isidentifier() else "column"} }}}}"'
        raise source.wrong("the template shows no column", found=repr(text[:60]), fix=fix)
    return compiled(source)


def _absent(source: Value, scope: Scope, error: _AbsentError) -> UsageError:
    name, columns = error.name, list(scope.columns)
    if name is None:
        return source.wrong("the template cannot be rendered", found=f"{error.message} (at {scope.origin})")
    if error.of:
        return source.wrong(f"there is no {name!r} in a value of type {error.of}", found=f"the row at {scope.origin}")
    close = nearest(str(name), columns)
    return source.wrong(
        f"column {name!r} does not exist",
        found=f"the columns {', '.join(columns) or '(none)'} at {scope.origin}",
        fix=f"did you mean {close!r}?" if close else "name one of the columns",
    )
