"""The columns of the table of vendors, and how a row that speaks OpenAI's dialect is written."""

import enum
from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import ProviderSide, Translator
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.completions import CompletionsTranslator
from gateway.dialects.openai.dialect import OpenAIDialect
from gateway.dialects.openai.embeddings import EmbeddingsTranslator
from gateway.dialects.openai.finish import ANY
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.rerank import Documents, RerankTranslator
from gateway.providers.beside_chat import beside_chat
from gateway.values.auth import Auth
from gateway.values.deployment import Capability
from gateway.values.surface import Serves, Surface
from gateway.values.taken_fields import UNKNOWN_FIELDS, TakenFields

_LIMITS = ("max_completion_tokens", "max_tokens")


class StreamUsage(enum.Enum):
    """How a stream comes to say what was used."""

    ASKED = "asked"  # by `stream_options`, which the gateway sends
    UNASKED = "unasked"  # always; `stream_options` are not sent
    UNKNOWN = "unknown"  # `stream_options` are sent where the caller does


class Verified(enum.Enum):
    """By what the facts of a row were checked: the best that was opened of its `source`. What it does not show is unchecked."""

    RECORDED = "recorded answers"  # what its servers said, recorded here or by others
    CODE = "source code"  # of the server
    DOCUMENTATION = "documentation"  # its own pages, description of the API, or official SDK
    OTHERS = "others' clients"  # code that is said to work with it, such as LiteLLM's
    NOT = "not checked"


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """A row: how one vendor's servers are spoken with.

    `title`: its name as people write it. `source`: what the row was checked against, with its date or version; `verified`:
    what kind of evidence that is.

    Where and as whom: `base_urls` by region; where there is one, a deployment need not name it. `auth`: how it is given the
    key. `api_version`: what its addresses carry, where the deployment names no other. `models`: the path that lists its models;
    None: there is none.

    What it speaks: `chat` is its dialect of conversations, `translators` are by what they serve; `usual` is what every model
    of its serves. `takes`: which members of a body it takes, and which it lacks. `capabilities`: what its models can do, where
    a deployment does not say. `limit_name`: what it calls the bound of an answer's tokens; None: either name. `renames`: all
    members of a chat's body that it knows under another name.

    What it answers: `counts`, its usage in words, and `stream_usage`; `reasoning`, the member of a message in which it shows
    thoughts; `rate_headers`, in which it says what is left.

    `also`: other dialects of conversations that its servers speak, by name: their callers' bytes pass through.

    `gauges`: its servers say how busy they are (`gateway.watch.vllm_metrics`). `own_tools`: on which surfaces they
    run tools that a request names, such as a web search, and bill them.
    """

    title: str
    source: str
    verified: Verified = Verified.NOT
    chat: ProviderSide
    translators: Mapping[Serves, Translator]
    usual: frozenset[Serves] = frozenset({Serves.CHAT})
    auth: Auth = Auth.BEARER
    base_urls: Mapping[str, str] = {}
    api_version: str | None = None
    models: str | None = "/models"
    takes: TakenFields = UNKNOWN_FIELDS
    capabilities: frozenset[Capability] = frozenset()
    limit_name: str | None = None
    renames: Mapping[str, str] = {}
    counts: str = "unknown"
    stream_usage: StreamUsage = StreamUsage.UNASKED
    reasoning: str | None = None
    rate_headers: tuple[str, ...] = ()
    gauges: bool = False
    own_tools: frozenset[Surface] = frozenset()
    also: Mapping[str, Translator] = {}


def speaks_openai(  # noqa: PLR0913 - the columns
    title: str,
    source: str,
    base_url: str | None = None,
    *,
    verified: Verified = Verified.NOT,
    limit_name: str | None = None,
    usage_in_streams: bool = True,
    finishes: frozenset[str] = ANY,
    completions: bool = False,
    most_inputs: int | None = None,
    most_tokens: int | None = None,
    ways: Ways = USUAL,
    refuses: frozenset[str] = frozenset(),
    base_urls: Mapping[str, str] | None = None,
    usual: frozenset[Serves] = frozenset({Serves.CHAT}),
    auth: Auth = Auth.BEARER,
    api_version: str | None = None,
    models: str | None = "/models",
    takes: TakenFields = UNKNOWN_FIELDS,
    capabilities: frozenset[Capability] = frozenset(),
    reasoning: str | None = None,
    beside: frozenset[Serves] = frozenset(),
    own_tools: frozenset[Surface] = frozenset(),
    also: Mapping[str, Translator] | None = None,
    documents: Documents | None = None,
) -> Vendor:
    """The row of a vendor whose API is OpenAI's but for these columns, beside those of `Vendor`.

    `usage_in_streams`: it takes `stream_options.include_usage`; `finishes`: the finish reasons that it gives; `completions`: it
    has the legacy ones; `most_inputs`, `most_tokens`: in one request for embeddings, where it has them; `beside`: what else of
    `gateway.providers.beside_chat` it has; `documents`: what it takes as one, where it reranks; `refuses`: members
    of the canonical chat that it takes no word for.
    """
    if limit_name is not None:
        (other,) = (name for name in _LIMITS if name != limit_name)
        ways = msgspec.structs.replace(ways, renames={**ways.renames, other: limit_name})
    translators: dict[Serves, Translator] = {
        Serves.CHAT: OpenAITranslator(usage_in_streams=usage_in_streams, finishes=finishes, ways=ways)
    }
    if completions:
        translators[Serves.COMPLETIONS] = CompletionsTranslator(
            usage_in_streams=usage_in_streams, finishes=finishes, ways=ways
        )
    if most_inputs is not None:
        translators[Serves.EMBEDDINGS] = EmbeddingsTranslator(most_inputs, most_tokens, ways)
    translators |= beside_chat(beside, ways)
    if documents is not None:
        translators[Serves.RERANK] = RerankTranslator(documents, ways=ways)
    of_headers = (*ways.rate_headers.requests, *ways.rate_headers.tokens)
    return Vendor(
        title=title,
        source=source,
        verified=verified,
        chat=OpenAIDialect(limit_name or "max_tokens", refuses, takes),
        translators=translators,
        usual=usual,
        auth=auth,
        base_urls=base_urls or ({} if base_url is None else {"": base_url}),
        api_version=api_version,
        models=models,
        takes=takes,
        capabilities=capabilities,
        limit_name=limit_name,
        renames=ways.renames,
        counts=ways.usage.sentence,
        stream_usage=(
            StreamUsage.UNASKED
            if ways.usage_unasked
            else StreamUsage.ASKED
            if usage_in_streams
            else StreamUsage.UNKNOWN
        ),
        reasoning=reasoning,
        rate_headers=tuple(left for left, _ in of_headers),
        own_tools=own_tools,
        also=also or {},
    )
