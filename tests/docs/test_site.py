"""The site: it builds without a warning, loads nothing from a network, and answers a newcomer's twelve questions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evalkit.cli.group import COMMANDS
from evalkit.plugins import index
from evalkit.plugins.named import methods, metrics, scorers
from tests.docs.pages import ROOT
from tools.docs_site import providers

pytestmark = pytest.mark.slow("builds the site, in six seconds")

MOST_CLICKS = 3
QUESTIONS = {
    "my own model": ("how-to/own-model.html", r"--model \./my\.py"),
    "my own scorer": ("how-to/own-scorer.html", r"A scorer is a function of a sample and the reply's text"),
    "my first CI gate": ("tutorials/first-gate.html", r"evalkit init --ci github"),
    "what INCONCLUSIVE means": ("how-to/red-gate.html", r"too few samples for the margin"),
    "why n is smaller than my data": ("how-to/smaller-n.html", r"samples could not be measured"),
    "how to resume": ("how-to/resume.html", r"evalkit run --resume"),
    "what a run will cost": ("how-to/cost.html", r"--dry-run"),
    "which judge to use": ("how-to/choose-a-judge.html", r"Take the cheapest model that passes"),
    "how to run a thinking model": ("how-to/reasoning-models.html", r"--thinking-tokens"),
    "why the gate is red": ("how-to/red-gate.html", r"the drop is larger than the margin"),
    "what the signature line says": ("reference/runs.html", r"data:5b1c.*Part.*Meaning"),
    "how to work offline": ("how-to/offline.html", r"--offline"),
}
"""What a newcomer asks, the page that says it, and what that page says."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as strictly as mkdocs can."""
    pytest.importorskip("material", reason="the site needs mkdocs-material: pip install 'evalkit-harness[docs]'")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return out


class Links(HTMLParser):
    """The links of a page's navigation, and what the page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.navigation: list[str] = []
        self.loaded: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "nav":
            self._depth += 1
        elif tag == "a" and self._depth:
            self.navigation.append(given.get("href", ""))
        elif tag in ("script", "img", "iframe") or (tag == "link" and "stylesheet" in given.get("rel", "")):
            self.loaded.append(given.get("src") or given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "nav"


def links_of(page: Path) -> Links:
    found = Links()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def words_of(page: Path) -> str:
    article = re.search(r"<article.*?</article>", page.read_text(encoding="utf-8"), re.DOTALL)
    assert article, page
    return " ".join(re.sub(r"<[^>]+>", " ", article[0]).replace("&#x27;", "'").replace("&#39;", "'").split())


def test_pages_load_nothing_from_a_network(site: Path) -> None:
    loaded = {
        f"{page.relative_to(site)}: {address}"
        for page in site.rglob("*.html")
        for address in links_of(page).loaded
        if re.match(r"(https?:)?//", address)
    }
    assert not loaded, "\n".join(sorted(loaded))


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_within_three_clicks(site: Path, question: str) -> None:
    wanted, said = QUESTIONS[question]
    assert re.search(said, words_of(site / wanted)), f"{wanted} does not say {said!r}"
    reached = {site / "index.html"}
    for _ in range(MOST_CLICKS):
        links = {
            (page.parent / link.partition("#")[0]).resolve()
            for page in reached
            for link in links_of(page).navigation
            if link and not re.match(r"\w+:", link)
        }
        reached = {page for page in links if page.suffix == ".html" and page.is_file()} - reached
        if (site / wanted).resolve() in reached:
            return
    pytest.fail(f"{wanted} is more than {MOST_CLICKS} clicks from the start")


def test_every_command_has_a_page_with_its_options(site: Path) -> None:
    for name in COMMANDS:
        text = words_of(site / "reference" / "cli" / f"{name}.html")
        assert f"evalkit {name}" in text and "Examples evalkit " in text, name
    told = words_of(site / "reference" / "cli" / "run.html")
    assert "--resume RUN" in told
    assert "--max-failures" in told and "0.05" in told


def headings_of(page: Path) -> set[str]:
    return set(re.findall(r'<h[23] id="([^"]+)"', page.read_text(encoding="utf-8")))


def test_every_task_is_there_with_its_licence(site: Path) -> None:
    page = site / "reference" / "tasks.html"
    shipped = [entry for entry in index("task") if entry.origin == "built-in"]
    named = {entry.name for entry in shipped if "toy" not in entry.tags}
    assert named <= headings_of(page)
    text = words_of(page)
    assert all(entry.name in text for entry in shipped)
    assert "openai/gsm8k, MIT licence" in text
    assert "DeepSeek-R1: 97.3" in text, "a published figure"


def test_every_scorer_metric_and_method_is_there_with_range_direction_and_oracle(site: Path) -> None:
    page = site / "reference" / "scores.html"
    names = {*scorers.names(), *metrics.names(), *methods.names()}
    assert names <= headings_of(page)
    text = words_of(page)
    assert re.search(r"mcc .*?-1 to 1 higher", text)
    assert re.search(r"ece .*?0 to 1 lower", text)
    assert "tests/scoring/metrics/test_corpus.py" in text and "against sacrebleu" in text


def test_every_option_of_a_provider_is_there(site: Path) -> None:
    text = words_of(site / "reference" / "provider-options.html")
    for heading, _, options, answers in providers.KINDS:
        names = [one.name for one in fields(options) if one.metadata.get("option", True)]
        assert heading in text and names and not [name for name in names if f" {name} " not in text]
        assert set(answers) <= set(names), "an option that makes another model, and that nobody can set"
    assert "evalkit halves it if memory runs out. a number of tokens, 1 or more" in text


def test_every_key_of_a_file_is_there(site: Path) -> None:
    text = words_of(site / "reference" / "file-formats.html")
    for key in ("on_inconclusive", "gen_prefix", "criteria", "num_fewshot"):
        assert key in text, key


def test_a_new_command_task_or_metric_appears(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages are made from the objects, so that none of them lists a name by hand."""
    import click

    from evalkit.cli import group
    from tools.docs_site import commands

    made = click.Command(
        "bake", help="Bake a cake.\n\n    With sugar.", params=[click.Option(["--heat"], default=180, help="Degrees.")]
    )
    monkeypatch.setitem(group.COMMANDS, "bake", "Bake a cake.")
    monkeypatch.setitem(group.SECTIONS, "Bakery", {"bake": "Bake a cake."})
    known = group.LazyGroup.get_command
    monkeypatch.setattr(
        group.LazyGroup, "get_command", lambda self, ctx, name: made if name == "bake" else known(self, ctx, name)
    )
    found = dict(commands.pages())
    assert "[`evalkit bake`](bake.md)" in found["reference/cli/index.md"]
    assert "| `--heat INTEGER` | Degrees. | `180` |" in found["reference/cli/bake.md"]
    assert "\nWith sugar.\n" in found["reference/cli/bake.md"]
