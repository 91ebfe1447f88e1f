"""Anthropic's Messages, as a provider for tests speaks them: `POST /v1/messages` and `/v1/messages/count_tokens`.

A model's name is its behaviour here too, in a table of its own (`MESSAGES`). Shapes are those of the types of Anthropic's
Python SDK 2.14 and of its documentation of streams, errors and rate limits. It refuses what the real one refuses, as far
as `checks` goes, so that a gateway that translates badly is told.
"""

from tests.fake_upstream.messages import answers, faults, streams

__all__ = ["answers", "faults", "streams"]
