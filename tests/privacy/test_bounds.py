"""Time, size and threads are bounded, and whatever goes wrong is said, not raised."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from gateway.privacy.budget import ScanBudget
from gateway.privacy.detect import Detector
from gateway.values.finding import SensitiveKind
from tests.privacy.measure import as_chat, kinds, work

DETECTOR = Detector()
CARD = "4111 1111 1111 1111"
PIECES = {
    "digits": "1", "at": "@", "letters": "a", "addresses": "a@a.", "heads": "-----BEGIN ", "keys": "-----BEGIN PRIVATE KEY-----\n",
    "numbers": "12 1 ", "triples": "123 456 ", "decimals": "12.5 3.75 ", "singles": "1 ", "brackets": "(1", "phones": "tel 0123 456 789 ",
    "plus": "+491234567 ", "ibans": "DE89370400440532013001 ", "tokens": "eyJhbGciOiJI.", "cards": "4111111111111112 ",
    "escapes": "\\u0040", "slashes": "\\", "hidden": "1\u200b", "uris": "data:,", "base64": "data:text/plain;base64,YQ== ",
    "quoted": "data:,%64ata:,", "named": "api_key=aaaaaaaaaaaaaaaa ", "logins": "://a:", "ids": "12345678A ", "headers": "-----BEGIN PRIVATE KEY-----\nA: b\n",
    "headed": "-----BEGIN PRIVATE KEY-----" + "nnn: " * 40, "percents": "%40", "plusses": "1+1", "entities": "&#64;", "lines": "1\n",
    "tabs": "4111\t1111\n", "runs": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo= ", "logins64": "Basic YTpi ", "nested": "%2525",
}  # fmt: skip
SIZE = 100_000
STEP_S = 0.5  # of a core, between two looks at the time; some milliseconds where nothing else runs
MOST_AT_ONCE = 150  # steps that are counted in one
WHOLE_S = 10  # seconds of a core for SIZE, whoever else wants it; each is below one where nothing else runs


class Stopwatch:
    """Never expired; knows the longest time of a core, in this thread, that it was not asked."""

    def __init__(self) -> None:
        self.last = time.thread_time()
        self.longest = 0.0

    def __call__(self) -> bool:
        now = time.thread_time()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        return False


def steps(body: object) -> int:
    """The work of a whole detection, however many candidates there are."""
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    return work(DETECTOR, fields, ScanBudget(max_checks=10**9))


@pytest.mark.parametrize("name", PIECES)
def test_twice_the_text_takes_twice_the_work(name: str) -> None:
    few, many = (steps({"x": "so " + PIECES[name] * (size // len(PIECES[name]))}) for size in (SIZE // 8, SIZE // 4))
    assert many <= 2.2 * few + 200


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("size", [2_000, 60_000])
def test_work_that_is_bounded_goes_little_beyond(name: str, size: int) -> None:
    fields = as_chat("so " + PIECES[name] * (size // len(PIECES[name])))
    whole = work(DETECTOR, fields, ScanBudget())
    done = work(DETECTOR, fields, ScanBudget(max_steps=300))
    assert done <= min(whole, 300 + MOST_AT_ONCE)
    assert (DETECTOR.detect_within(fields, ScanBudget(max_steps=300)) is None) == (whole > 300)


@pytest.mark.parametrize("name", PIECES)
def test_no_input_takes_long(name: str) -> None:
    text = "so " + PIECES[name] * (SIZE // len(PIECES[name]))
    watch, began = Stopwatch(), time.thread_time()
    DETECTOR.detect(as_chat(text), ScanBudget(expired=watch))
    watch()
    assert watch.longest < STEP_S
    assert time.thread_time() - began < WHOLE_S


@pytest.mark.parametrize("name", ["digits", "at", "letters", "heads"])
def test_thirty_megabytes(name: str) -> None:
    text = "so " + PIECES[name] * (30_000_000 // len(PIECES[name]))
    began = time.thread_time()
    assert DETECTOR.detect(as_chat(text)).findings == ()
    assert time.thread_time() - began < 20


@pytest.mark.parametrize("text", ["a " * 50_000, "1 2" * 30_000, f"{CARD} " * 5_000])
def test_out_of_time(text: str) -> None:
    asked = 0

    def expired() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    detection = DETECTOR.detect(as_chat(text), ScanBudget(expired=expired))
    assert detection.failed == "out of time"
    assert asked == 6


def test_what_was_found_before_time_ran_out_is_said() -> None:
    turns = iter([False] * 6)
    detection = DETECTOR.detect(as_chat(f"{CARD} " * 10_000), ScanBudget(expired=lambda: next(turns, True)))
    assert detection.failed == "out of time"
    assert [finding.kind for finding in detection.findings] == [SensitiveKind.CARD]


def test_counts_saturate() -> None:
    assert kinds(DETECTOR.detect(as_chat("a@example.com " * 500), ScanBudget(max_count=20))) == {
        SensitiveKind.EMAIL: 20
    }


def test_too_many_candidates_is_not_clean() -> None:
    bad = as_chat("4111111111111112 " * 200)
    assert DETECTOR.detect(bad, ScanBudget(max_checks=100)).failed == "too many candidates for card"
    assert DETECTOR.detect(bad).failed is None


def test_too_much_text_is_not_clean() -> None:
    assert DETECTOR.detect(as_chat("a " * 500), ScanBudget(max_characters=500)).failed == "more text than is looked at"


@pytest.mark.parametrize(
    "fields",
    [
        {"x": msgspec.Raw(b'{"a": "jane@example.com')},
        {"x": msgspec.Raw(b"1, 2")},
        {"x": msgspec.Raw(b"")},
        {"x": msgspec.Raw(b'"\xff\xfe jane@example.com"')},
        {"x": msgspec.Raw(b"[" * 100_000 + b"]" * 100_000)},
        {"x": msgspec.Raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)},
        {"x": 5},
        None,
    ],
)
def test_whatever_is_wrong_is_said_in_words_that_hold_nothing_of_it(fields: dict[str, msgspec.Raw]) -> None:
    detection = DETECTOR.detect(fields)
    assert detection.failed
    assert "jane" not in detection.failed


def test_a_broken_clock_is_a_failure_that_says_where_and_nothing_else() -> None:
    def expired() -> bool:
        raise RuntimeError("the secret is 42")

    failed = DETECTOR.detect(as_chat("a"), ScanBudget(expired=expired)).failed
    assert failed is not None
    assert re.fullmatch(r"RuntimeError in detection, test_bounds\.py:[0-9]+", failed)


def test_threads_at_once() -> None:
    texts = [
        ("x " * 50_000 + CARD, {SensitiveKind.CARD: 1}),
        ("y " * 50_000 + "jane@example.com", {SensitiveKind.EMAIL: 1}),
        ("z " * 50_000, {}),
    ]
    with ThreadPoolExecutor(8) as pool:
        jobs = [(pool.submit(DETECTOR.detect, as_chat(text)), expected) for text, expected in texts * 40]
        for job, expected in jobs:
            assert kinds(job.result()) == expected


@pytest.mark.parametrize("at", [0, 7_900, 8_185, 8_191, 8_192, 8_200, 8_703, 16_380])
def test_nothing_falls_between_blocks_or_counts_twice(at: int) -> None:
    text = ("lorem ipsum " * 2_000)[:at] + f" {CARD} " + "dolor sit " * 1_000
    assert kinds(DETECTOR.detect(as_chat(text))) == {SensitiveKind.CARD: 1}
    assert kinds(DETECTOR.detect(as_chat("汉" * at + f" {CARD}　" + "字" * 9_000))) == {SensitiveKind.CARD: 1}


def test_many_members_and_long_lists() -> None:
    body = {"input": list(range(200_000)), "metadata": {f"k{n}": str(n) for n in range(5_000)}}
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    watch, began = Stopwatch(), time.thread_time()
    DETECTOR.detect(fields, ScanBudget(expired=watch))
    assert watch.longest < STEP_S
    assert time.thread_time() - began < WHOLE_S


@pytest.mark.parametrize(
    "body",
    [
        {f"k{n}": n for n in range(5_000)},
        {"x": {f"k{n}": n for n in range(5_000)}},
        {"x": [0] * 20_000},
        {"x": [{"a": 1}] * 6_000},
        {"x": [{f"{n}": "" for n in range(40)}] * 100},
        {"x": [[]] * 15_000},
    ],
)
def test_many_members_are_much_work(body: object) -> None:
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    assert DETECTOR.detect_within(fields, ScanBudget(max_steps=300)) is None
