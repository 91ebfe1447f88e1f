"""One gateway in front of providers of both dialects."""

from collections.abc import Iterator

import pytest

from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess
from tests.support.two_sides import SECRETS, TwoSides, configuration


@pytest.fixture(scope="module")
def sides(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    """With keys: an application's, an operator's, a narrow one. For each module: a failure here closes no breaker there."""
    directory = tmp_path_factory.mktemp("two_sides")
    with GatewayProcess(directory, configuration(upstream.base_url), SECRETS) as gateway:
        yield TwoSides(gateway, upstream)
