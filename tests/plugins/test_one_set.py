"""What is registered, what can be imported, what is listed and what the pages' tables name are one set."""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evalkit import models
from evalkit.cli.group import COMMANDS, cli
from evalkit.core.named import offered
from evalkit.models.api.providers import PRESETS
from evalkit.plugins import KINDS, index
from evalkit.plugins.named import Named, methods, metrics, scorers

ROOT = Path(__file__).resolve().parents[2]
ENGINE: dict[str, Named[Any]] = {"scorers": scorers, "metrics": metrics, "methods": methods}
FIRST_CELL = re.compile(r"^\| (`[^|]*`) \|", re.MULTILINE)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No plugins but evalkit's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def listed(*words: str) -> list[str]:
    done = CliRunner().invoke(cli, ["list", *words, "--names"], catch_exceptions=False)
    return done.output.split()


def first_cells(page: str, heading: str) -> list[str]:
    """The names in the first column of the tables below a heading."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    part = re.split(r"^## ", text.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    return [name for cell in FIRST_CELL.findall(part) for name in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("kind", ENGINE)
def test_what_a_package_offers_is_what_can_be_imported_from_it(kind: str) -> None:
    for package in KINDS[ENGINE[kind].kind].packages:
        module = import_module(package)
        functions = {name for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_"}
        assert set(offered(package)) == functions, package
        assert all(inspect.isfunction(getattr(module, name)) for name in offered(package))


@pytest.mark.parametrize(("kind", "named"), ENGINE.items())
def test_what_is_named_is_listed_and_stands_in_the_tables(kind: str, named: Named[Any]) -> None:
    assert sorted(listed(kind)) == list(named.names())
    assert sorted(first_cells("reference/metrics.md", kind.capitalize())) == list(named.names())


@pytest.mark.parametrize(("kind", "named"), ENGINE.items())
def test_every_one_of_them_says_in_a_sentence_what_it_is(kind: str, named: Named[Any]) -> None:
    for name, summary in named.summaries().items():
        assert re.match(r"chrF|[A-Z]", summary), (name, summary)
        assert 20 <= len(summary) <= 120, (name, summary)
    done = CliRunner().invoke(cli, ["list", kind])
    assert max(map(len, done.output.splitlines())) <= 80


@pytest.mark.parametrize("kind", ["task", "judge", "report"])
def test_every_file_of_a_pack_is_listed(kind: str) -> None:
    folder = ROOT / KINDS[kind].folder  # type: ignore[index]
    files = {p.resolve() for p in folder.iterdir() if p.suffix in (".py", ".yaml") or (p / "__init__.py").is_file()}
    assert {entry.path for entry in index(kind)} == files  # type: ignore[arg-type]
    assert sorted(listed(f"{kind}s")) == [entry.name for entry in index(kind)]  # type: ignore[arg-type]


def test_every_provider_can_be_opened_is_listed_and_stands_on_a_page() -> None:
    found = {entry.name for entry in models.providers()}
    assert all(callable(entry.opener()) for entry in models.providers())
    assert set(PRESETS) <= found
    assert {name.partition("/")[0] for name in listed("models")} >= found
    page = (ROOT / "docs" / "reference" / "models.md").read_text(encoding="utf-8")
    local = page.split("| model | is |")[1].split("\n\n")[0]
    names = [*first_cells("reference/api.md", "Providers"), *(cell.strip("`") for cell in FIRST_CELL.findall(local))]
    assert {name.partition("/")[0] for name in names} == found


def test_every_command_has_its_file_and_its_line() -> None:
    files = {path.stem.replace("_", "-") for path in (ROOT / "evalkit/cli/commands").glob("*.py")} - {"--init--"}
    assert set(COMMANDS) == files
    assert listed("commands") == list(COMMANDS)
    for name in COMMANDS:
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None and command.name == name and command.help, name


def test_every_kind_of_plugin_is_listed_and_stands_on_the_page_with_its_contract() -> None:
    page = (ROOT / "docs" / "how-to" / "extending.md").read_text(encoding="utf-8")
    assert first_cells("how-to/extending.md", "The kinds") == [f"{kind.folder}/" for kind in KINDS.values()]
    for kind in KINDS.values():
        assert kind.contract.replace("|", "\\|") in page, kind
        assert CliRunner().invoke(cli, ["list", kind.folder]).exit_code == 0


def test_a_list_imports_no_scorer() -> None:
    import subprocess

    code = (
        "import sys; from evalkit.plugins import index; index('scorer'); index('metric'); index('method');"
        "print([name for name in sys.modules if name.startswith(('evalkit.scoring', 'evalkit.judging', 'numpy'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
