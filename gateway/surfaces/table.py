"""The table of surfaces: what applications can call."""

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.responses.dialect import RESPONSES as RESPONSES_DIALECT
from gateway.surfaces import audio_body, images_body
from gateway.surfaces.audio_body import speech_shape, transcriptions_shape, translations_shape
from gateway.surfaces.chat_body import read_shape
from gateway.surfaces.completions_body import completions_shape
from gateway.surfaces.embeddings_body import embeddings_shape
from gateway.surfaces.images_body import image_edits_shape, images_shape
from gateway.surfaces.messages_body import count_shape, messages_shape
from gateway.surfaces.moderations_body import moderations_shape
from gateway.surfaces.rerank_body import rerank_shape, score_shape
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
RERANK = SurfaceRow(
    surface=Surface.RERANK,
    path="/v1/rerank",
    aliases=("/v2/rerank", "/rerank"),
    dialect=OPENAI,
    shape_of=rerank_shape,
)
SCORE = SurfaceRow(surface=Surface.SCORE, path="/v1/score", aliases=("/score",), dialect=OPENAI, shape_of=score_shape)
MODERATIONS = SurfaceRow(
    surface=Surface.MODERATIONS, path="/v1/moderations", dialect=OPENAI, shape_of=moderations_shape
)
TRANSCRIPTIONS = SurfaceRow(
    surface=Surface.TRANSCRIPTIONS,
    path="/v1/audio/transcriptions",
    dialect=OPENAI,
    shape_of=transcriptions_shape,
    files=audio_body.FILES,
    needs_file="file",
    takes_json=False,
)
TRANSLATIONS = SurfaceRow(
    surface=Surface.TRANSLATIONS,
    path="/v1/audio/translations",
    dialect=OPENAI,
    shape_of=translations_shape,
    files=audio_body.FILES,
    needs_file="file",
    takes_json=False,
)
SPEECH = SurfaceRow(surface=Surface.SPEECH, path="/v1/audio/speech", dialect=OPENAI, shape_of=speech_shape)
IMAGES = SurfaceRow(surface=Surface.IMAGES, path="/v1/images/generations", dialect=OPENAI, shape_of=images_shape)
IMAGE_EDITS = SurfaceRow(
    surface=Surface.IMAGE_EDITS,
    path="/v1/images/edits",
    dialect=OPENAI,
    shape_of=image_edits_shape,
    files=images_body.FILES,
    needs_file="image",
)
RESPONSES = SurfaceRow(
    surface=Surface.RESPONSES, path="/v1/responses", dialect=RESPONSES_DIALECT, shape_of=responses_shape
)
SURFACES = (
    CHAT, MESSAGES, COUNT_TOKENS, COMPLETIONS, EMBEDDINGS, RERANK, SCORE, MODERATIONS, TRANSCRIPTIONS, TRANSLATIONS,
    SPEECH, IMAGES, IMAGE_EDITS, RESPONSES,
)  # fmt: skip
BATCHED = (  # whose requests can be lines of a batch: JSON in, JSON out
    CHAT, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK, SCORE, MODERATIONS, IMAGES,
)  # fmt: skip
