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
from gateway.providers.vendor import StreamUsage, Vendor, Verified, speaks_openai
from gateway.providers.vllm import VllmTranslator
from gateway.values.deployment import Capability
from gateway.values.surface import SURFACES, Serves
from gateway.values.taken_fields import TakenFields

_SAYS_USAGE = "stream_include_usage"  # of a form
_TEXT = frozenset({Serves.CHAT, Serves.COMPLETIONS})

ENGINES: dict[str, Vendor] = {
    "vllm": Vendor(
        title="vLLM",
        source="vLLM 0.32, recorded 2026-11-23; ChatCompletionRequest of November 2026",
        verified=Verified.RECORDED,
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
        verified=Verified.RECORDED,
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
        "sgl-project/sglang, entrypoints/openai: protocol.py (004c82e), serving_base.py (c5695a4); words of errors not checked",
        verified=Verified.CODE,
        completions=True,
        most_inputs=256,
        usual=_TEXT,
        capabilities=SERVERS,
        reasoning="reasoning_content",
    ),
    # it passes over `tool_choice`, `logit_bias`, `user` and `n`, takes images as data alone, and may cut a prompt that is too long
    "ollama": speaks_openai(
        "Ollama",
        "ollama/ollama, docs/api/openai-compatibility.mdx (043e990) and openai/openai.go (0098875)",
        verified=Verified.CODE,
        limit_name="max_tokens",
        completions=True,
        most_inputs=256,
        takes=TakenFields(lacks=frozenset({"logit_bias"}), beside_chat=fields_beside_chat.OLLAMA),
        capabilities=frozenset({Capability.TOOLS}) | JSON,
        reasoning="reasoning",
    ),
    # a `response_format` there has a `value`, which OpenAI's have not
    "tgi": speaks_openai(
        "text-generation-inference",
        "text-generation-inference, router/src/lib.rs (ChatRequest, GrammarType), its #3276, huggingface_hub#2744 and types "
        "(08d3f65); other errors not checked",
        verified=Verified.CODE,
        limit_name="max_tokens",
        takes=TakenFields(lacks=frozenset({"logit_bias"})),
        capabilities=frozenset({Capability.TOOLS, Capability.LOGPROBS}),
        ways=Ways(codes=error_codes.TGI),
    ),
    "lm_studio": speaks_openai(
        "LM Studio",
        "lmstudio-ai/docs, 1_developer/3_openai-compat (51c92c6), API changelog to 0.3.27 (a5cd4ba); words of errors not checked",
        verified=Verified.DOCUMENTATION,
        limit_name="max_tokens",
        completions=True,
        most_inputs=256,
        capabilities=frozenset({Capability.TOOLS, Capability.JSON_SCHEMA}),
        reasoning="reasoning_content, where its settings say so; reasoning of gpt-oss",
    ),
    # any other server with Open Responses
    "open_responses": Vendor(
        title="any other with Open Responses",
        source="Open Responses, 2026-04-24",
        verified=Verified.DOCUMENTATION,
        chat=RESPONSES,
        translators={Serves.CHAT: ResponsesTranslator(thinking=("",))},
        limit_name="max_output_tokens",
        counts="cached in input, reasoning in output",
        reasoning="items of reasoning",
        own_tools=SURFACES[Serves.CHAT],
    ),
    # any other server with OpenAI's chat completions; `stream_options` is not sent to it unless the caller does
    "openai_compatible": speaks_openai(
        "any other with OpenAI's chat completions",
        "OpenAI's OpenAPI description 2.3.0",
        verified=Verified.DOCUMENTATION,
        usage_in_streams=False,
        ways=Ways(usage=UNKNOWN_USAGE),
        completions=True,
        most_inputs=96,  # Cohere's, the lowest that is known
        beside=OPENAIS | {Serves.RERANK, Serves.SCORE},
    ),
}
