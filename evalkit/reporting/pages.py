"""A page as one file without a network: template, style and script inside, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from evalkit.core import toy_sets

ASSETS = Path(__file__).parent / "assets"
TOY_MARK = Markup('<span class="toy" title="{}">toy</span>').format(f"a toy set: {toy_sets.MEANING}")
"""Follows the name of every toy set: `toy_mark` in templates."""
BROWSER_STYLES = ("browser.css", "evidence.css")
BROWSER_SCRIPTS = (
    *("markdown.js", "conversation.js", "evidence.js", "reasons.js", "sample.js", "sides.js", "header.js", "words.js"),
    *("charts.js", "browser.js"),
)
"""What a page with a browser of samples is made of, ahead of its own `page.css` and `page.js`."""
_STYLE, _SCRIPT = "page.css", "page.js"


def page(
    folder: Path,
    template: str,
    context: Mapping[str, Any],
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    asks: bool = False,
) -> Iterator[str]:
    """The pieces of a page, made as they are asked for, so that an iterator in the context is never held whole.

    `template`, `styles` and `scripts` are files of `folder`, or of `assets/` here (`BROWSER_STYLES` and
    `BROWSER_SCRIPTS` for the browser of samples). A template extends "frame.html.j2", which has the shared style,
    script and the Content-Security-Policy: nothing is loaded, and of scripts and styles only those of the page run, by
    their SHA-256. `asks`: the page is served, and its scripts may ask its server for news.
    Whatever a template prints is escaped and made visible (`text.visible`) unless it is Markup.
    """
    import jinja2

    from evalkit.core import formatting
    from evalkit.core.distribution import version
    from evalkit.core.outside_text import visible
    from evalkit.reporting import charts
    from evalkit.reporting.text import json_block

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
    environment.globals.update(charts=charts, words=formatting, json_block=json_block, toy_mark=TOY_MARK)
    style = _joined(folder, (_STYLE, *styles))
    script = _joined(folder, (_SCRIPT, *scripts))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    policy += "; connect-src 'self'" if asks else ""
    whole = {**context, "style": Markup(style), "script": Markup(script), "policy": Markup(policy)}
    yield from environment.get_template(template).generate({"evalkit_version": version(), **whole})


def sibling(name: str, part: int) -> str:
    """The name of a report's file; parts count from 1, and the first is `<name>.html`."""
    return f"{name}-{part}.html" if part > 1 else f"{name}.html"


def file_of(name: str, part: int) -> str:
    """The same as a relative link."""
    return "./" + quote(sibling(name, part))


def _joined(folder: Path, names: Sequence[str]) -> str:
    # The shared style and script have the names that a report's own have, and come first.
    files = [ASSETS / names[0]]
    files += [folder / name if (folder / name).is_file() else ASSETS / name for name in names[1:]]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
