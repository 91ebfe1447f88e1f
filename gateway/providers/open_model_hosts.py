"""Who serves models of others, by the token: a row each. Addresses and names are those of November 2026."""

from msgspec.structs import replace

from gateway.dialects.openai.usage_convention import UNKNOWN, UsageConvention
from gateway.dialects.openai.ways import RateHeaders, Ways
from gateway.dialects.rerank import Documents
from gateway.providers import error_codes
from gateway.providers.abilities import CALLS, JSON, TOOLS
from gateway.providers.beside_chat import SOUND
from gateway.providers.request_fields import GROQ_CHAT
from gateway.providers.vendor import Vendor, speaks_openai
from gateway.values.deployment import Capability
from gateway.values.surface import Serves

_RUNNING = replace(UNKNOWN, sentence=f"{UNKNOWN.sentence}; each event says it so far", running=True)

OPEN_MODEL_HOSTS: dict[str, Vendor] = {
    "groq": speaks_openai(
        "Groq",
        "Groq's API reference, Rate limits and Errors (2026-11)",
        "https://api.groq.com/openai/v1",
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
        "Together's API reference, Rate limits and Error codes (2026-11)",
        "https://api.together.xyz/v1",
        limit_name="max_tokens",
        completions=True,
        most_inputs=128,
        beside=SOUND | {Serves.IMAGES},
        documents=Documents.ANY,
        capabilities=TOOLS | JSON,
        reasoning="reasoning",
        ways=Ways(
            rate_headers=RateHeaders(
                requests=(("x-ratelimit-remaining", "x-ratelimit-reset"),),
                tokens=(("x-tokenlimit-remaining", "x-ratelimit-reset"),),
            )
        ),
    ),
    "fireworks": speaks_openai(
        "Fireworks",
        "Fireworks' API reference, Serverless rate limits and Inference error codes (2026-11)",
        "https://api.fireworks.ai/inference/v1",
        completions=True,
        most_inputs=128,
        capabilities=TOOLS | JSON | {Capability.MULTIPLE_CHOICES},
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
        "OpenRouter's API reference, Errors and debugging, Usage accounting (2026-11)",
        "https://openrouter.ai/api/v1",
        completions=True,
        most_inputs=128,
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning and reasoning_details",
        ways=Ways(
            usage=UsageConvention(
                sentence="cached in prompt, reasoning in completion; cost", reasoning_beside=False, cost=("cost",)
            ),
        ),
    ),
    "cerebras": speaks_openai(
        "Cerebras",
        "Cerebras Inference, Chat completions and Rate limits (2026-11)",
        "https://api.cerebras.ai/v1",
        limit_name="max_completion_tokens",
        completions=True,
        refuses=frozenset({"top_k"}),
        capabilities=TOOLS | JSON,
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
        "NVIDIA API catalog, LLM APIs; NIM for LLMs, API reference (2026-11)",
        "https://integrate.api.nvidia.com/v1",
        limit_name="max_tokens",
        completions=True,
        most_inputs=64,
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning_content",
    ),
    "siliconflow": speaks_openai(
        "SiliconFlow",
        "SiliconFlow's API reference, Chat completions and Error handling (2026-11)",
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
        "Databricks, Foundation model REST API reference (2026-11)",
        limit_name="max_tokens",
        usage_in_streams=False,
        most_inputs=150,
        capabilities=frozenset({Capability.TOOLS}) | JSON,
        reasoning="parts of content, of type reasoning",
        ways=Ways(usage=_RUNNING, codes=error_codes.DATABRICKS),
    ),
    # the model's name may say who answers: openai/gpt-oss-120b:cerebras
    "huggingface": speaks_openai(
        "Hugging Face router",
        "Hugging Face, Inference Providers: Chat completion (2026-11)",
        "https://router.huggingface.co/v1",
        limit_name="max_tokens",
        usage_in_streams=False,
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning or reasoning_content",
    ),
}
