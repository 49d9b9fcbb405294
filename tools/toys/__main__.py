"""Rebuild the toy sets and the embedded model: `python -m tools.toys all`."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

from evalkit.data.toy import FOLDER
from evalkit.models.tiny import TINY
from tools.toys.sampleset import write_sets


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.toys", description=__doc__)
    parser.add_argument("what", choices=("sets", "model", "measure", "all"))
    parser.add_argument("--sets", type=Path, default=FOLDER, help="folder of the toy sets")
    parser.add_argument("--model", type=Path, default=TINY, help="folder of the model")
    parser.add_argument("--steps", type=int, help="train for so many steps (a short trial)")
    parser.add_argument("--threads", type=int, help="processor threads to train with (digests depend on it)")
    return parser.parse_args()


def make_model(folder: Path, steps: int | None, threads: int | None) -> None:
    """Train tokenizer and model and write them into the folder."""
    from tools.toys.tokenizer import save_tokenizer, train_tokenizer
    from tools.toys.training import Recipe, save_model, train_model

    recipe = Recipe()
    recipe = replace(recipe, steps=steps or recipe.steps, threads=threads or recipe.threads)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(recipe.seed)
    save_tokenizer(tokenizer, folder)
    save_model(train_model(tokenizer, recipe), folder)


def print_digests(folder: Path) -> None:
    """Print the size and the SHA-256 of each file in the folder."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            content = path.read_bytes()
            print(f"{hashlib.sha256(content).hexdigest()}  {len(content):>9,}  {path.name}")


def main() -> None:
    """Do what the command line asks for."""
    arguments = parse_arguments()
    if arguments.what in ("sets", "all"):
        write_sets(arguments.sets)
        print_digests(arguments.sets)
    if arguments.what in ("model", "all"):
        make_model(arguments.model, arguments.steps, arguments.threads)
        print_digests(arguments.model)
    if arguments.what in ("measure", "all"):
        from tools.toys.measuring import measure

        for line in measure(arguments.model, arguments.sets):
            print(line)


if __name__ == "__main__":
    main()
