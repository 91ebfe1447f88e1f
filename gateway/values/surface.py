"""What applications call, and what deployments serve of it."""

import enum


class Surface(enum.Enum):
    """What an application calls. The value is the label of metrics and records."""

    CHAT = "chat.completions"
    MESSAGES = "messages"
    COUNT_TOKENS = "messages.count_tokens"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


class Serves(enum.Enum):
    """What a deployment's model is for, in the words of the configuration."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


# who serves chat serves every surface that is a conversation: it is translated where the provider does not speak it
SURFACES: dict[Serves, frozenset[Surface]] = {
    Serves.CHAT: frozenset({Surface.CHAT, Surface.MESSAGES, Surface.COUNT_TOKENS}),
    Serves.COMPLETIONS: frozenset({Surface.COMPLETIONS}),
    Serves.EMBEDDINGS: frozenset({Surface.EMBEDDINGS}),
}
SERVES: dict[Surface, Serves] = {surface: one for one, surfaces in SURFACES.items() for surface in surfaces}
