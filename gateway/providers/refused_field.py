"""Which member of the body a provider refuses because it does not take it, as it says in its own words.

Seen: OpenAI's "Unrecognized request argument supplied: top_k" and "Unsupported parameter: 'max_tokens' is not supported
with this model.", Groq's "property 'top_k' is unsupported", xAI's "Argument not supported on this model: logit_bias",
Google's 'Unknown name "top_k": Cannot find field.', pydantic's "Extra inputs are not permitted", vLLM's "suffix is not
currently supported". A value that is out of
its range is no such refusal.
"""

import re

from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request

_NOT_TAKEN = re.compile(
    r"unsupported|not (?:currently |yet )?supported|does not support|"
    r"unrecogni[sz]ed|unknown (?:name|field|parameter|argument)|unknown_parameter|"
    r"unexpected (?:keyword|property|field|parameter|argument)|not permitted|not allowed|extra_forbidden|additional propert"
)
_WORDS = re.compile(r"""(^|["'`:,.] ?)?([A-Za-z_][A-Za-z0-9_]*)""")
_LONGEST = 2_000  # characters that are looked at
_NEVER = frozenset(
    {"input", "messages", "model", "prompt", "stream"}
)  # every server takes these: what is refused is what is in them


def refused_field(failure: AttemptFailed, request: Request) -> str | None:
    """The member of the body that the provider says it does not take, inner ones as `messages.reasoning`; None if it says
    no such thing.
    """
    words = (failure.message or "")[:_LONGEST]
    if not _NOT_TAKEN.search(f"{failure.code} {words}".lower()):
        return None
    at = (failure.param or "").rpartition(".")[2]
    said = (at, *(one[2] for one in _WORDS.finditer(words) if one[1] is not None or "_" in one[2]))
    return next((found for name in said if (found := _member(name, request)) is not None), None)


def _member(name: str, request: Request) -> str | None:
    if name in request.fields:
        return None if name in _NEVER else name
    return next((one for one in request.facts.extra_fields if one.partition(".")[2] == name != ""), None)
