"""AlpacaEval's stored preferences: win rates, controlled rates as published and as fitted here, and their errors.

    python benchmarks/length_control.py [FOLDER]

FOLDER (../shared/data/reference/alpaca_eval) holds preferences.csv, instruction_difficulty.csv, lc_coefficients.csv and
leaderboard.csv. Each model is fitted with what the others' released coefficients say of the rows that all fits share.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from evalkit.stats.tournaments import Anchor, Released, controlled_rate, fit_length
from evalkit.stats.tournaments.length import STRENGTHS, features_of

BASELINE = "gpt4_1106_preview"


def main() -> None:
    """Print a line a model, all numbers in points."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/reference/alpaca_eval"))
    folder: Path = parser.parse_args().folder
    rows: dict[str, list[dict[str, str]]] = {}
    for row in _table(folder / "preferences.csv"):
        rows.setdefault(row["model"], []).append(row)
    hard = {row["index"]: float(row["instruction_difficulty"]) for row in _table(folder / "instruction_difficulty.csv")}
    published = {row[""]: row for row in _table(folder / "leaderboard.csv")}
    coefficients = {row[""]: row for row in _table(folder / "lc_coefficients.csv")}
    columns = {name: _columns(lines, hard) for name, lines in rows.items()}
    released = {}
    for name, (preference, own, baseline, difficulty) in columns.items():
        one, two, three = (float(value) for key, value in coefficients[name].items() if key)
        released[name] = Released(features_of(own, baseline, difficulty), preference, (one, two, three))
    print("model | win rate | s.e. | controlled: published | from released | fitted | error | published error")
    for name, (preference, own, baseline, difficulty) in columns.items():
        others = [fit for other, fit in released.items() if other not in (name, BASELINE)]
        anchor = None if name == BASELINE else Anchor.recovered(others, STRENGTHS)
        found = fit_length(preference, own, baseline, difficulty, anchor=anchor, resamples=1000)
        given = controlled_rate(difficulty, *released[name].coefficients[1:])
        error = preference.std(ddof=1) / np.sqrt(len(preference))
        told = published[name]["lc_standard_error"][:5] or "–"
        print(
            f"{name} | {100 * preference.mean():.2f} | {100 * error:.2f} | "
            f"{float(published[name]['length_controlled_winrate']):.2f} | {100 * given:.2f} | "
            f"{100 * found.rate.value:.2f} | {100 * found.error:.2f} | {told}"
        )


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _columns(lines: list[dict[str, str]], hard: dict[str, float]) -> tuple[np.ndarray, ...]:
    """Preference for the model, its lengths, the baseline's, and the instructions' difficulties."""
    preference, own, baseline = (
        np.array([float(row[key]) for row in lines]) for key in ("preference", "len_output_2", "len_output_1")
    )
    return preference - 1.0, own, baseline, np.array([hard[row["index"]] for row in lines])


if __name__ == "__main__":
    main()
