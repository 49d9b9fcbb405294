"""`evalkit quantize-check` says with each variant which it is and how long all of them still take."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from evalkit.cli import variant_runs
from evalkit.comparing.variant_file import Listed, VariantList
from evalkit.core import Model


def test_the_time_left_is_the_mean_of_the_variants_before_for_those_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    took = {"full": 20.0, "quant=int8": 40.0, "quant=nf4": 30.0}

    def run(folder: Path, one: Listed, asked: VariantList, *, quiet: bool) -> tuple[str, str]:
        nonlocal now
        now += took[one.name]
        return "finished", ""

    monkeypatch.setattr(variant_runs, "_run", run)
    monkeypatch.setattr(variant_runs, "time", SimpleNamespace(monotonic=lambda: now))
    names = ["quant=int8", "quant=fp8", "quant=nf4"]
    variants = [Listed(name, name, name.replace("=", "-")) for name in names]
    variants[1].state = "unavailable"
    asked = VariantList(Listed("full", "full", "full"), variants, ["toy_mmlu"], {}, str(tmp_path))
    opened = cast("dict[str, Model]", dict.fromkeys(took, cast("Any", None)))
    said: list[str] = []
    variant_runs.run_all(tmp_path, asked, opened, quiet=False, say=said.append)
    # 20 s for one leave 40 s for two; 60 s for two leave 30 s for one. What cannot run here takes no time.
    assert said == ["1/4 full", "2/4 quant=int8, about 40.0 s left in all", "4/4 quant=nf4, about 30.0 s left in all"]
