"""One gateway in front of providers of both dialects."""

from collections.abc import Iterator

import pytest

from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess
from tests.support.in_process import in_front_of
from tests.support.two_sides import SECRETS, TwoSides, configuration


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    """With keys: an application's, an operator's, a narrow one. For each module: a failure here closes no breaker there.

    On virtual time.
    """
    directory = tmp_path_factory.mktemp("two_sides")
    with in_front_of(1, directory, lambda stands: configuration(stands[0].base_url), SECRETS) as here:
        yield TwoSides(here.gateway, here.stands[0])


@pytest.fixture(scope="module")
def served_sides(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    """The same as a process, for those who come over a socket."""
    directory = tmp_path_factory.mktemp("served_sides")
    with GatewayProcess(directory, configuration(upstream.base_url), SECRETS) as gateway:
        yield TwoSides(gateway, upstream)
