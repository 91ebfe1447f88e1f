"""The vendors, one row each. A vendor that speaks a dialect we have is a row; behaviour of its own earns a file.

To add one: a row here, one in `FIELDS`, and its captured answers under tests/golden/<name>/.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.contract import Continuer, Dialect, TokenCounter, Translator
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.completions import CompletionsTranslator
from gateway.dialects.openai.dialect import OPENAI, OpenAIDialect
from gateway.dialects.openai.embeddings import EmbeddingsTranslator
from gateway.dialects.openai.finish import OPENAI as OPENAI_FINISHES
from gateway.dialects.openai.finish import VLLM
from gateway.dialects.responses import ResponsesTranslator
from gateway.dialects.responses.dialect import RESPONSES
from gateway.dialects.responses.sealed import owner_of
from gateway.dialects.translated import translated
from gateway.providers import fields_beside_chat
from gateway.providers.llama_cpp import LlamaCppCompletions, LlamaCppTranslator
from gateway.providers.request_fields import LLAMA_CPP_CHAT, OPENAI_CHAT, VLLM_CHAT
from gateway.providers.vllm import VllmTranslator
from gateway.values.auth import Auth
from gateway.values.deployment import Deployment
from gateway.values.skill import Skill, Skills
from gateway.values.surface import SERVES, Offer, Serves, Surface
from gateway.values.taken_fields import UNKNOWN_FIELDS, Vendors


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """A row. `chat`: its dialect of conversations, and `translators` by what they serve. `usual`: what every model of its
    serves. `gauges`: its servers say how busy they are (`gateway.watch.vllm_metrics`). `own_tools`: they run tools that a
    request of its dialect names, such as a web search, and bill them. `also`: other dialects of conversations that its servers
    speak, by name: their callers' bytes pass through.
    """

    chat: Dialect
    translators: Mapping[Serves, Translator]
    usual: frozenset[Serves] = frozenset({Serves.CHAT})
    auth: Auth = Auth.BEARER
    gauges: bool = False
    own_tools: bool = False
    also: Mapping[str, Translator] = {}


_TEXT = frozenset({Serves.CHAT, Serves.COMPLETIONS})

VENDORS: dict[str, Vendor] = {
    "openai": Vendor(
        chat=OpenAIDialect("max_completion_tokens", frozenset({"top_k"})),
        translators={
            Serves.CHAT: OpenAITranslator(usage_in_streams=True, finishes=OPENAI_FINISHES),
            Serves.COMPLETIONS: CompletionsTranslator(usage_in_streams=True, finishes=OPENAI_FINISHES),
            Serves.EMBEDDINGS: EmbeddingsTranslator(
                most_inputs=2048, most_tokens=250_000
            ),  # it refuses more than 300,000, which are estimated here
        },
        own_tools=True,
        also={RESPONSES.name: ResponsesTranslator(thinking=("gpt-5", "gpt-6", "o1", "o3", "o4", "codex"))},
    ),
    "vllm": Vendor(
        chat=OPENAI,
        translators={
            Serves.CHAT: VllmTranslator(),
            Serves.COMPLETIONS: CompletionsTranslator(usage_in_streams=True, finishes=VLLM),
            Serves.EMBEDDINGS: EmbeddingsTranslator(
                most_inputs=1024
            ),  # it takes any number, at the price of others' waits
        },
        usual=_TEXT,
        gauges=True,
    ),
    "llama_cpp": Vendor(
        chat=OPENAI,
        translators={
            Serves.CHAT: LlamaCppTranslator(),
            Serves.COMPLETIONS: LlamaCppCompletions(),
            Serves.EMBEDDINGS: EmbeddingsTranslator(most_inputs=256),
        },
        usual=_TEXT,
    ),
    # it goes on with no answer of another: the models since Claude 4.6 refuse a conversation that ends with the assistant's turn
    "anthropic": Vendor(
        chat=ANTHROPIC, translators={Serves.CHAT: AnthropicTranslator()}, auth=Auth.X_API_KEY, own_tools=True
    ),
    # any other server with Open Responses, and no chat completions
    "open_responses": Vendor(
        chat=RESPONSES, translators={Serves.CHAT: ResponsesTranslator(thinking=("",))}, own_tools=True
    ),
    # any other server with OpenAI's chat completions; `stream_options` is not sent to it unless the caller does
    "openai_compatible": Vendor(
        chat=OPENAI,
        translators={
            Serves.CHAT: OpenAITranslator(usage_in_streams=False),
            Serves.COMPLETIONS: CompletionsTranslator(usage_in_streams=False),
            Serves.EMBEDDINGS: EmbeddingsTranslator(most_inputs=96),  # Cohere's, the lowest that is known
        },
    ),
}

# in which dialect the callers of a surface speak
CALLERS: dict[Surface, Dialect] = {
    Surface.CHAT: OPENAI,
    Surface.MESSAGES: ANTHROPIC,
    Surface.COUNT_TOKENS: ANTHROPIC,
    Surface.RESPONSES: RESPONSES,
}


def _skills(vendor: Vendor) -> frozenset[Skill]:
    verbs = {Skill.CONTINUE: Continuer, Skill.COUNT: TokenCounter}
    chat = vendor.translators.get(Serves.CHAT)
    return frozenset(skill for skill, verb in verbs.items() if isinstance(chat, verb))


SKILLS: Skills = {name: _skills(vendor) for name, vendor in VENDORS.items()}

OFFERS: dict[str, Offer] = {
    name: Offer(
        one.usual,
        frozenset(one.translators),
        gauges=one.gauges,
        own_tools=one.own_tools,
        continues=Skill.CONTINUE in SKILLS[name],
    )
    for name, one in VENDORS.items()
}


def translator(vendor: Vendor, surface: Surface, owner: str = "") -> Translator | None:
    """What answers a surface's requests by this vendor; None if it cannot. `owner`: who encrypts thoughts there."""
    serves = SERVES[surface]
    own = vendor.translators.get(serves)
    if own is None or serves is not Serves.CHAT:
        return own
    asks = CALLERS[surface]
    if asks.name in vendor.also:
        return _owned(vendor.also[asks.name], owner)
    own = _owned(own, owner)
    return own if asks.name == vendor.chat.name else translated(asks, vendor.chat, own)


def _owned(one: Translator, owner: str) -> Translator:
    return one.owned_by(owner) if isinstance(one, ResponsesTranslator) else one


def translators(deployments: Mapping[str, Deployment]) -> dict[Surface, dict[str, Translator]]:
    """By surface, those of the deployments that serve it."""
    found: dict[Surface, dict[str, Translator]] = {surface: {} for surface in Surface}
    for name, deployment in deployments.items():
        for surface in deployment.surfaces:
            owner = owner_of(deployment.provider, *deployment.addresses[:1])
            made = translator(VENDORS[deployment.provider], surface, owner)
            if made is not None:
                found[surface][name] = made
    return found


# which members of a body they take (gateway/providers/request_fields.py, fields_beside_chat.py)
FIELDS: Vendors = {
    "openai": replace(OPENAI_CHAT, beside_chat=fields_beside_chat.OPENAI),
    "vllm": replace(VLLM_CHAT, beside_chat=fields_beside_chat.VLLM),
    "llama_cpp": replace(LLAMA_CPP_CHAT, beside_chat=fields_beside_chat.LLAMA_CPP),
    "openai_compatible": UNKNOWN_FIELDS,
    "anthropic": UNKNOWN_FIELDS,  # what a translation loses it says itself
    "open_responses": UNKNOWN_FIELDS,
}
