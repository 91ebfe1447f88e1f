"""Who serves models of its own: a row each. What is read of a reference is the API's form; addresses and names are those of
November 2026.
"""

from msgspec.structs import replace

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.finish import OPENAI as OPENAI_FINISHES
from gateway.dialects.openai.usage_convention import OPENAI as OPENAI_USAGE
from gateway.dialects.openai.usage_convention import UsageConvention
from gateway.dialects.openai.ways import RateHeaders, Ways
from gateway.dialects.responses import ResponsesTranslator
from gateway.dialects.responses.dialect import RESPONSES
from gateway.providers import error_codes, fields_beside_chat
from gateway.providers.abilities import ALL, CALLS, JSON, TOOLS
from gateway.providers.beside_chat import OPENAIS
from gateway.providers.request_fields import MISTRAL_CHAT, OPENAI_CHAT
from gateway.providers.vendor import Vendor, speaks_openai
from gateway.values.auth import Auth
from gateway.values.deployment import Capability
from gateway.values.surface import Serves
from gateway.values.taken_fields import TakenFields

_NO_TOP_K = frozenset({"top_k"})
_OPENAI_TAKES = replace(OPENAI_CHAT, beside_chat=fields_beside_chat.OPENAI)
_COHERE_LACKS = frozenset({"audio", "logit_bias", "metadata", "modalities", "prediction", "service_tier", "store"})

# how the names of models begin that think, and can be asked for their thoughts
_RESPONSES = {RESPONSES.name: ResponsesTranslator(thinking=("gpt-5", "gpt-6", "o1", "o3", "o4", "codex"))}

