"""Rerankers: documents in the order of what they have to do with a query, and scores of pairs."""

from gateway.dialects.rerank.documents import Documents
from gateway.dialects.rerank.rerank import RerankTranslator
from gateway.dialects.rerank.score import ScoreTranslator

__all__ = ["Documents", "RerankTranslator", "ScoreTranslator"]
