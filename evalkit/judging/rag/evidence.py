"""References found again in the documents, and which chunks hold them: evidence is characters, however they are cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from evalkit.core import UsageError
from evalkit.data.formats import excerpt
from evalkit.data.values import suggestion
from evalkit.judging.rag.chunking import Chunk, Document
from evalkit.judging.rag.records import Reference
from evalkit.judging.rag.tracing import ENOUGH

_PLACE = re.compile(r"(?P<document>.+)#(?P<start>\d+)-(?P<end>\d+)")


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """Characters of a document."""

    document: str
    start: int
    end: int

    def shared(self, chunk: Chunk) -> int:
        """How many of its characters a chunk has."""
        if chunk.document != self.document:
            return 0
        return max(0, min(self.end, chunk.end) - max(self.start, chunk.start))


class DocumentIndex:
    """The documents and their chunks, asked where references stand."""

    def __init__(self, documents: Sequence[Document], chunks: Sequence[Chunk], size: int) -> None:
        self._documents = {document.name: document for document in documents}
        self._chunks: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            self._chunks.setdefault(chunk.document, []).append(chunk)
        self._size = size

    def located(
        self, references: Iterable[Reference], at: str
    ) -> tuple[tuple[Reference, ...], dict[str, tuple[str, ...]]]:
        """The references, and for each chunk's id the passages that it holds.

        A reference is a document by its name, a passage by its place (`name#start-end`), or a passage by its text,
        which may stand anywhere and more than once; white space and case do not count. Raises UsageError for what is
        in no document: it could never be found, and every retriever would be blamed for it.
        """
        kept: dict[str, Reference] = {}
        held: dict[str, list[str]] = {}
        for reference in references:
            found, places = self._places(reference, at)
            kept[found.id] = found
            for chunk in self._holders(places):
                held.setdefault(chunk.id, []).append(found.id)
        return tuple(kept.values()), {chunk: tuple(dict.fromkeys(names)) for chunk, names in held.items()}

    def _places(self, reference: Reference, at: str) -> tuple[Reference, list[EvidenceSpan]]:
        if reference.text:
            places = self._found(reference, at)
            named = reference.id
            if re.fullmatch(r"passage-\d+", named) or named in self._documents:
                # A document's name would make every one of its chunks a right one.
                named = f"{places[0].document}#{places[0].start}-{places[0].end}"
            return replace(reference, id=named, document=places[0].document), places
        name = reference.document or reference.id
        if name in self._documents:
            return replace(reference, id=name, document=name), []
        matched = _PLACE.fullmatch(reference.id)
        if matched and matched["document"] in self._documents:
            document = self._documents[matched["document"]]
            start, end = int(matched["start"]), int(matched["end"])
            if start < end <= len(document.text):
                text = document.text[start:end]
                return replace(reference, text=text, document=document.name), [EvidenceSpan(document.name, start, end)]
        raise UsageError(
            "a reference is in none of the documents",
            found=repr(name),
            fix=suggestion(name, self._documents)
            or f"a document's path ({next(iter(self._documents))}), a place (path#start-end) or a passage's text",
            at=at,
        )

    def _found(self, reference: Reference, at: str) -> list[EvidenceSpan]:
        pattern = re.compile(r"\s+".join(map(re.escape, reference.text.split())), re.IGNORECASE)
        among = list(self._documents.values())
        named = reference.document or reference.id
        if named in self._documents:
            among = [self._documents[named]]
        elif reference.document:
            raise UsageError(
                "a reference names a document that does not exist",
                found=repr(reference.document),
                fix=suggestion(reference.document, self._documents) or f"such as {next(iter(self._documents))!r}",
                at=at,
            )
        places = [
            EvidenceSpan(document.name, match.start(), match.end())
            for document in among
            for match in pattern.finditer(document.text)
        ]
        if not places:
            raise UsageError(
                "a reference passage is in none of the documents",
                found=excerpt(reference.text),
                fix="the passage as it is there (white space and case do not count)",
                at=at,
            )
        return places

    def _holders(self, places: Iterable[EvidenceSpan]) -> list[Chunk]:
        """The chunks that have enough of a passage: half of it, or of a whole chunk where the passage is longer. Where
        none has so much, those that have the most."""
        found: list[Chunk] = []
        for place in places:
            shared = [(place.shared(chunk), chunk) for chunk in self._chunks.get(place.document, ())]
            most = max((count for count, _ in shared), default=0)
            enough = min(ENOUGH * min(place.end - place.start, self._size), most)
            found += [chunk for count, chunk in shared if count and count >= enough]
        return found
