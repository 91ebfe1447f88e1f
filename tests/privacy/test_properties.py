"""Whatever the body looks like: what is planted is found, and what is random is not."""

import base64
import hashlib
import itertools
import json
import re
import string
import zlib

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.privacy import scan
from gateway.privacy.budget import Meter, ScanBudget
from gateway.privacy.detect import Detector
from gateway.privacy.looks import LOOKS, sightings
from gateway.privacy.sighting import Span
from gateway.privacy.tally import Tally
from gateway.values.finding import NOTHING_FOUND, SensitiveKind
from tests.privacy.corpus import positives
from tests.privacy.measure import kinds

DETECTOR = Detector()
PLANTED = [
    (SensitiveKind.EMAIL, "jane.doe@example.com"),
    (SensitiveKind.PHONE, "+14155552671"),
    (SensitiveKind.IBAN, "DE89370400440532013000"),
    (SensitiveKind.CARD, "4111111111111111"),
    (SensitiveKind.NATIONAL_ID, "RCCMNL83S18D969H"),
    (SensitiveKind.RESIDENT_ID_CN, "11010519491231002X"),
    (SensitiveKind.API_KEY, "AKIAIOSFODNN7EXAMPLE"),
    (SensitiveKind.JWT, "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.c2ln"),
    (SensitiveKind.PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"),
]
words = st.text(st.sampled_from(string.ascii_letters + '  \n\t"\\，。汉字éß😀\u200b'), max_size=30)
leaves = st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-10, 10) | words
names = st.text(st.sampled_from(string.ascii_letters), min_size=1, max_size=8)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)


def around(planted: str, value: object, path: list[int]) -> object:
    """The planted text somewhere within the value."""
    if isinstance(value, dict) and value and path:
        name = sorted(value)[path[0] % len(value)]
        return value | {name: around(planted, value[name], path[1:])}
    if isinstance(value, list) and value and path:
        at = path[0] % len(value)
        return [*value[:at], around(planted, value[at], path[1:]), *value[at + 1 :]]
    return {"x": value, planted: 1} if len(path) % 2 else [value, f"Ab {planted} cd."]


def fields(body: object, *, ascii_only: bool) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(json.dumps({"body": body}, ensure_ascii=ascii_only), type=dict[str, msgspec.Raw])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLANTED), values, st.lists(st.integers(0, 5), max_size=4), st.booleans(), st.integers(0, 2))
def test_what_is_planted_is_found(
    planted: tuple[SensitiveKind, str], value: object, path: list[int], ascii_only: bool, nested: int
) -> None:
    body = around(planted[1], value, path)
    for _ in range(nested):
        body = {"arguments": json.dumps(body, ensure_ascii=ascii_only)}
    assert planted[0] in kinds(DETECTOR.detect(fields(body, ascii_only=ascii_only)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLANTED), st.lists(st.integers(1, 60), min_size=1, max_size=3), words, words, st.booleans())
def test_what_is_split_is_found(
    planted: tuple[SensitiveKind, str], cuts: list[int], before: str, after: str, in_parts: bool
) -> None:
    places = sorted({0, *(cut % len(planted[1]) for cut in cuts), len(planted[1])})
    pieces = [planted[1][a:b] for a, b in itertools.pairwise(places)]
    texts = [before + " " + pieces[0], *pieces[1:]] if len(pieces) > 1 else [before, pieces[0]]
    texts = [*texts[:-1], texts[-1] + " " + after]
    if in_parts:
        body: object = [{"content": [{"type": "text", "text": text} for text in texts]}]
    else:
        body = [{"role": "user", "content": text} for text in texts]
    assert planted[0] in kinds(DETECTOR.detect(fields(body, ascii_only=False)))


@settings(max_examples=300, deadline=None)
@given(values)
def test_random_json_has_none(value: object) -> None:
    assert DETECTOR.detect(fields(value, ascii_only=False)) == NOTHING_FOUND


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000), st.uuids(), st.integers(0, 2**31), st.dates(), st.times(), st.floats(0, 1))
def test_random_machine_text_has_none(
    payload: bytes, one: object, number: int, day: object, time: object, share: float
) -> None:
    text = f"{one} {number} {day} {time} {share!r} {zlib.crc32(payload) & 0xFFFFFF:x} v1.{number % 90}.3"
    call = base64.urlsafe_b64encode(hashlib.sha256(payload).digest())[:24].decode()  # letters and digits, as ids are
    encoded = base64.b64encode(b"\x89PNG\r\n\x1a\n\xff" + payload).decode()
    body = {"text": text, "id": f"call_{call}", "url": f"data:image/png;base64,{encoded}", "n": share}
    assert DETECTOR.detect(fields(body, ascii_only=False)) == NOTHING_FOUND


def seen(text: str, fired: int) -> list[tuple[SensitiveKind, int, int]]:
    span = Span(text, 0, len(text), Meter(ScanBudget()))
    found = sightings(LOOKS, span, fired, Tally(frozenset(SensitiveKind), ScanBudget()))
    return sorted((one.kind.value, one.start, one.end) for one in found if one.valid)


def test_the_first_scan_hides_nothing_that_a_close_look_finds() -> None:
    for some in positives():
        for one in some.strings:
            text = some.said.format(one)
            assert seen(text, -1) == seen(text, DETECTOR._scanner.fired(text)), (some.source, one)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from(
            [
                *"0123456789",
                "11",
                "2024",
                "555",
                "+",
                "-",
                " ",
                ".",
                "(",
                ")",
                "/",
                "@",
                "a.co",
                "AB",
                "tel ",
                "NI ",
                "x",
                "_",
                "\n",
                "汉",
                "DE89",
                "ssn ",
            ]
        ),
        max_size=40,
    )
)
def test_the_first_scan_hides_nothing_of_random_numbers(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert seen(text, -1) == seen(text, DETECTOR._scanner.fired(text))


def test_the_first_scan_hides_no_eight_digits_however_they_are_cut() -> None:
    for cuts in itertools.product(["", "-", " ", "."], repeat=7):
        text = "tel 0" + "".join(cut + digit for cut, digit in zip(cuts, "1234567", strict=True))
        if "-" in cuts and not re.search(r"\d{4}-\d\d-\d\d", text):
            assert DETECTOR._scanner.fired(text) & 1 << scan.NUMBER, text
    for number in ("0123-45-67", "0123-01-32", "0123-00-01"):
        assert DETECTOR._scanner.fired(f"tel {number}") & 1 << scan.NUMBER
