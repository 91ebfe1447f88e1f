"""A request on its way to a provider, as the flow does it: prepared once, then encoded."""

from gateway.dialects.contract import Prepared, Preparer, Translator
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.request import Request


def prepared(translator: Translator, request: Request) -> Prepared:
    return translator.prepare(request) if isinstance(translator, Preparer) else Prepared(request)


def sent(translator: Translator, request: Request, target: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The call, and what of the request is lost."""
    ready = prepared(translator, request)
    return translator.encode(ready.request, target), ready.lost
