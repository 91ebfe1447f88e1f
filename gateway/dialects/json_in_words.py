"""JSON without a schema, where a provider has no setting for it: it is asked for in the system's text."""

from gateway.dialects.contract import Adapted

JSON_ONLY = "Answer with one JSON object and nothing else: no words around it, and no code fence."
IN_WORDS = Adapted("format", "asked for in words: the provider has no JSON without a schema")
