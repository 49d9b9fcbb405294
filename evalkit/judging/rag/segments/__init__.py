"""The one segmenter of RAG metrics: what a text says, sentence by sentence, and what of it claims something."""

from evalkit.judging.rag.segments.segmenter import Segment, passages, segments, statements

__all__ = ["Segment", "passages", "segments", "statements"]
