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


def test_a_long_path_is_cut_to_its_end_where_that_tells_the_variants_apart() -> None:
    def shown(full: str, *variants: str) -> list[str]:
        every = [Listed(name, name, f"folder {number}") for number, name in enumerate((full, *variants))]
        return list(VariantList(every[0], every[1:], ["toy_mmlu"]).shown().values())

    assert shown("hf//data/models/small", "gguf=/data/a/q4.gguf,threads=2", "gguf=~/b/f16.gguf") == [
        "hf/…/small",
        "gguf=…/q4.gguf,threads=2",
        "gguf=…/f16.gguf",
    ]
    # A name of the hub and a path from here are no long paths.
    assert shown("hf/owner/name", "gguf=g/q4.gguf", "dtype=bfloat16") == [
        "hf/owner/name",
        "gguf=g/q4.gguf",
        "dtype=bfloat16",
    ]
    assert shown("tiny", "gguf=/a/q4.gguf", "gguf=/b/q4.gguf") == ["tiny", "gguf=/a/q4.gguf", "gguf=/b/q4.gguf"]
