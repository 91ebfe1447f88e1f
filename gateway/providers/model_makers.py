"""Who serves models of its own: a row each. What of a row was checked, and against what, its `source` says."""

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
from gateway.providers.beside_chat import IMAGES, OPENAIS, SOUND
from gateway.providers.request_fields import MISTRAL_CHAT, OPENAI_CHAT
from gateway.providers.vendor import Vendor, Verified, speaks_openai
from gateway.values.auth import Auth
from gateway.values.deployment import Capability
from gateway.values.surface import SURFACES, Serves, Surface
from gateway.values.taken_fields import TakenFields

_NO_TOP_K = frozenset({"top_k"})
_OPENAI_TAKES = replace(OPENAI_CHAT, beside_chat=fields_beside_chat.OPENAI)
_AZURES = SOUND | IMAGES  # it has no moderations
_COHERE_LACKS = frozenset({"audio", "logit_bias", "metadata", "modalities", "prediction", "service_tier", "store"})

# how the names of models begin that think, and can be asked for their thoughts
_OF_RESPONSES = frozenset({Surface.RESPONSES})  # chat completions have no word for tools that a provider runs
_RESPONSES = {RESPONSES.name: ResponsesTranslator(thinking=("gpt-5", "gpt-6", "o1", "o3", "o4", "codex"))}