MODEL_MAKERS: dict[str, Vendor] = {
    "openai": speaks_openai(
        "OpenAI",
        "OpenAI's OpenAPI description 2.3.0; Rate limits, Error codes (2026-11)",
        "https://api.openai.com/v1",
        limit_name="max_completion_tokens",
        finishes=OPENAI_FINISHES,
        completions=True,
        most_inputs=2048,
        most_tokens=250_000,  # it refuses more than 300,000, which are estimated here
        refuses=_NO_TOP_K,
        takes=_OPENAI_TAKES,
        capabilities=ALL,
        beside=OPENAIS,
        ways=Ways(usage=OPENAI_USAGE),
        own_tools=True,
        also=_RESPONSES,
    ),
    # the v1 API of a resource: https://RESOURCE.openai.azure.com/openai/v1, where the model is the deployment's name there
    "azure": speaks_openai(
        "Azure OpenAI, v1",
        "Azure OpenAI, API version lifecycle; v1 preview REST reference (2026-11)",
        limit_name="max_completion_tokens",
        finishes=OPENAI_FINISHES,
        completions=True,
        most_inputs=2048,
        most_tokens=250_000,
        refuses=_NO_TOP_K,
        takes=_OPENAI_TAKES,
        auth=Auth.API_KEY,
        capabilities=ALL,
        beside=OPENAIS,
        ways=Ways(usage=OPENAI_USAGE),
        own_tools=True,
        also=_RESPONSES,
    ),
    # the paths of a resource's deployments: https://RESOURCE.openai.azure.com/openai
    "azure_deployments": speaks_openai(
        "Azure OpenAI, deployment paths",
        "Azure OpenAI, REST API reference 2024-10-21",
        limit_name="max_completion_tokens",
        finishes=OPENAI_FINISHES,
        completions=True,
        most_inputs=2048,
        most_tokens=250_000,
        refuses=_NO_TOP_K,
        takes=_OPENAI_TAKES,
        auth=Auth.API_KEY,
        api_version="2024-10-21",
        models=None,  # it lists base models, not the deployments
        capabilities=ALL,
        beside=OPENAIS,
        ways=Ways(before="/deployments/{model}", after="?api-version={api_version}", usage=OPENAI_USAGE),
    ),
    # it goes on with no answer of another: the models since Claude 4.6 refuse a conversation that ends with the assistant's turn
    "anthropic": Vendor(
        title="Anthropic",
        source="Anthropic's API reference and Python SDK 2.14 (2026-11)",
        chat=ANTHROPIC,
        translators={Serves.CHAT: AnthropicTranslator()},
        auth=Auth.X_API_KEY,
        base_urls={"": "https://api.anthropic.com/v1"},
        limit_name="max_tokens",
        counts="cached and written beside input, thinking in output",
        reasoning="thinking blocks",
        rate_headers=("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-tokens-remaining"),
        capabilities=TOOLS | {Capability.VISION, Capability.JSON_SCHEMA},
        own_tools=True,
    ),
    "deepseek": speaks_openai(
        "DeepSeek",
        "DeepSeek API docs, Create chat completion and Error codes (2026-11)",
        "https://api.deepseek.com/v1",
        limit_name="max_tokens",
        capabilities=TOOLS | {Capability.JSON_OBJECT},
        reasoning="reasoning_content",
        ways=Ways(
            usage=UsageConvention(
                sentence="prompt_cache_hit_tokens in prompt, reasoning in completion", reasoning_beside=False
            )
        ),
    ),
    "mistral": speaks_openai(
        "Mistral",
        "Mistral's API reference (2026-11); headers: mistralai/client-ts#169; max_completion_tokens and stream_options are refused",
        "https://api.mistral.ai/v1",
        limit_name="max_tokens",
        most_inputs=512,
        refuses=frozenset({"top_k", "user", "service_tier"}),
        takes=MISTRAL_CHAT,
        beside=frozenset({Serves.MODERATIONS, Serves.TRANSCRIPTIONS}),
        capabilities=TOOLS | JSON | {Capability.MULTIPLE_CHOICES},
        reasoning="parts of content, of type thinking",
        ways=Ways(
            renames={"seed": "random_seed"},
            usage_unasked=True,
            usage=UsageConvention(
                sentence="cached in prompt (num_cached_tokens), reasoning in completion",
                reasoning_beside=False,
                running=True,
            ),
            rate_headers=RateHeaders(
                requests=(("x-ratelimit-remaining-req-minute", "x-ratelimit-reset-req-minute"),),
                tokens=(("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),),
            ),
            codes=error_codes.MISTRAL,
        ),
    ),
    "xai": speaks_openai(
        "xAI",
        "xAI's docs, Chat completions and Cost tracking (2026-11)",
        "https://api.x.ai/v1",
        refuses=_NO_TOP_K,
        beside=frozenset({Serves.IMAGES}),
        capabilities=TOOLS | JSON | {Capability.VISION},
        reasoning="reasoning_content",
        ways=Ways(
            usage=UsageConvention(
                sentence="cached in prompt, reasoning beside completion; cost_in_usd_ticks",
                reasoning_beside=True,
                cost=("cost_in_usd_ticks",),
                cost_unit_usd=1e-10,
            )
        ),
    ),
    # its chat completions were to end on 2026-09-27: newer models are on its API of responses
    "perplexity": speaks_openai(
        "Perplexity",
        "Perplexity's Sonar API, Chat completions and Pricing (2025-11), and answers recorded in 2026-08",
        "https://api.perplexity.ai",
        models=None,
        limit_name="max_tokens",
        refuses=frozenset({"tools", "tool_choice", "parallel_tool_calls", "seed", "user", "service_tier"}),
        capabilities=frozenset({Capability.JSON_SCHEMA}),
        ways=Ways(
            usage_unasked=True,
            usage=UsageConvention(
                sentence="reasoning beside completion, citations beside prompt; cost.total_cost",
                reasoning_beside=True,
                prompt_beside=("citation_tokens",),
                searches="num_search_queries",
                cost=("cost", "total_cost"),
                running=True,
            ),
        ),
    ),
    "cohere": speaks_openai(
        "Cohere, compatible API",
        "Cohere, Using Cohere models via the OpenAI SDK (2026-11); it refuses stream_options",
        "https://api.cohere.ai/compatibility/v1",
        limit_name="max_tokens",
        most_inputs=96,
        takes=TakenFields(lacks=_COHERE_LACKS),
        refuses=frozenset({"top_k", "parallel_tool_calls", "service_tier"}),
        capabilities=TOOLS | JSON,
        ways=Ways(usage_unasked=True),
    ),
    "alibaba": speaks_openai(
        "Alibaba Cloud Model Studio (Qwen)",
        "Alibaba Cloud Model Studio, OpenAI compatible chat and Error codes (2026-11)",
        base_urls={
            "international": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            "china": "https://dashscope.aliyuncs.com/compatible-mode/v1",
        },
        limit_name="max_tokens",
        most_inputs=10,
        capabilities=CALLS,
        reasoning="reasoning_content",
        ways=Ways(codes=error_codes.ALIBABA),
    ),
    "moonshot": speaks_openai(
        "Moonshot (Kimi)",
        "Kimi API platform, Chat and API error codes (2026-11)",
        base_urls={"international": "https://api.moonshot.ai/v1", "china": "https://api.moonshot.cn/v1"},
        limit_name="max_completion_tokens",
        capabilities=CALLS,
        reasoning="reasoning_content",
        ways=Ways(
            usage=UsageConvention(
                sentence="cached in prompt, reasoning in completion; streams say it in the choice that ends, too",
                reasoning_beside=False,
                in_streams=("choices", "usage"),
            ),
            rate_headers=RateHeaders(requests=(("x-ratelimit-remaining", "x-ratelimit-reset"),)),
            codes=error_codes.MOONSHOT,
        ),
    ),
    "zhipu": speaks_openai(
        "Zhipu (GLM, Z.AI)",
        "Z.AI and BigModel API reference, Chat completion and Error codes (2026-11)",
        base_urls={
            "international": "https://api.z.ai/api/paas/v4",
            "china": "https://open.bigmodel.cn/api/paas/v4",
        },
        limit_name="max_tokens",
        most_inputs=64,
        capabilities=CALLS,
        reasoning="reasoning_content",
        ways=Ways(codes=error_codes.ZHIPU),
    ),
    "minimax": speaks_openai(
        "MiniMax",
        "MiniMax API reference, OpenAI compatible text and Error codes (2026-11)",
        base_urls={"international": "https://api.minimax.io/v1", "china": "https://api.minimaxi.com/v1"},
        limit_name="max_completion_tokens",
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning_details, where reasoning_split is asked for",
        ways=Ways(codes=error_codes.MINIMAX),
    ),
    # `max_tokens` is of the answer there, and `max_completion_tokens` of thoughts and answer: both go on as they are
    "volcengine": speaks_openai(
        "Volcengine Ark (Doubao)",
        "Volcengine Ark, Chat API and Error codes (82379/1494384, 82379/1099476; 2026-11)",
        "https://ark.cn-beijing.volces.com/api/v3",
        most_inputs=256,
        capabilities=CALLS,
        reasoning="reasoning_content",
        ways=Ways(codes=error_codes.VOLCENGINE),
    ),
}
