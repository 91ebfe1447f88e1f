"""Traces: what is read, and what is said of a file that is none."""

import pytest

from gateway.insight.trace import read_trace
from gateway.values.problem import InvalidDocument

HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens"
ROWS = ["2023-11-16 18:15:46.6805900,374,44", "2023-11-16 18:15:50.9951690,396,109", "2023-11-16 18:16:46.6805900,10,5"]


def test_lines_become_streams_at_their_time() -> None:
    traffic = read_trace([HEAD, *ROWS], "t.csv", "chat")
    first = traffic.requests[0]
    assert first.at == pytest.approx(1_700_158_546.68059)
    assert (first.facts.model, first.facts.stream, first.facts.prompt_tokens, first.output_tokens) == (
        "chat",
        True,
        374,
        44,
    )
    assert traffic.requests[-1].at - first.at == pytest.approx(60)
    assert len({one.seed for one in traffic.requests}) == 3


def test_they_are_put_in_the_order_of_time_made_faster_and_cut() -> None:
    shuffled = [HEAD, ROWS[2], ROWS[0], ROWS[1]]
    traffic = read_trace(shuffled, "t.csv", "chat", speed=4.0)
    assert [one.output_tokens for one in traffic.requests] == [44, 109, 5]
    assert traffic.requests[-1].at - traffic.requests[0].at == pytest.approx(15)
    assert len(read_trace([HEAD, *ROWS], "t.csv", "chat", limit=2).requests) == 2


@pytest.mark.parametrize(
    "time",
    ["2023-11-16 18:15:46.6805900", "2023-11-16T18:15:46.68059Z", "2023-11-16 13:15:46.6805900-05:00", "2023-11-16 20:15:46.680590+02:00"],
)  # fmt: skip
def test_a_time_with_a_zone_is_of_that_zone_and_without_one_of_utc(time: str) -> None:
    assert read_trace([HEAD, f"{time},1,2"], "t.csv", "chat").requests[0].at == pytest.approx(1_700_158_546.68059)


def test_another_seed_is_other_chance() -> None:
    seeds = {read_trace([HEAD, *ROWS], "t.csv", "chat", seed=seed).requests[0].seed for seed in range(5)}
    assert len(seeds) == 5


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "t.csv:1: document: expected the columns TIMESTAMP, ContextTokens, GeneratedTokens, found nothing"),
        (["a,b"], "t.csv:1: document: expected the columns TIMESTAMP, ContextTokens, GeneratedTokens, found a, b"),
        ([HEAD], "t.csv:1: document: expected at least one request, found none"),
        ([HEAD, ROWS[0], "yesterday,1,2"], "t.csv:3: TIMESTAMP: expected a time like 2023-11-16 18:15:46.680590, found 'yesterday'"),
        ([HEAD, "", ROWS[0], "2023-11-16 18:15:46,1"], "t.csv:4: document: expected 3 columns, found 2"),
        ([HEAD, "2023-11-16 18:15:46,many,2"], "t.csv:2: ContextTokens: expected a number of tokens, found 'many'"),
        ([HEAD, "2023-11-16 18:15:46,1,-2"], "t.csv:2: GeneratedTokens: expected a number of tokens, found '-2'"),
        ([HEAD, "2023-11-16 18:15:46,1.5,2"], "t.csv:2: ContextTokens: expected a number of tokens, found '1.5'"),
        ([HEAD, "2023-11-16 18:15:46,1,nan"], "t.csv:2: GeneratedTokens: expected a number of tokens, found 'nan'"),
        ([HEAD, 'x"y","1,2'], "t.csv:2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(InvalidDocument) as invalid:
        read_trace(lines, "t.csv", "chat")
    assert str(invalid.value.problems[0]).startswith(said)
