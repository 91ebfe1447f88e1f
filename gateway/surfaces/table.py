"""The table of surfaces: what applications can call."""

from gateway.dialects.openai.dialect import OPENAI
from gateway.surfaces.chat_body import read_shape
from gateway.surfaces.row import SurfaceRow
from gateway.values.surface import Surface

CHAT = SurfaceRow(surface=Surface.CHAT, path="/v1/chat/completions", dialect=OPENAI, shape_of=read_shape)
SURFACES = (CHAT,)
