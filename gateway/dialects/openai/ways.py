"""In what the APIs of vendors that speak this dialect differ: columns of their rows."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from gateway.dialects.openai.usage_convention import UNKNOWN as UNKNOWN_USAGE
from gateway.dialects.openai.usage_convention import UsageConvention
from gateway.dialects.refusals import Codes
from gateway.values.deployment import Deployment

Pair = tuple[str, str]  # the headers that say what is left, and when it is all there again


class RateHeaders(msgspec.Struct, frozen=True):
    """Names of headers beside OpenAI's, in lower case. The first pair that is there counts."""

    requests: tuple[Pair, ...] = ()
    tokens: tuple[Pair, ...] = ()


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """`before` and `after`: what stands around the path of a call; `{model}` and `{api_version}` are put in.

    `renames`: members of a chat's body that it knows under another name, which wins where a caller sends both.
    `usage`: how it counts; `usage_unasked`: its streams say it unasked, and `stream_options` are refused.
    `codes`: what its own codes of errors mean.
    """

    before: str = ""
    after: str = ""
    renames: Mapping[str, str] = {}
    usage_unasked: bool = False
    usage: UsageConvention = UNKNOWN_USAGE
    rate_headers: RateHeaders = RateHeaders()
    codes: Codes = {}

    def path(self, path: str, target: Deployment) -> str:
        """Where a call to this deployment goes."""
        if not self.before and not self.after:
            return path
        around = {"model": quote(target.model, safe=""), "api_version": quote(target.api_version or "", safe="")}
        return self.before.format(**around) + path + self.after.format(**around)


USUAL = Ways()
