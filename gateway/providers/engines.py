"""Servers that people run themselves, a row each: what they take depends on the model and on how they were started."""

from msgspec.structs import replace

from gateway.dialects.openai.completions import CompletionsTranslator
from gateway.dialects.openai.dialect import OpenAIDialect
from gateway.dialects.openai.embeddings import EmbeddingsTranslator
from gateway.dialects.openai.finish import VLLM
from gateway.dialects.openai.transcriptions import TranscriptionsTranslator
from gateway.dialects.openai.usage_convention import OPENAI as OPENAI_USAGE
from gateway.dialects.openai.usage_convention import UNKNOWN as UNKNOWN_USAGE
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.rerank import Documents, RerankTranslator
from gateway.dialects.responses import ResponsesTranslator
from gateway.dialects.responses.dialect import RESPONSES
from gateway.providers import error_codes, fields_beside_chat
from gateway.providers.abilities import JSON, SERVERS
from gateway.providers.beside_chat import IMAGES, OPENAIS, beside_chat
from gateway.providers.llama_cpp import LlamaCppCompletions, LlamaCppTranslator
from gateway.providers.request_fields import LLAMA_CPP_CHAT, VLLM_CHAT
from gateway.providers.vendor import StreamUsage, Vendor, speaks_openai
from gateway.providers.vllm import VllmTranslator
from gateway.values.deployment import Capability
from gateway.values.surface import Serves

_SAYS_USAGE = "stream_include_usage"  # of a form
_TEXT = frozenset({Serves.CHAT, Serves.COMPLETIONS})

ENGINES: dict[str, Vendor] = {
    "vllm": Vendor(
        title="vLLM",
        source="vLLM 0.32, recorded 2026-11-23; ChatCompletionRequest of November 2026",
        chat=OpenAIDialect(takes=VLLM_CHAT),
        translators={
            Serves.CHAT: VllmTranslator(),
            Serves.COMPLETIONS: CompletionsTranslator(usage_in_streams=True, finishes=VLLM),
            Serves.EMBEDDINGS: EmbeddingsTranslator(
                most_inputs=1024
            ),  # it takes any number, at the price of others' waits
            **beside_chat((Serves.SCORE, Serves.SPEECH, *IMAGES), USUAL),
            Serves.RERANK: RerankTranslator(Documents.TEXTS_OR_CONTENT, says_documents=False),
            Serves.TRANSCRIPTIONS: TranscriptionsTranslator("/audio/transcriptions", _SAYS_USAGE),
            Serves.TRANSLATIONS: TranscriptionsTranslator("/audio/translations", _SAYS_USAGE),
        },
        usual=_TEXT,
        takes=replace(VLLM_CHAT, beside_chat=fields_beside_chat.VLLM),
        counts=OPENAI_USAGE.sentence,
        stream_usage=StreamUsage.ASKED,
        reasoning="reasoning",  # reasoning_content before 0.16
        capabilities=SERVERS,
        gauges=True,
    ),
    "llama_cpp": Vendor(
        title="llama.cpp",
        source="llama.cpp (xllamacpp 2026.10), recorded 2026-11-23; tools/server/README.md",
        chat=OpenAIDialect(takes=LLAMA_CPP_CHAT),
        translators={
            Serves.CHAT: LlamaCppTranslator(),
            Serves.COMPLETIONS: LlamaCppCompletions(),
            Serves.EMBEDDINGS: EmbeddingsTranslator(most_inputs=256),
        },
        usual=_TEXT,
        takes=replace(LLAMA_CPP_CHAT, beside_chat=fields_beside_chat.LLAMA_CPP),
        counts=OPENAI_USAGE.sentence,
        stream_usage=StreamUsage.ASKED,
        reasoning="reasoning_content",
        capabilities=JSON | {Capability.LOGPROBS},
    ),
    "sglang": speaks_openai(
        "SGLang",
        "SGLang 0.5, docs/basic_usage/openai_api_completions and serving_chat.py (2026-11)",
        completions=True,
        most_inputs=256,
        usual=_TEXT,
        capabilities=SERVERS,
        reasoning="reasoning_content",
    ),
    # it passes over `tool_choice`, `logit_bias` and `n`, and cuts a prompt that is too long
    "ollama": speaks_openai(
        "Ollama",
        "Ollama, docs/openai.md (2026-11)",
        limit_name="max_tokens",
        completions=True,
        most_inputs=256,
        capabilities=frozenset({Capability.TOOLS}) | JSON,
        reasoning="reasoning",
    ),
    "tgi": speaks_openai(
        "text-generation-inference",
        "text-generation-inference 3, docs/openapi.json and router/src/server.rs",
        limit_name="max_tokens",
        capabilities=frozenset({Capability.TOOLS, Capability.JSON_OBJECT, Capability.LOGPROBS}),
        ways=Ways(codes=error_codes.TGI),
    ),
    "lm_studio": speaks_openai(
        "LM Studio",
        "LM Studio, OpenAI compatibility endpoints (2026-11)",
        limit_name="max_tokens",
        completions=True,
        most_inputs=256,
        capabilities=frozenset({Capability.TOOLS, Capability.JSON_SCHEMA}),
        reasoning="reasoning_content",
    ),
    # any other server with Open Responses
    "open_responses": Vendor(
        title="any other with Open Responses",
        source="Open Responses, 2026-04-24",
        chat=RESPONSES,
        translators={Serves.CHAT: ResponsesTranslator(thinking=("",))},
        limit_name="max_output_tokens",
        counts="cached in input, reasoning in output",
        reasoning="items of reasoning",
        own_tools=True,
    ),
    # any other server with OpenAI's chat completions; `stream_options` is not sent to it unless the caller does
    "openai_compatible": speaks_openai(
        "any other with OpenAI's chat completions",
        "OpenAI's OpenAPI description 2.3.0",
        usage_in_streams=False,
        ways=Ways(usage=UNKNOWN_USAGE),
        completions=True,
        most_inputs=96,  # Cohere's, the lowest that is known
        beside=OPENAIS | {Serves.RERANK, Serves.SCORE},
    ),
}
