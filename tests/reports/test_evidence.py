"""What a score rests on, in the pane of a sample: judges in both orders, evidence beside sentences, programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit import plugins
from tests.reports.conftest import until, violations
from tests.reports.evidence import SENTENCES, evidence_run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    out = folder / "report.html"
    out.write_text("".join(plugins.load("report", "html")([evidence_run(folder / "run")])))
    return out


def shown(look: Any, report: Path, sample: str, **options: Any) -> Any:
    opened = look(report, f"#sample=m/t/{sample}/0/0/0", **options)
    opened.page.click(f".item:has-text('{sample}')")
    until(opened.page, "name => document.querySelector('#detail h3')?.textContent === name", sample)
    return opened


def test_a_judge_is_shown_in_both_orders(report: Path, look: Any) -> None:
    opened = shown(look, report, "judged")
    columns = opened.page.locator("#detail .transcript .column")
    assert columns.count() == 2
    first, second = columns.nth(0).inner_text(), columns.nth(1).inner_text()
    assert "the first answer is A" in first
    assert "The first names the year." in first
    assert "the second answer is A" in second
    assert second.index("no verdict at the end") < second.index("asked again") < second.index("B is shorter.")
    assert "The orders do not agree" in opened.page.inner_text("#detail .transcript")
    assert opened.page.locator("#detail .evidence").count() == 1  # what holds nothing is not shown
    columns.nth(0).locator("summary").click()
    assert "You compare two answers." in columns.nth(0).inner_text()
    assert opened.quiet()


def test_an_answer_stands_beside_its_evidence(report: Path, look: Any) -> None:
    opened = shown(look, report, "answered")
    lines = opened.page.locator("#detail .sentence:not(.head)")
    assert lines.count() == len(SENTENCES)
    borders = set()
    for number, (text, support, label, evidence, contexts) in enumerate(SENTENCES):
        said = lines.nth(number).inner_text()
        for words in (text, label, f"{support:g}", evidence or "no evidence", *contexts):
            assert words in said
        borders.add(lines.nth(number).evaluate("one => getComputedStyle(one).borderLeftStyle"))
    assert len(borders) == 3  # told apart without colour, too
    assert "the name is not Holm" in lines.nth(1).inner_text()
    claims = opened.page.locator("#detail .claims >> nth=0 >> tbody tr")
    assert [claims.nth(n).locator(".verdict").inner_text() for n in (0, 1)] == ["✓ supported", "✗ contradicted"]
    assert "intrinsic: the context names Jon Berg" in claims.nth(1).inner_text()
    wanted = opened.page.locator("#detail .claims >> nth=1 >> tbody tr")
    assert "not in the answer" in wanted.inner_text()
    assert "sentence 0" not in wanted.inner_text()
    assert "failed in generation" in opened.page.inner_text("#detail")
    found = opened.page.locator("#detail .context")
    assert [found.nth(n).locator("summary").inner_text().split()[:2] for n in range(3)] == [
        ["#1", "port#4"],
        ["#2", "port#2"],
        ["#3", "fish#1"],
    ]
    assert "wanted" in found.nth(0).inner_text()
    assert "wanted" not in found.nth(1).inner_text()
    claims.nth(1).locator(".context-link").click()
    assert opened.page.evaluate("document.activeElement.closest('.context').dataset.context") == "port#2"
    assert opened.quiet()


def test_a_program_is_shown_with_its_outcome_and_output(report: Path, look: Any) -> None:
    opened = shown(look, report, "programmed")
    programs = opened.page.locator("#detail .program")
    assert "✓ passed" in programs.nth(0).inner_text()
    failed = programs.nth(1).inner_text()
    for words in ("✗ exception", "input 3", "0.011 s", "reading", "IndexError: list index out of range"):
        assert words in failed
    assert opened.page.locator("#detail td pre").inner_text() == "def first(values):\n    return values[0]\n"
    opened.page.click("text=Further details of passed")
    assert '"other"' in opened.page.inner_text("#detail details.evidence")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_accessible(report: Path, look: Any, axe: str, scheme: str, width: int) -> None:
    opened = look(report, color_scheme=scheme, viewport={"width": width, "height": 844})
    for sample in ("judged", "answered", "programmed"):
        opened.page.click(f".item:has-text('{sample}')")
        until(opened.page, "name => document.querySelector('#detail h3')?.textContent === name", sample)
        assert violations(opened, axe) == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
