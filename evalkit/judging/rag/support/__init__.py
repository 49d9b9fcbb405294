"""How far contexts support an answer, sentence by sentence, without a judge: by rules, or by an entailment model."""

from evalkit.judging.rag.support.entailment import entailment
from evalkit.judging.rag.support.scoring import abstention, sentence_support

__all__ = ["abstention", "entailment", "sentence_support"]
