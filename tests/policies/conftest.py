"""Each test module has its own gateway in front of its own upstreams, on virtual time."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.example import Example


@pytest.fixture(scope="module")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example that the module is about: its `EXAMPLE`, changed by its `PATCH` if it has one."""
    with _of_module(request.module, tmp_path_factory) as running:
        yield running


@pytest.fixture
def fresh_example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The same for one test alone: it has learned nothing yet."""
    with _of_module(request.module, tmp_path_factory) as running:
        yield running


def _of_module(module: Any, directories: pytest.TempPathFactory) -> Example:
    return Example(module.EXAMPLE, directories.mktemp(module.EXAMPLE), getattr(module, "PATCH", None))


@pytest.fixture(autouse=True)
def calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with quiet deployments that may be asked, and ends with as many calls as the records say."""
    if "example" not in request.fixturenames:
        yield
        return
    example: Example = request.getfixturevalue("example")
    example.calm()
    example.wait_for(
        lambda: "refusing" not in example.ready()["deployments"].values(), within_s=5
    )  # as an earlier test asked
    yield
    if not request.node.get_closest_marker("uncounted"):
        example.check_counts()
