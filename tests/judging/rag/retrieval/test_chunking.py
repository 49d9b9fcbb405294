"""Chunks: whatever the way of cutting, they are the characters they say, in order, complete and small enough."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import UsageError
from evalkit.judging.rag.chunking import Chunking, Document, chunks_of, sentences
from evalkit.judging.rag.folders import documents_digest, documents_of

WAYS = ("fixed", "sentence", "recursive")
TEXT = st.lists(
    st.sampled_from(
        ["A word", " ", "  ", "\n", "\n\n", ". ", "? ", "end.", "naïve", "東京。", "x" * 40, "e.g. ", "\t"]
    ),
    max_size=40,
).map("".join)


@given(text=TEXT, how=st.sampled_from(WAYS), size=st.integers(1, 60), proportion=st.floats(0, 0.9))
def test_chunks_are_the_characters_they_say_and_leave_out_white_space_alone(
    text: str, how: str, size: int, proportion: float
) -> None:
    chunks = chunks_of([Document("a.md", text)], Chunking(how, size, int(size * proportion)))  # type: ignore[arg-type]
    seen = set[int]()
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text == chunk.text.strip() != ""
        assert len(chunk.text) <= size
        seen.update(range(chunk.start, chunk.end))
    assert all(place in seen for place, sign in enumerate(text) if not sign.isspace())
    assert [c.start for c in chunks] == sorted(c.start for c in chunks)
    assert len({c.id for c in chunks}) == len(chunks)


@given(text=TEXT, how=st.sampled_from(WAYS), size=st.integers(1, 60))
def test_without_an_overlap_no_character_stands_in_two_chunks(text: str, how: str, size: int) -> None:
    chunks = chunks_of([Document("a.md", text)], Chunking(how, size))  # type: ignore[arg-type]
    assert all(one.end <= next_.start for one, next_ in pairwise(chunks))


def test_fixed_chunks_overlap_by_as_many_characters_as_asked() -> None:
    text = "".join(chr(97 + n % 26) for n in range(100))
    chunks = chunks_of([Document("a", text)], Chunking("fixed", 40, 10))
    assert [(c.start, c.end) for c in chunks] == [(0, 40), (30, 70), (60, 100)]


def test_sentences_stay_whole_and_the_last_ones_are_taken_along() -> None:
    text = "One is here. Two is there. Three is gone. Four came back."
    plain = [c.text for c in chunks_of([Document("a", text)], Chunking("sentence", 30))]
    assert plain == ["One is here. Two is there.", "Three is gone. Four came back."]
    along = [c.text for c in chunks_of([Document("a", text)], Chunking("sentence", 30, 16))]
    assert along == ["One is here. Two is there.", "Two is there. Three is gone.", "Three is gone. Four came back."]


def test_recursive_chunks_break_at_the_largest_seam_that_will_do() -> None:
    text = "Short one.\n\nA paragraph with two sentences. This is the second of them.\n\nEnd.\n\nFin."
    found = [c.text for c in chunks_of([Document("a", text)], Chunking("recursive", 40))]
    assert found == ["Short one.", "A paragraph with two sentences.", "This is the second of them.", "End.\n\nFin."]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Lund met Prof. Oda. They spoke.", 2),
        ("It grew by 3.5 percent. Then it fell.", 2),
        ('"Stop!" he said. "Why?" She left.', 3),
        ("J. S. Bach wrote it, e.g. in Leipzig.", 1),
        ("A title\n\nThe first sentence. The second.", 3),
        ("東京は首都です。大阪は違います。", 2),
        ("  \n ", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len([text[a:b] for a, b in sentences(text)]) == count, [text[a:b] for a, b in sentences(text)]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 10), (10, -1)])
def test_sizes_that_cannot_be_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(UsageError, match="overlap is smaller"):
        Chunking("fixed", size, overlap)


def test_a_folder_is_read_in_order_without_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name, text in (("z.md", "last"), ("b/a.txt", "first\r\nline"), (".git/c.md", "no"), ("d.bin", "no")):
        (tmp_path / name).write_bytes(text.encode())
    documents = documents_of(tmp_path)
    assert documents == (Document("b/a.txt", "first\nline"), Document("z.md", "last"))
    (tmp_path / "z.md").write_text("lasT")
    assert documents_digest(documents_of(tmp_path)) != documents_digest(documents)


def test_folders_that_cannot_be_read_say_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is there"):
        documents_of(tmp_path / "no")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(UsageError, match=r"1 files \(\.pdf\)"):
        documents_of(tmp_path)
    (tmp_path / "a.md").write_bytes(b"caf\xe9")
    with pytest.raises(UsageError, match="byte 0xe9"):
        documents_of(tmp_path)
