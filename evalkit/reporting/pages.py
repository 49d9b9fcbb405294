"""A page as one file without a network: template, style and script inside, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

ASSETS = Path(__file__).parent / "assets"
_STYLE, _SCRIPT = "page.css", "page.js"


def page(
    folder: Path,
    template: str,
    context: Mapping[str, Any],
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
) -> Iterator[str]:
    """The pieces of a page, made as they are asked for, so that an iterator in the context is never held whole.

    `template`, `styles` and `scripts` are files of `folder`. A template extends "frame.html.j2", which has the shared
    style, script and the Content-Security-Policy: nothing is loaded, and of scripts and styles only those of the page
    run, by their SHA-256. Whatever a template prints is escaped and made visible (`text.visible`) unless it is Markup.
    """
    import jinja2

    from evalkit.reporting import charts, words
    from evalkit.reporting.text import json_block, visible
    from evalkit.signature import version

    def shown(value: object) -> object:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, ASSETS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(charts=charts, words=words, json_block=json_block)
    style = _joined([ASSETS / _STYLE, *(folder / name for name in styles)])
    script = _joined([ASSETS / _SCRIPT, *(folder / name for name in scripts)])
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    whole = {**context, "style": Markup(style), "script": Markup(script), "policy": Markup(policy)}
    yield from environment.get_template(template).generate({"evalkit_version": version(), **whole})


def _joined(files: Sequence[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
