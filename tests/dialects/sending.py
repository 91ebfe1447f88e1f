"""A request on its way to a provider, as the flow does it: prepared once, then encoded."""

from collections.abc import Sequence

from gateway.dialects.contract import Adapted, Deviation, Dialect, Fields, Prepared, Preparer, Translator
from gateway.values.call import Call
from gateway.values.chat import Chat
from gateway.values.deployment import Deployment
from gateway.values.request import Request


def prepared(translator: Translator, request: Request) -> Prepared:
    return translator.prepare(request) if isinstance(translator, Preparer) else Prepared(request)


def sent(translator: Translator, request: Request, target: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The call, and what of the request is lost."""
    ready = prepared(translator, request)
    return translator.encode(ready.request, target), ready.lost


def paths(deviations: Sequence[Deviation], kind: type = object) -> tuple[str, ...]:
    """What of a chat is not said as it was; only what is lost (`str`), or only what is adapted."""
    found = [one for one in deviations if isinstance(one, kind)]
    return tuple(one.path if isinstance(one, Adapted) else one for one in found)


def told(dialect: Dialect, chat: Chat) -> tuple[Fields, tuple[str, ...]]:
    """The body, and what it says otherwise than the chat; but for a bound of the answer that the provider has to have."""
    fields, deviations = dialect.fields(chat)
    return fields, tuple(path for path in paths(deviations) if path != "max_tokens")
