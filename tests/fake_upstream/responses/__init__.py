"""OpenAI's Responses, as a provider for tests speaks them: `POST /v1/responses`.

A model's name is its behaviour here too, in a table of its own (`RESPONSES`). Shapes are those of OpenAI's OpenAPI description
2.3.0. It refuses what the real one refuses, as far as `checks` goes, so that a gateway that translates badly is told.
"""

from tests.fake_upstream.responses import answers, faults, streams

__all__ = ["answers", "faults", "streams"]
