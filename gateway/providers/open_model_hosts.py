"""Who serves models of others, by the token: a row each. What of a row was checked, and against what, its `source` says."""

from msgspec.structs import replace

from gateway.dialects.openai.usage_convention import UNKNOWN, UsageConvention
from gateway.dialects.openai.ways import RateHeaders, Ways
from gateway.dialects.rerank import Documents
from gateway.providers import error_codes
from gateway.providers.abilities import CALLS, JSON, TOOLS
from gateway.providers.beside_chat import SOUND
from gateway.providers.request_fields import GROQ_CHAT
from gateway.providers.vendor import Vendor, Verified, speaks_openai
from gateway.values.deployment import Capability
from gateway.values.surface import Serves

_RUNNING = replace(UNKNOWN, sentence=f"{UNKNOWN.sentence}; each event says it so far", running=True)

OPEN_MODEL_HOSTS: dict[str, Vendor] = {
    "groq": speaks_openai(
        "Groq",
        "answers recorded in the Vercel AI SDK (2026); Groq's Python SDK, CompletionCreateParams (e55da1a); OpenAI "
        "Compatibility, Flex Processing and Errors, in excerpts (2026-11)",
        "https://api.groq.com/openai/v1",
        verified=Verified.RECORDED,
        refuses=frozenset({"top_k"}),
        takes=GROQ_CHAT,
        beside=SOUND,
        capabilities=TOOLS | {Capability.JSON_OBJECT},
        reasoning="reasoning",
        ways=Ways(
            usage=UsageConvention(
                sentence="cached in prompt, reasoning in completion; streams say it in x_groq, too",
                reasoning_beside=False,
                in_streams=("x_groq", "usage"),
            ),
            codes=error_codes.GROQ,
        ),
    ),
    "together": speaks_openai(
        "Together",
        "Together's Python SDK, types of chat (60558ba, 916ef5b); Error codes (2026-11); names of headers as "
        "clients of others read them",
        "https://api.together.xyz/v1",
        verified=Verified.DOCUMENTATION,
        limit_name="max_tokens",
        completions=True,
        most_inputs=128,
        beside=SOUND | {Serves.IMAGES},
        documents=Documents.ANY,
        capabilities=TOOLS | JSON | {Capability.MULTIPLE_CHOICES},
        reasoning="reasoning",
        ways=Ways(
            rate_headers=RateHeaders(
                requests=(("x-ratelimit-remaining", "x-ratelimit-reset"),),
                tokens=(("x-tokenlimit-remaining", "x-ratelimit-reset"),),
            )
        ),
    ),
    # it refuses a request with both names of the limit
    "fireworks": speaks_openai(
        "Fireworks",
        "Fireworks' Python SDK, types of chat (ffffdf4, d9bff66); Inference error codes, Rate limits (2026-11); usage in "
        "streams: langchain-ai/langchain#36977; names of headers as clients of others read them",
        "https://api.fireworks.ai/inference/v1",
        verified=Verified.DOCUMENTATION,
        limit_name="max_tokens",
        completions=True,
        most_inputs=128,
        capabilities=TOOLS | JSON | {Capability.LOGPROBS, Capability.MULTIPLE_CHOICES},
        reasoning="reasoning_content",
        ways=Ways(
            rate_headers=RateHeaders(
                tokens=(
                    ("x-ratelimit-remaining-tokens-prompt", "x-ratelimit-reset-tokens-prompt"),
                    ("x-ratelimit-remaining-tokens-generated", "x-ratelimit-reset-tokens-generated"),
                )
            ),
            codes=error_codes.FIREWORKS,
        ),
    ),
    # what its models can do is each model's: it leaves out what they do not take
    "openrouter": speaks_openai(
        "OpenRouter",
        "OpenRouter's docs, Errors and Debugging, Usage Accounting, in excerpts (2026-11)",
        "https://openrouter.ai/api/v1",
        verified=Verified.DOCUMENTATION,
        completions=True,
        most_inputs=128,
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning and reasoning_details",
        ways=Ways(
            usage_unasked=True,  # `stream_options` have no effect
            usage=UsageConvention(
                sentence="cached in prompt, reasoning in completion; cost", reasoning_beside=False, cost=("cost",)
            ),
        ),
    ),
    "cerebras": speaks_openai(
        "Cerebras",
        "answers recorded in the Vercel AI SDK (2026-05); Cerebras' Python SDK, types of chat (68768b9, 6fe01c8); names of "
        "headers as clients of others read them",
        "https://api.cerebras.ai/v1",
        verified=Verified.RECORDED,
        limit_name="max_completion_tokens",
        completions=True,
        refuses=frozenset({"top_k"}),
        capabilities=TOOLS | JSON | {Capability.LOGPROBS},
        reasoning="reasoning",
        ways=Ways(
            rate_headers=RateHeaders(
                requests=(("x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),),
                tokens=(("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),),
            )
        ),
    ),
    "nvidia": speaks_openai(
        "NVIDIA NIM",
        "NIM for LLMs, API reference 2.1.6: vLLM or SGLang serves it; address: LiteLLM's docs (2026-10); errors not checked",
        "https://integrate.api.nvidia.com/v1",
        verified=Verified.DOCUMENTATION,
        limit_name="max_tokens",
        completions=True,
        most_inputs=64,
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning_content",
    ),
    "siliconflow": speaks_openai(
        "SiliconFlow",
        "SiliconFlow, Error handling, in excerpts (2026-11): statuses and code 20012; all else not checked",
        verified=Verified.DOCUMENTATION,
        base_urls={
            "international": "https://api.siliconflow.com/v1",
            "china": "https://api.siliconflow.cn/v1",
        },
        limit_name="max_tokens",
        most_inputs=32,
        documents=Documents.TEXTS,
        capabilities=CALLS,
        reasoning="reasoning_content",
        ways=Ways(usage=_RUNNING, codes=error_codes.SILICONFLOW),
    ),
    # https://WORKSPACE/serving-endpoints, where the model is the endpoint's name
    "databricks": speaks_openai(
        "Databricks",
        "LiteLLM, llms/databricks/chat (aced1f2); stream_options are refused: continuedev/continue#12936; errors not checked",
        verified=Verified.OTHERS,
        limit_name="max_tokens",
        most_inputs=150,
        capabilities=frozenset({Capability.TOOLS}) | JSON,
        reasoning="parts of content, of type reasoning",
        ways=Ways(usage_unasked=True, usage=_RUNNING, codes=error_codes.DATABRICKS),
    ),
    # the model's name may say who answers: openai/gpt-oss-120b:cerebras
    "huggingface": speaks_openai(
        "Hugging Face router",
        "huggingface/hub-docs, inference-providers/tasks/chat-completion.md (00c5952); address and errors not checked",
        "https://router.huggingface.co/v1",
        verified=Verified.DOCUMENTATION,
        limit_name="max_tokens",
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning or reasoning_content",
    ),
}
