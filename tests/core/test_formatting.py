"""Digits that an interval justifies, and columns whose decimal points lie below each other."""

from __future__ import annotations

import math

import pytest

from evalkit.core.formatting import aligned, justified


@pytest.mark.parametrize(
    ("numbers", "scale", "shown"),
    [
        ((0.695, 0.631, 0.758), "proportion", ("69.5", "63", "76")),
        ((0.5, 0.485, 0.515), "proportion", ("50.0", "48.5", "51.5")),
        ((0.5, 0.4995, 0.5005), "proportion", ("50.00", "49.95", "50.05")),
        ((12.3456, 11.9, 12.8), "number", ("12.3", "11.9", "12.8")),
        ((812.34, 700.2, 900.1), "number", ("812", "700", "900")),
        ((0.0012345, 0.001, 0.0015), "number", ("0.0012", "0.0010", "0.0015")),
        ((0.5, math.nan, 0.6), "proportion", ("50.0", "–", "60.0")),
        ((1.0, 1.0, 1.0), "proportion", ("100.0", "100.0", "100.0")),
    ],
)
def test_digits_are_those_that_the_interval_justifies(
    numbers: tuple[float, float, float], scale: str, shown: tuple[str, str, str]
) -> None:
    assert justified(*numbers, scale) == shown


def test_decimal_points_lie_below_each_other() -> None:
    column = aligned(["69.5", "12.345", "7", "–"])
    points = [len(text) - text.find(".") for text in column[:2]]
    assert points[0] == points[1]
    assert column[2] == "7\u2008" + 3 * "\u2007"
    assert column[3] == "–"
