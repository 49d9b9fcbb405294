"""Scorers of retrieval-augmented answers that ask no judge, one import line each, as in `scoring.scorers`."""

from evalkit.judging.rag.diagnosis_scorer import rag_diagnosis as rag_diagnosis
from evalkit.judging.rag.retrieval_scores import retrieval as retrieval
from evalkit.judging.rag.support.entailment import entailment as entailment
from evalkit.judging.rag.support.scoring import abstention as abstention
from evalkit.judging.rag.support.scoring import sentence_support as sentence_support
