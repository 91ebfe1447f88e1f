"""What applications call, and what deployments serve of it."""

import enum
from collections.abc import Mapping

import msgspec


class Surface(enum.Enum):
    """What an application calls. The value is the label of metrics and records."""

    CHAT = "chat.completions"
    MESSAGES = "messages"
    COUNT_TOKENS = "messages.count_tokens"
    RESPONSES = "responses"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


class Serves(enum.Enum):
    """What a deployment's model is for, in the words of the configuration."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


# who serves chat serves every surface that is a conversation: it is translated where the provider does not speak it
SURFACES: dict[Serves, frozenset[Surface]] = {
    Serves.CHAT: frozenset({Surface.CHAT, Surface.MESSAGES, Surface.COUNT_TOKENS, Surface.RESPONSES}),
    Serves.COMPLETIONS: frozenset({Surface.COMPLETIONS}),
    Serves.EMBEDDINGS: frozenset({Surface.EMBEDDINGS}),
}
SERVES: dict[Surface, Serves] = {surface: one for one, surfaces in SURFACES.items() for surface in surfaces}


class Offer(msgspec.Struct, frozen=True):
    """What a vendor's servers can serve: with every model of theirs (`usual`), and with a model that is for it. `gauges`: they
    say how busy they are, as vLLM does at `/metrics`. `own_tools`: they run tools of their own, such as a web search, and bill
    them. `continues`: they go on with an answer that another one began.
    """

    usual: frozenset[Serves]
    possible: frozenset[Serves]
    gauges: bool = False
    own_tools: bool = False
    continues: bool = False


Offers = Mapping[str, Offer]  # by provider, a row of the vendor table