MODEL_MAKERS: dict[str, Vendor] = {
    "openai": speaks_openai(
        "OpenAI",
        "OpenAI's OpenAPI description 2.3.0",
        "https://api.openai.com/v1",
        verified=Verified.DOCUMENTATION,
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
        own_tools=_OF_RESPONSES,
        also=_RESPONSES,
    ),
    # the v1 API of a resource: https://RESOURCE.openai.azure.com/openai/v1, where the model is the deployment's name there
    "azure": speaks_openai(
        "Azure OpenAI, v1",
        "Azure OpenAI, API version lifecycle (address, key; read in 2026-11); what else it serves as by its deployment paths",
        verified=Verified.DOCUMENTATION,
        limit_name="max_completion_tokens",
        finishes=OPENAI_FINISHES,
        completions=True,
        most_inputs=2048,
        most_tokens=250_000,
        refuses=_NO_TOP_K,
        takes=_OPENAI_TAKES,
        auth=Auth.API_KEY,
        capabilities=ALL,
        beside=_AZURES,
        ways=Ways(usage=OPENAI_USAGE),
        own_tools=_OF_RESPONSES,
        also=_RESPONSES,
    ),
    # the paths of a resource's deployments: https://RESOURCE.openai.azure.com/openai
    "azure_deployments": speaks_openai(
        "Azure OpenAI, deployment paths",
        "OpenAI's Python SDK 3.54, lib/azure.py (paths, key); the API's version not checked",
        verified=Verified.DOCUMENTATION,
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
        beside=_AZURES,
        ways=Ways(before="/deployments/{model}", after="?api-version={api_version}", usage=OPENAI_USAGE),
    ),
    # it goes on with no answer of another: the models since Claude 4.6 refuse a conversation that ends with the assistant's turn
    "anthropic": Vendor(
        title="Anthropic",
        source="Anthropic's Python SDK 2.14 (2026-11)",
        verified=Verified.DOCUMENTATION,
        chat=ANTHROPIC,
        translators={Serves.CHAT: AnthropicTranslator()},
        auth=Auth.X_API_KEY,
        base_urls={"": "https://api.anthropic.com/v1"},
        limit_name="max_tokens",
        counts="cached and written beside input, thinking in output",
        reasoning="thinking blocks",
        rate_headers=("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-tokens-remaining"),
        capabilities=TOOLS | {Capability.VISION, Capability.JSON_SCHEMA},
        own_tools=SURFACES[Serves.CHAT],
    ),
    "deepseek": speaks_openai(
        "DeepSeek",
        "answers recorded in the Vercel AI SDK (2026); DeepSeek API docs, Error codes, in excerpts (2026-11)",
        "https://api.deepseek.com/v1",
        verified=Verified.RECORDED,
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
        "Mistral's Python SDK, ChatCompletionRequest (02e327f); answers recorded in the Vercel AI SDK (2026); headers: "
        "mistralai/client-ts#169; stream_options are refused: dnakov/anon-kode#53",
        "https://api.mistral.ai/v1",
        verified=Verified.RECORDED,
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
        "answers recorded in the Vercel AI SDK (2026); xAI's docs, Cost tracking and Image Generation, in excerpts (2026-11)",
        "https://api.x.ai/v1",
        verified=Verified.RECORDED,
        refuses=_NO_TOP_K,
        beside=frozenset({Serves.IMAGES}),  # its edits are JSON, no form
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
        "answers recorded in the Vercel AI SDK (2026-08); Perplexity's Python SDK, CompletionCreateParams (dfabd98)",
        "https://api.perplexity.ai",
        verified=Verified.RECORDED,
        models=None,
        limit_name="max_tokens",
        refuses=frozenset({"seed", "user", "service_tier"}),
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
        "Cohere, Using Cohere models via the OpenAI SDK (cohere-developer-experience, 0f369fc), and its #606: it takes "
        "stream_options; Errors (2026-11)",
        "https://api.cohere.ai/compatibility/v1",
        verified=Verified.DOCUMENTATION,
        limit_name="max_tokens",
        most_inputs=96,
        takes=TakenFields(lacks=_COHERE_LACKS, beside_chat=fields_beside_chat.COHERE),
        refuses=frozenset({"top_k", "parallel_tool_calls", "service_tier"}),
        # a schema there is a member of `json_object`, and `tool_choice` is no parameter of it
        capabilities=CALLS,
    ),
    "alibaba": speaks_openai(
        "Alibaba Cloud Model Studio (Qwen)",
        "answers recorded in the Vercel AI SDK (2026); Alibaba Cloud Model Studio, Error codes, in excerpts (2026-11)",
        verified=Verified.RECORDED,
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
        "answers and errors recorded in the Vercel AI SDK (2026-08); errors: MoonshotAI/kimi-cli#2011; other codes not checked",
        verified=Verified.RECORDED,
        base_urls={"international": "https://api.moonshot.ai/v1", "china": "https://api.moonshot.cn/v1"},
        limit_name="max_completion_tokens",
        capabilities=CALLS | {Capability.JSON_SCHEMA},
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
        "Z.AI's Python SDK, api_resource/chat/completions.py (63d663b) and types of chat (43e2573); Z.AI and BigModel, Error "
        "codes, in excerpts (2026-11); stream_options not checked",
        verified=Verified.DOCUMENTATION,
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
        "LiteLLM, llms/minimax/chat (6c6585a): addresses, reasoning_split; MiniMax, Error codes, in parts (2026-11)",
        verified=Verified.OTHERS,
        base_urls={"international": "https://api.minimax.io/v1", "china": "https://api.minimaxi.com/v1"},
        limit_name="max_completion_tokens",
        capabilities=frozenset({Capability.TOOLS}),
        reasoning="reasoning_details, where reasoning_split is asked for",
        ways=Ways(codes=error_codes.MINIMAX),
    ),
    # `max_tokens` is of the answer there, and `max_completion_tokens` of thoughts and answer: both go on as they are
    "volcengine": speaks_openai(
        "Volcengine Ark (Doubao)",
        "Volcengine's Python SDK, volcenginesdkarkruntime/types/chat (3bfeb69); Volcengine Ark, Error codes (82379/1099476), in "
        "parts (2026-11); its two names of the limit not checked",
        "https://ark.cn-beijing.volces.com/api/v3",
        verified=Verified.DOCUMENTATION,
        most_inputs=256,
        capabilities=CALLS,
        reasoning="reasoning_content",
        ways=Ways(codes=error_codes.VOLCENGINE),
    ),
}
