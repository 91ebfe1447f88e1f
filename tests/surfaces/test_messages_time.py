"""Time on the Messages surface, on virtual time: who leaves stops the work within a second; heartbeats harm nobody."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.conftest import APP_KEY
from tests.support.in_process import InProcessGateway
from tests.support.two_sides import MESSAGES, SECRETS, TwoSides, configuration, folded, of_events
from tests.surfaces.test_messages_leaving import LEFT, PATHS, SIDES


@SIDES
@LEFT
def test_the_upstream_sees_it_within_a_second(
    sides: TwoSides, side: str, behaviour: str, stream: bool, after_bytes: int
) -> None:
    assert isinstance(sides.gateway, InProcessGateway)
    virtual = sides.gateway.virtual

    async def leave() -> None:
        assert isinstance(sides.gateway, InProcessGateway)
        leaves = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, leaves.set)
        hello = [{"role": "user", "content": "hi"}]
        body = {"model": f"{side}-{behaviour}", "max_tokens": 100, "stream": stream, "messages": hello}
        got = await sides.gateway.ask(MESSAGES, body, {"x-api-key": APP_KEY}, leaves=leaves)
        assert len(got.body) >= after_bytes

    virtual.run(leave())
    virtual.wait_for(lambda: sides.got(behaviour, PATHS[side])["left_ms"] is not None, within_s=1.0)
    assert 500 <= sides.got(behaviour, PATHS[side])["left_ms"] < 1500


@pytest.fixture(scope="module")
def beating(sides: TwoSides, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    """Heartbeats every 0.1 s."""
    assert isinstance(sides.gateway, InProcessGateway)
    config = {**configuration(sides.upstream.base_url), "server": {"heartbeat_s": 0.1}}
    with InProcessGateway(sides.gateway.virtual, tmp_path_factory.mktemp("beating"), config, SECRETS) as gateway:
        yield TwoSides(gateway, sides.upstream)


@pytest.mark.parametrize("model", ["a-slow-1000", "o-slow-1000"])
def test_heartbeats_are_pings(beating: TwoSides, model: str) -> None:
    seen = beating.message(model, stream=True)
    assert seen.body.startswith(b'event: ping\ndata: {"type":"ping"}\n\n')
    assert folded(seen)["content"][0]["text"].startswith("You said: ")


@pytest.mark.parametrize("model", ["a-silent", "o-silent", "a-only_pings"])
def test_error_after_a_heartbeat_is_an_event(beating: TwoSides, model: str) -> None:
    seen = beating.message(model, stream=True)
    assert (seen.status, seen.broken) == (200, None)
    events = list(of_events(seen.body))
    assert {name for name, _ in events[:-1]} == {"ping"}
    name, error = events[-1]
    assert (name, error["error"]["type"]) == ("error", "timeout_error")
    assert error["request_id"] == seen.headers["request-id"]


@pytest.mark.parametrize("model", ["a-slow-1000", "a-silent"])
def test_heartbeats_before_a_translated_chat(beating: TwoSides, model: str) -> None:
    seen = beating.chat(model, stream=True)
    assert seen.body.startswith(b": heartbeat\n\n")
    assert seen.looks_finished(stream=True) is (model != "a-silent")
    if model == "a-silent":
        assert seen.error is not None
        assert seen.error["code"] == "first_output_timeout"
