"""Who reranks, and has no conversations there: a row each."""

from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.openai.embeddings import EmbeddingsTranslator
from gateway.dialects.rerank import Documents, RerankTranslator
from gateway.providers import fields_beside_chat
from gateway.providers.vendor import Vendor, Verified
from gateway.values.surface import Serves
from gateway.values.taken_fields import TakenFields

_RERANKS = frozenset({Serves.RERANK})

RERANKERS: dict[str, Vendor] = {
    "cohere_v2": Vendor(
        title="Cohere, own API v2",
        source="Cohere's Python SDK, v2/types: V2RerankResponse (1eca49d)",
        verified=Verified.DOCUMENTATION,
        chat=OPENAI,
        translators={Serves.RERANK: RerankTranslator(Documents.TEXTS, says_documents=False)},
        usual=_RERANKS,
        base_urls={"": "https://api.cohere.com/v2"},
        takes=TakenFields(beside_chat=fields_beside_chat.COHERE_V2),
        counts="search units",
    ),
    "jina": Vendor(
        title="Jina",
        source="the form as other gateways and LangChain's JinaRerank speak it (2026-11)",
        verified=Verified.OTHERS,
        chat=OPENAI,
        translators={Serves.RERANK: RerankTranslator(), Serves.EMBEDDINGS: EmbeddingsTranslator(most_inputs=2048)},
        usual=_RERANKS,
        base_urls={"": "https://api.jina.ai/v1"},
        counts="total_tokens are the prompt's",
    ),
}
