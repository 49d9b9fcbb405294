"""Parallel texts, a row for each line: files whose lines belong together, and the test sets that sacrebleu has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import DataOptions, OpenedSource, UsageError
from evalkit.data.memory import MemorySource


@dataclass(frozen=True, slots=True)
class ParallelSource:
    """A text and its translations, line by line; `pair` names the columns ("de-en")."""

    paths: tuple[str, ...]
    pair: str

    def open(self, options: DataOptions) -> OpenedSource:
        """Raises UsageError for a file that cannot be read, and for files of different lengths."""
        return aligned(self.paths, self.pair, Path(self.paths[0]).stem).open(options)


@dataclass(frozen=True, slots=True)
class SacrebleuSource:
    """A test set of sacrebleu's: what it keeps on this machine, or fetches where that is allowed."""

    name: str
    pair: str

    def open(self, options: DataOptions) -> OpenedSource:
        """Raises UsageError for an unknown set or pair, and where the set is not available."""
        from sacrebleu.dataset import DATASETS

        if self.name not in DATASETS:
            shown = ", ".join(sorted(DATASETS, reverse=True)[:8])
            raise UsageError(f"sacrebleu has no test set {self.name!r}", fix=f"one of {shown}, … (sacrebleu --list)")
        found = DATASETS[self.name]
        if self.pair not in found.langpairs:
            fix = "pair=" + ", ".join(sorted(found.langpairs)[:8])
            raise UsageError(f"the test set {self.name} has no pair {self.pair}", fix=fix)
        kept = Path(found._get_txt_file_path(self.pair, "src"))
        if options.offline and not kept.is_file():
            fix = f"sacrebleu -t {self.name} -l {self.pair} --echo src, where there is a network"
            raise UsageError(f"the test set {self.name} was not fetched yet", found=f"no {kept}", fix=fix)
        try:
            paths = [found.get_source_file(self.pair), *found.get_reference_files(self.pair)]
        # It fetches, unpacks and parses; whatever fails there, the set is not available.
        except Exception as error:
            raise UsageError(f"sacrebleu cannot give the test set {self.name}", found=str(error)[:120]) from error
        return aligned(paths, self.pair, f"{self.name}/{self.pair}").open(options)


def aligned(paths: Sequence[str], pair: str, name: str) -> MemorySource:
    """The rows of a text in the first file and its translations (a list) in the others."""
    texts = [_lines(Path(path)) for path in paths]
    for path, lines in zip(paths, texts, strict=True):
        if len(lines) != len(texts[0]):
            found = f"{len(lines)} lines, and {len(texts[0])} in {paths[0]}"
            raise UsageError("the files do not have the same number of lines", found=found, at=str(path))
    source, _, target = pair.partition("-")
    return MemorySource([{source: line[0], target: list(line[1:])} for line in zip(*texts, strict=True)], name)


def _lines(path: Path) -> list[str]:
    try:
        # Only line breaks part lines here: other marks that splitlines() knows stand within sentences.
        return path.read_text("utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the text cannot be read", found=str(error), at=str(path)) from None
