"""The table of surfaces: what applications can call."""

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.responses.dialect import RESPONSES as RESPONSES_DIALECT
from gateway.surfaces.chat_body import read_shape
from gateway.surfaces.completions_body import completions_shape
from gateway.surfaces.embeddings_body import embeddings_shape
from gateway.surfaces.messages_body import count_shape, messages_shape
from gateway.surfaces.responses_body import responses_shape
from gateway.surfaces.row import SurfaceRow
from gateway.values.surface import Surface

CHAT = SurfaceRow(surface=Surface.CHAT, path="/v1/chat/completions", dialect=OPENAI, shape_of=read_shape)
COMPLETIONS = SurfaceRow(
    surface=Surface.COMPLETIONS, path="/v1/completions", dialect=OPENAI, shape_of=completions_shape
)
EMBEDDINGS = SurfaceRow(
    surface=Surface.EMBEDDINGS,
    path="/v1/embeddings",
    dialect=OPENAI,
    shape_of=embeddings_shape,
    most_members=1_000_000,  # inputs may be lists of tokens
)
_VERSIONS = ("anthropic-version", "anthropic-beta")
MESSAGES = SurfaceRow(
    surface=Surface.MESSAGES,
    path="/v1/messages",
    dialect=ANTHROPIC,
    shape_of=messages_shape,
    headers=_VERSIONS,
)
COUNT_TOKENS = SurfaceRow(
    surface=Surface.COUNT_TOKENS,
    path="/v1/messages/count_tokens",
    dialect=ANTHROPIC,
    shape_of=count_shape,
    headers=_VERSIONS,
)
RESPONSES = SurfaceRow(
    surface=Surface.RESPONSES, path="/v1/responses", dialect=RESPONSES_DIALECT, shape_of=responses_shape
)
SURFACES = (CHAT, MESSAGES, COUNT_TOKENS, COMPLETIONS, EMBEDDINGS, RESPONSES)
