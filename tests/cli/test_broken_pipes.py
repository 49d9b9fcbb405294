"""A process that ends before it has read what it is told: its pipe breaks, and that is said."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli import variant_runs
from evalkit.comparing.variant_file import Listed, VariantList


def test_a_variant_that_ends_before_it_is_told_anything_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(["/bin/false"], **options)
            self.wait()

    monkeypatch.setattr(subprocess, "Popen", Ended)
    one = Listed("a", "a", "a")
    asked = VariantList(one, [one], ["t"])
    assert variant_runs._run(tmp_path, one, asked, quiet=True) == ("failed", "its process ended with exit code 1")
