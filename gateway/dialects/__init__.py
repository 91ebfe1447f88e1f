"""Dialects: wire formats of requests, answers, streams and errors. Pure."""
