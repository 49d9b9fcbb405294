"""A judge's prompt: a text file next to the judge, rendered by name with nothing left unfilled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.core import UsageError, digest_of


class PromptText:
    """A Jinja template in a file, read once. `digest` tells its content."""

    def __init__(self, text: str, path: str = "a prompt") -> None:
        import jinja2

        self.text = text
        self.digest = digest_of(text)
        self._path = path
        from evalkit.core.sandboxed_templates import Limited

        # A judge in YAML may come from a stranger; its prompt is data.
        environment = Limited(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        try:
            self._template = environment.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            found, at = error.message or "", f"{path}:{error.lineno}"
            raise UsageError("the judge's prompt cannot be read", found=found, at=at) from None

    @staticmethod
    def beside(file: str | Path, name: str = "") -> PromptText:
        """The prompt next to a judge's Python file: `name`, or the file's own name, with the ending .txt."""
        path = Path(file).with_suffix(".txt") if not name else Path(file).with_name(name + ".txt")
        try:
            return PromptText(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise UsageError(f"the judge's prompt {path} cannot be read", found=error.strerror or "") from None

    def render(self, values: Mapping[str, Any]) -> str:
        """The prompt with its values; UsageError for a name that is not among them."""
        import jinja2

        from evalkit.core.sandboxed_templates import rendered

        try:
            return rendered(self._template, values)
        except jinja2.exceptions.SecurityError as error:
            raise UsageError(
                "the judge's prompt uses something that templates may not use", found=str(error), at=self._path
            ) from None
        except jinja2.UndefinedError as error:
            raise UsageError(
                "the judge's prompt names a value that does not exist",
                found=str(error),
                fix="the values are " + ", ".join(sorted(values)),
                at=self._path,
            ) from None
