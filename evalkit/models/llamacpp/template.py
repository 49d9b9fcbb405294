"""A chat template rendered as transformers renders it (5.23, utils/chat_template_utils.py), with jinja2 alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

__all__ = ["render"]

_TAG = "CONTINUE_FINAL_MESSAGE_TAG "
"""Marks where the last message ends, as transformers marks it: a template that trims it trims the blank, too."""


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
    continue_final_message: bool,
    names: Mapping[str, str],
) -> str:
    """The conversation as text; `names` are special tokens by the names that templates know ("bos_token").

    Raises whatever the template raises, and ValueError where the last message can't be continued.
    """
    chat = [dict(message) for message in messages]
    final = ""
    if continue_final_message:
        final = chat[-1]["content"]
        chat[-1]["content"] = final + _TAG
    from evalkit.core.sandboxed_templates import rendered

    given = {"messages": chat, "tools": tools, "documents": None, "add_generation_prompt": add_generation_prompt}
    text = rendered(_compiled(template), {**given, **names})
    if not continue_final_message:
        return text
    if final.strip() not in text or _TAG.strip() not in text:
        raise ValueError("the template leaves out a part of the last message, so it can't be continued")
    place = text.rindex(_TAG.strip())
    return text[:place] if text[place : place + len(_TAG)] == _TAG else text[:place].rstrip()


@lru_cache(8)
def _compiled(template: str) -> Any:
    import jinja2
    from jinja2.ext import Extension, loopcontrols

    from evalkit.core.sandboxed_templates import Limited

    class Generation(Extension):
        """The tags around what the assistant says; they only matter for training."""

        tags = {"generation"}  # noqa: RUF012 (jinja2's own way)

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body).set_lineno(line)

    def tojson(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def refuse(message: str) -> None:
        raise jinja2.exceptions.TemplateError(message)

    environment = Limited(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    environment.add_filter("tojson", tojson)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(template)
