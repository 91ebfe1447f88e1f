"""What a deployment that generates and embeds is known by: its embeddings say nothing of how it generates."""

import pytest

from gateway.learning.readings import Readings
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.surface import Surface
from tests.learning.attempts import asked, attempt, decision, used

EMBED = asked(1000, stream=False, surface=Surface.EMBEDDINGS)
CHAT = asked(1000, stream=False)


def ended(readings: Readings, facts: Facts, at: float, one: Attempt) -> None:
    hold = readings.began("a", at, facts.prompt_tokens)
    readings.ended(one, hold, decision(facts), at + one.duration_s)


def embedded(readings: Readings, at: float) -> None:
    ended(readings, EMBED, at, attempt(duration_s=0.02, usage=used(1000, 0)))


def generated(readings: Readings, at: float) -> None:
    ended(readings, CHAT, at, attempt(duration_s=4.0, usage=used(1000, 200)))


@pytest.mark.parametrize("embeddings_first", [True, False])
def test_embeddings_do_not_shorten_what_is_expected_of_chats(*, embeddings_first: bool) -> None:
    readings = Readings()
    order = [embedded, generated] if embeddings_first else [generated, embedded]
    for at, teach in enumerate([*[order[0]] * 20, *[order[1]] * 20]):
        teach(readings, 100.0 + 5 * at)
    reading = readings.of("a")
    assert reading.output_tokens == 200
    assert reading.latency is not None
    assert reading.latency.samples == 20
    assert reading.latency.total is not None


def test_where_nothing_is_generated_embeddings_teach() -> None:
    readings = Readings()
    for at in range(20):
        embedded(readings, 100.0 + at)
    latency = readings.of("a").latency
    assert latency is not None
    assert latency.samples == 20
    assert readings.of("a").prompt_token_ratio == 1.0


def test_a_first_stream_is_not_forgotten() -> None:
    readings = Readings()
    embedded(readings, 1.0)
    facts = asked(1000)
    hold = readings.began("a", 10.0, 1000.0, streamed=1000)
    readings.gave_output("a", hold, 10.5)
    readings.ended(attempt(first_output_s=0.5, usage=used(1000, 10)), hold, decision(facts), 11.0)
    latency = readings.of("a").latency
    assert latency is not None
    assert latency.samples == 1
