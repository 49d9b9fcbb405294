"""Where evalkit looks for its cache, its packs and the data mirror."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.core import UsageError, paths


def test_evalkit_cache_comes_before_xdg_and_xdg_before_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "own" / "deep"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert paths.cache_dir() == tmp_path / "own" / "deep"
    assert paths.cache_dir().is_dir()
    monkeypatch.delenv("EVALKIT_CACHE")
    assert paths.cache_dir() == tmp_path / "xdg" / "evalkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert paths.cache_dir() == tmp_path / "home" / ".cache" / "evalkit"


def test_a_cache_that_cannot_be_made_is_replaced_with_one_line_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "file" / "cache"))
    first, second = paths.cache_dir(), paths.cache_dir()
    said = capsys.readouterr().err
    assert first == second
    assert first.is_dir()
    (first / "probe").write_text("writable")
    assert said.count("\n") == 1
    assert str(tmp_path / "file" / "cache") in said


def test_packs_of_a_checkout_lie_beside_the_import_package() -> None:
    assert paths.packs_dir("tasks") == Path(paths.__file__).parents[2] / "tasks"


def test_packs_of_a_wheel_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "evalkit"
    (package / "_packs" / "tasks").mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    assert paths.packs_dir("tasks") == package / "_packs" / "tasks"


def test_a_stranger_called_tasks_in_site_packages_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "evalkit"
    package.mkdir(parents=True)
    (tmp_path / "site-packages" / "tasks").mkdir()
    monkeypatch.setattr(paths, "_PACKAGE", package)
    with pytest.raises(RuntimeError, match="installation of evalkit is broken"):
        paths.packs_dir("tasks")


def test_the_mirror_is_what_evalkit_data_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_DATA", str(tmp_path))
    assert paths.data_mirror() == tmp_path
    monkeypatch.setenv("EVALKIT_DATA", "")
    assert paths.data_mirror() is None
    monkeypatch.delenv("EVALKIT_DATA")
    assert paths.data_mirror() is None


def test_a_mirror_that_is_missing_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="nothing is there"):
        paths.data_mirror()
