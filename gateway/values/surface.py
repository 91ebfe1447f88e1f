"""What applications call, and what deployments serve of it."""

import enum

from gateway.values.word import Word


class Surface(Word):
    """What an application calls. The value is the label of metrics and records."""

    CHAT = "chat.completions"
    MESSAGES = "messages"
    COUNT_TOKENS = "messages.count_tokens"
    RESPONSES = "responses"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RERANK = "rerank"
    SCORE = "score"
    MODERATIONS = "moderations"
    TRANSCRIPTIONS = "audio.transcriptions"
    TRANSLATIONS = "audio.translations"
    SPEECH = "audio.speech"
    IMAGES = "images.generations"
    IMAGE_EDITS = "images.edits"


class Serves(enum.Enum):
    """What a deployment's model is for, in the words of the configuration."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RERANK = "rerank"
    SCORE = "score"
    MODERATIONS = "moderations"
    TRANSCRIPTIONS = "transcriptions"
    TRANSLATIONS = "translations"
    SPEECH = "speech"
    IMAGES = "images"
    IMAGE_EDITS = "image_edits"


# who serves chat serves every surface that is a conversation: it is translated where the provider does not speak it
SURFACES: dict[Serves, frozenset[Surface]] = {
    Serves.CHAT: frozenset({Surface.CHAT, Surface.MESSAGES, Surface.COUNT_TOKENS, Surface.RESPONSES}),
    Serves.COMPLETIONS: frozenset({Surface.COMPLETIONS}),
    Serves.EMBEDDINGS: frozenset({Surface.EMBEDDINGS}),
    Serves.RERANK: frozenset({Surface.RERANK}),
    Serves.SCORE: frozenset({Surface.SCORE}),
    Serves.MODERATIONS: frozenset({Surface.MODERATIONS}),
    Serves.TRANSCRIPTIONS: frozenset({Surface.TRANSCRIPTIONS}),
    Serves.TRANSLATIONS: frozenset({Surface.TRANSLATIONS}),
    Serves.SPEECH: frozenset({Surface.SPEECH}),
    Serves.IMAGES: frozenset({Surface.IMAGES}),
    Serves.IMAGE_EDITS: frozenset({Surface.IMAGE_EDITS}),
}
SERVES: dict[Surface, Serves] = {surface: one for one, surfaces in SURFACES.items() for surface in surfaces}
