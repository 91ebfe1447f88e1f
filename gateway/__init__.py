"""A unified LLM gateway: one OpenAI-style endpoint in front of self-hosted and commercial models."""

__version__ = "0.2.0"
