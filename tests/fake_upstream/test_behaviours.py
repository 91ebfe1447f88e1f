"""Every behaviour, in every mode that it is for, down to the bytes and to how the connection ends."""

import json
import re

import pytest

from tests.fake_upstream import Behaviour, FakeUpstream, cases
from tests.fake_upstream.behaviours import BEHAVIOURS, MODULES
from tests.fake_upstream.behaviours.refusal_table import ROWS
from tests.fake_upstream.expected_json import EXPECTED as JSON
from tests.fake_upstream.expected_json import REFUSALS, Json
from tests.fake_upstream.expected_streams import EXPECTED as STREAMS
from tests.fake_upstream.reading import ask, signature

# Smaller than the defaults, where the default is slow or large.
_PARAMETERS = {
    "slow": 20,
    "first_after": 20,
    "first_after_role": 20,
    "crawl": 2,
    "drip": 0,
    "late_done": 20,
    "gzip_bomb": 4,
    "big_body": 2,
    "endless_event": 2,
    "huge_error": 2,
}
_TABLE = {row.name: row for row in ROWS}


def _model(row: Behaviour) -> str:
    return f"{row.name}@{_PARAMETERS[row.name]}" if row.name in _PARAMETERS else row.name


def _cases(*, stream: bool, refusals: bool) -> list[Behaviour]:
    return [row for row, mode in cases() if mode is stream and (row.group == "refusals") is refusals]


@pytest.mark.parametrize("row", _cases(stream=True, refusals=False), ids=lambda row: row.name)
async def test_in_a_stream(up: FakeUpstream, row: Behaviour) -> None:
    expected = STREAMS[row.name]
    got = await ask(up.port, _model(row), stream=True, hangs=row.hangs)
    assert (got.status, got.end) == (expected.status, expected.end)
    assert re.fullmatch(expected.letters, signature(got.body)), signature(got.body)
    assert re.search(expected.raw, got.body, re.DOTALL), got.body[:500]
    _sound(up, row)


@pytest.mark.parametrize("row", _cases(stream=False, refusals=False), ids=lambda row: row.name)
async def test_without_a_stream(up: FakeUpstream, row: Behaviour) -> None:
    expected = JSON[row.name]
    got = await ask(up.port, _model(row), stream=False, hangs=row.hangs)
    assert (got.status, got.end) == (expected.status, expected.end)
    assert re.search(expected.body, got.body, re.DOTALL), got.body[:500]
    if expected.says is not None:
        whole = got.body if row.name != "two_lengths" else got.raw.partition(b"\r\n\r\n")[2]
        assert json.loads(whole)["choices"][0]["message"]["content"] == expected.says
    _sound(up, row)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("row", _cases(stream=True, refusals=True), ids=lambda row: row.name)
async def test_refusal(up: FakeUpstream, row: Behaviour, *, stream: bool) -> None:
    got = await ask(up.port, _model(row), stream=stream, hangs=row.hangs, key="sk-mine")
    if row.name in _TABLE:
        refusal = _TABLE[row.name]
        expected = Json(b"^" + re.escape(refusal.body) + b"$", status=int(row.name[-3:]))
        assert {name: got.header(name) for name, _ in refusal.headers} == dict(refusal.headers)
    else:
        expected = REFUSALS[row.name]
    assert (got.status, got.end) == (expected.status, expected.end)
    assert re.search(expected.body, got.body, re.DOTALL), got.body[:500]
    _sound(up, row)


def _sound(up: FakeUpstream, row: Behaviour) -> None:
    record = up.seen()[0]
    assert record["problem"] is None
    assert record["model"] == _model(row)


def test_every_behaviour_is_expected_and_no_other() -> None:
    names = {row.name for row in BEHAVIOURS.values() if row.modes != "vectors"}  # those: test_beside_chat
    assert {row.name for row in _cases(stream=True, refusals=False)} == set(STREAMS)
    assert {row.name for row in _cases(stream=False, refusals=False)} == set(JSON)
    assert {row.name for row in _cases(stream=True, refusals=True)} == set(REFUSALS) | set(_TABLE)
    assert set(STREAMS) | set(JSON) | set(REFUSALS) | set(_TABLE) == names


def test_every_module_has_behaviours() -> None:
    groups = {row.group for row in BEHAVIOURS.values()}
    assert groups == {module.__name__.rpartition(".")[2] for module in MODULES}
