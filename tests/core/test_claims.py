"""Names that are claimed by many at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalkit.core import UsageError, claims

CLAIM = """
import sys
from pathlib import Path
from evalkit.core import claims
for _ in range(20):
    print(claims.{}.name)
"""


@pytest.mark.parametrize("made", ["new_folder(Path(sys.argv[1]))", "new_file(Path(sys.argv[1]), '.jsonl')"])
def test_processes_that_start_in_one_second_get_names_of_their_own(made: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIM.format(made), str(tmp_path / "runs")]
    with ThreadPoolExecutor(6) as pool:
        outputs = list(pool.map(lambda _: subprocess.check_output(command, text=True), range(6)))
    names = [name for one in outputs for name in one.split()]
    assert len(names) == 120 == len(set(names)) == len(list((tmp_path / "runs").iterdir()))


def test_an_empty_claim_is_given_back_and_a_full_one_is_kept(tmp_path: Path) -> None:
    folder = claims.new_folder(tmp_path)
    claims.abandon(folder)
    assert not folder.exists()
    folder = claims.new_folder(tmp_path)
    (folder / "x").touch()
    claims.abandon(folder)
    assert folder.exists()


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for claim in (claims.new_folder, lambda parent: claims.new_file(parent, ".jsonl")):
        with pytest.raises(UsageError, match="cannot make a"):
            claim(tmp_path / "file")


def test_a_file_is_held_by_one(tmp_path: Path) -> None:
    one, two = (os.open(tmp_path / "f", os.O_CREAT | os.O_RDWR) for _ in range(2))
    claims.lock(one, "it")
    with pytest.raises(UsageError, match="it is being written by another process"):
        claims.lock(two, "it")
    os.close(one)
    claims.lock(two, "it")
    os.close(two)
