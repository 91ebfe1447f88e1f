"""What the table of vendors tells the catalogue."""

from collections.abc import Mapping

import msgspec

from gateway.values.deployment import Capability
from gateway.values.surface import Serves, Surface


class Offer(msgspec.Struct, frozen=True):
    """What a vendor's servers can serve: with every model of theirs (`usual`), and with a model that is for it.

    `gauges`: they say how busy they are, as vLLM does at `/metrics`. `own_tools`: on which surfaces they run tools of their own,
    such as a web search, and bill them. `continues`: they go on with an answer that another one began. `base_urls`: where they
    are, by region; one alone is where a deployment is that does not say. `api_version`: what its addresses carry where it names
    no other; None: nothing. `capabilities`: what a model of theirs can do where nothing is said of it. `is_aws`: calls are
    signed as AWS wants it, and an address has no path.
    """

    usual: frozenset[Serves]
    possible: frozenset[Serves]
    gauges: bool = False
    own_tools: frozenset[Surface] = frozenset()
    continues: bool = False
    base_urls: Mapping[str, str] = {}
    api_version: str | None = None
    capabilities: frozenset[Capability] = frozenset()
    is_aws: bool = False


Offers = Mapping[str, Offer]  # by provider, a row of the vendor table
