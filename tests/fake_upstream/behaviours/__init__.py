"""All behaviours. A new one is a function in the module of its kind; a new module is one more import here."""

from tests.fake_upstream.behaviours import (
    answers,
    connections,
    embeddings,
    empty_streams,
    encodings,
    errors_in_streams,
    faults_before,
    http_framing,
    limits,
    not_answers,
    odd_streams,
    other_vendors,
    refusals,
    slow,
    sse_framing,
    strict,
    unended_streams,
)
from tests.fake_upstream.registry import BEHAVIOURS, Behaviour, cases, find

MODULES = (
    answers,
    slow,
    sse_framing,
    odd_streams,
    other_vendors,
    http_framing,
    encodings,
    connections,
    refusals,
    limits,
    strict,
    faults_before,
    not_answers,
    empty_streams,
    unended_streams,
    errors_in_streams,
    embeddings,
)

__all__ = ["BEHAVIOURS", "MODULES", "Behaviour", "cases", "find"]
