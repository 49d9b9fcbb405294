"""`evalkit doctor` says which methods of quantization run on the machine at hand, and what the others lack."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.models.hf.loading import abilities
from evalkit.models.hf.loading.quantization_methods import METHODS, STORED
from evalkit.models.llamacpp import library


def told(*words: str) -> list[str]:
    done = CliRunner().invoke(cli, ["doctor", *words])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def rows(lines: list[str]) -> dict[str, str]:
    """Methods by their names; stored forms by theirs in brackets."""
    border = lines.index("checkpoints stored as")
    return {**_rows(lines[:border]), **{f"({name})": line for name, line in _rows(lines[border:]).items()}}


def _rows(lines: list[str]) -> dict[str, str]:
    return {line[2:26].strip(): line for line in lines if line.startswith(("✓", "✗"))}


def test_every_method_has_a_line_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lines = told("--quantization")
    assert set(rows(lines)) == {*METHODS, *(f"({name})" for name in STORED)}
    assert max(len(line) for line in lines) <= 80


def test_without_packages_and_a_gpu_everything_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(abilities, "missing", lambda modules: list(modules))
    monkeypatch.setattr(abilities, "_capability", lambda: None)
    lines = told("--quantization")
    found = rows(lines)
    for name, method in METHODS.items():
        lacks = f"needs an NVIDIA GPU, compute capability {method.capability[0]}" if method.capability else "no "
        assert found[name].startswith("✗") and lacks in found[name]
    assert "  pip install 'evalkit-harness[quant]'" in lines
    assert any("0 of 19 methods run here: pip install 'evalkit-harness[quant]'" in line for line in told())


def test_a_gpu_brings_its_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(abilities, "missing", lambda modules: [])
    monkeypatch.setattr(abilities, "_capability", lambda: (8, 0))
    found = rows(told("--quantization"))
    assert found["torchao-int4-packed"].startswith("✓")
    assert found["torchao-float8-dynamic"].startswith("✗")
    monkeypatch.setattr(abilities, "_capability", lambda: (9, 0))
    assert all(line.startswith("✓") for line in rows(told("--quantization")).values())


def test_it_says_how_long_compiling_llama_cpp_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(library, "is_installed", lambda: False)
    (line,) = (line for line in told() if line.startswith("· gguf "))
    assert library.INSTALL in line and "compiles for 5 to 12 minutes" in line
