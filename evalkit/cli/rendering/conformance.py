"""What a model does when it is asked by every probe, as lines of 80 columns or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from evalkit.core.terminal import console, emit_json, styled
from evalkit.models.conformance import Finding, Outcome

__all__ = ["show_findings"]

_STYLES = {Outcome.OK: "green", Outcome.FAILS: "bold red", Outcome.NOTE: "yellow", Outcome.NOT_OFFERED: "dim"}
_PROBE_COLUMNS, _DETAIL_COLUMNS = 34, 36


def show_findings(name: str, findings: Sequence[Finding], *, as_json: bool) -> None:
    """One line a probe, then how many failed."""
    failed = sum(finding.outcome is Outcome.FAILS for finding in findings)
    if as_json:
        found = [{"probe": one.probe, "outcome": one.outcome.name.lower(), "detail": one.detail} for one in findings]
        emit_json(json.dumps({"format": 1, "model": name, "failed": failed, "probes": found}, ensure_ascii=False))
        return
    out = console()
    for finding in findings:
        said = " ".join(finding.detail.split())
        first, *rest = textwrap.wrap(said, _DETAIL_COLUMNS, max_lines=4, placeholder=" …") or [""]
        out.print(
            styled((f"{finding.outcome:6}", _STYLES[finding.outcome]), f"  {finding.probe:{_PROBE_COLUMNS}}", first)
        )
        for line in rest:
            out.print(" " * (8 + _PROBE_COLUMNS) + line)
    offered = sum(finding.outcome is not Outcome.NOT_OFFERED for finding in findings)
    out.print(f"{name}: {failed} of {offered} probes fail" if failed else f"{name}: all {offered} probes pass")
