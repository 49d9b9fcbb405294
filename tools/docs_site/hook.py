"""What mkdocs does besides its own work: the generated pages, pages from outside docs/, and GitHub's Markdown.

`mkdocs.yml` names this file. Generated pages are made from the objects themselves while the site is built, so that no
list of commands, options, tasks or scores is copied by hand.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from mkdocs.structure.files import File, Files  # noqa: E402

from evalkit.cli.group import SECTIONS  # noqa: E402
from tools.docs_site import commands, files, providers, scores, tasks  # noqa: E402

GENERATED = (commands, providers, tasks, scores, files)
PROJECT = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
}
"""Pages that lie at the top of the repository, and where the site has them."""

WORKER = "assets/javascripts/file-worker.js"
"""Where the site has `worker.js`, which takes the place of a script that Material loads from a network."""

_SHIM = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
_PIPE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^( *```)([\w-]+) +(\S.*)$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Add the generated pages and those of the project to the navigation."""
    reference = _section(config.nav, "Reference")
    command_pages: list[Any] = ["reference/cli/index.md"]
    for title, section in SECTIONS.items():
        command_pages.append({title: [{f"evalkit {name}": f"reference/cli/{name}.md"} for name in section]})
    reference.insert(1, {"Command line": command_pages})
    _section(reference, "Models").insert(1, {"Options of models": "reference/provider-options.md"})
    scored = _section(reference, "Tasks and scores")
    scored[:0] = [{"Tasks": "reference/tasks.md"}, {"All scorers, metrics and methods": "reference/scores.md"}]
    _section(reference, "Files").append({"File formats": "reference/file-formats.md"})
    names = {"Contributing": "CONTRIBUTING.md", "Changes": "CHANGELOG.md", "Security": "SECURITY.md"}
    _section(config.nav, "Project").extend({title: PROJECT[name]} for title, name in names.items())
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages and those of the project."""
    for module in GENERATED:
        for path, text in module.pages():
            files.append(File.generated(config, path, content=text))
    files.append(File.generated(config, WORKER, content=Path(__file__).with_name("worker.js").read_text("utf-8")))
    for name, path in PROJECT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, path, content=_links(text, "", posixpath.dirname(path))))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """GitHub's Markdown as mkdocs reads it: names of files behind a fence, links to files outside docs/."""
    folder = posixpath.dirname(page.file.src_uri)
    text = _FENCE.sub(r'\1\2 title="\3"', markdown)
    lines = (_PIPE.sub(_bare, line) if line.startswith("|") else line for line in text.split("\n"))
    text = "\n".join(lines)
    return text if folder == "project" else _links(text, posixpath.join("docs", folder), folder)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Put evalkit's own script in place of the one from a network."""
    up = posixpath.relpath(".", posixpath.dirname(page.url) or ".")
    return output.replace(_SHIM, f'<script src="{up}/{WORKER}"></script>')


def on_post_template(output_content: str, template_name: str, config: Any) -> str:
    """The same for the page of a wrong address, which has no place of its own."""
    return output_content.replace(_SHIM, "")


def _bare(found: re.Match[str]) -> str:
    """Code in a cell without the backslashes that GitHub's tables need before a bar."""
    return found[0].replace("\\|", "|")


def _links(text: str, written_in: str, shown_in: str) -> str:
    """The text with links that fit its place on the site; a link to a file that the site lacks is its words alone.

    `written_in` is the folder of the repository that links start from, `shown_in` the page's folder below docs/.
    """

    def linked(found: re.Match[str]) -> str:
        mark, words, link = found.groups()
        if re.match(r"\w+:|#", link):
            return found[0]
        path, hash_, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(written_in, path))
        if target.startswith("docs/") and Path(target).suffix in (".md", ".png", ".json", ".svg"):
            target = target.removeprefix("docs/")
        elif target in PROJECT:
            target = PROJECT[target]
        elif target == "README.md":
            target = "index.md"
        else:
            return words if mark == "" else found[0]
        return f"{mark}[{words}]({posixpath.relpath(target, shown_in or '.')}{hash_}{anchor})"

    return _LINK.sub(linked, text)


def _section(nav: list[Any], title: str) -> list[Any]:
    """The list of pages below a title of the navigation."""
    (found,) = [one[title] for one in nav if isinstance(one, dict) and title in one]
    assert isinstance(found, list)
    return found
