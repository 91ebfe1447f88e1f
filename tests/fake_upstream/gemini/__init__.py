"""Gemini's generateContent, as a provider for tests speaks it: `POST /v1/models/MODEL:generateContent`,
`:streamGenerateContent?alt=sse` and `:countTokens`.

A model's name is its behaviour here too, in a table of its own (`GEMINI`). Shapes are those of the Gemini API's reference (v1beta,
November 2026) and of google-genai 3.6. It refuses what the real one refuses, as far as `checks` goes, so that a gateway that
translates badly is told.
"""

from tests.fake_upstream.gemini import answers, faults, streams

__all__ = ["answers", "faults", "streams"]
