"""What a vendor whose API is OpenAI's may serve beside conversations, by the word for it."""

from collections.abc import Callable, Iterable, Mapping

from gateway.dialects.contract import Translator
from gateway.dialects.openai.images import ImagesTranslator
from gateway.dialects.openai.moderations import ModerationsTranslator
from gateway.dialects.openai.speech import SpeechTranslator
from gateway.dialects.openai.transcriptions import TranscriptionsTranslator
from gateway.dialects.openai.ways import Ways
from gateway.dialects.rerank import RerankTranslator, ScoreTranslator
from gateway.values.surface import Serves

_MADE: Mapping[Serves, Callable[[Ways], Translator]] = {
    Serves.RERANK: lambda ways: RerankTranslator(ways=ways),
    Serves.SCORE: ScoreTranslator,
    Serves.MODERATIONS: ModerationsTranslator,
    Serves.TRANSCRIPTIONS: lambda ways: TranscriptionsTranslator("/audio/transcriptions", ways=ways),
    Serves.TRANSLATIONS: lambda ways: TranscriptionsTranslator("/audio/translations", ways=ways),
    Serves.SPEECH: SpeechTranslator,
    Serves.IMAGES: lambda ways: ImagesTranslator("/images/generations", "image_generation.completed", ways),
    Serves.IMAGE_EDITS: lambda ways: ImagesTranslator("/images/edits", "image_edit.completed", ways),
}
SOUND = frozenset({Serves.TRANSCRIPTIONS, Serves.TRANSLATIONS, Serves.SPEECH})
IMAGES = frozenset({Serves.IMAGES, Serves.IMAGE_EDITS})
OPENAIS = SOUND | IMAGES | {Serves.MODERATIONS}


def beside_chat(serves: Iterable[Serves], ways: Ways) -> dict[Serves, Translator]:
    """Their translators."""
    return {one: _MADE[one](ways) for one in serves}
