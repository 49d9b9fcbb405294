"""The names of core: imported when they are first used, and all of them there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evalkit import core


def test_every_name_is_found_and_no_other() -> None:
    assert set(core._MODULES) == set(core.__all__)
    for name in core.__all__:
        assert getattr(core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        core.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_an_error_alone_brings_no_class_of_the_rest() -> None:
    code = "import sys; from evalkit.core import UsageError; print(sorted(m for m in sys.modules if 'evalkit' in m))"
    made = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert made.strip() == "['evalkit', 'evalkit.core', 'evalkit.core.errors']"
