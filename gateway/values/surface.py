"""What an application calls. One row each in `gateway.surfaces`."""

import enum


class Surface(enum.Enum):
    """The value is the label of metrics and records."""

    CHAT = "chat.completions"
    MESSAGES = "messages"
    COUNT_TOKENS = "messages.count_tokens"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
