"""The documents of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.core import UsageError, digest_of
from evalkit.data import paths
from evalkit.data.formats import not_utf8
from evalkit.judging.rag.chunking import Document

SUFFIXES = (".md", ".txt", ".rst", ".html", ".htm", ".tex", ".org", ".adoc")


def documents_of(folder: str | Path, suffixes: Sequence[str] = SUFFIXES) -> tuple[Document, ...]:
    """The text files below a folder, sorted by path, hidden ones left out; a file's name is its path below it.

    Files are read as they are, as UTF-8: markup of any kind stays. Raises UsageError: no such folder, no file with
    one of the suffixes, a file that is not text.
    """
    top = Path(folder).expanduser()
    if not top.is_dir():
        found = "a file" if top.exists() else "nothing is there"
        raise UsageError(f"folder {str(folder)!r} does not exist", found=found, fix="docs=FOLDER of text files")
    files = sorted(path for path in top.rglob("*") if path.is_file() and not _hidden(path, top))
    wanted = [path for path in files if path.suffix.lower() in suffixes]
    if not wanted:
        kinds = sorted({path.suffix or path.name for path in files})
        raise UsageError(
            "the folder holds no text files",
            found=f"{len(files)} files ({', '.join(kinds[:8]) or 'none'})",
            fix="files named " + ", ".join(suffixes),
            at=paths.shown(top),
        )
    return tuple(Document(path.relative_to(top).as_posix(), _text(path)) for path in wanted)


def documents_digest(documents: Sequence[Document]) -> str:
    """The digest of all names and texts."""
    return digest_of(*(part for document in documents for part in (document.name, document.text)))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        # Offsets count characters of what is kept, so line ends are made alike before anything is counted.
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UsageError("a document is not text", found=not_utf8(data, error), at=paths.shown(path)) from None
    except OSError as error:
        raise UsageError(
            "a document cannot be read", found=error.strerror or str(error), at=paths.shown(path)
        ) from None


def _hidden(path: Path, top: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(top).parts)
