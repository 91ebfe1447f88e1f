"""What is found, wherever it stands in a body and however it is written; and what is not."""

import base64
import json
import random

import msgspec
import pytest

from gateway.privacy.budget import ScanBudget
from gateway.privacy.detect import Detector
from gateway.values.finding import NOTHING_FOUND, SensitiveKind
from tests.privacy.measure import as_chat, kinds, work

DETECTOR = Detector()
CARD = "4111 1111 1111 1111"
TOKEN = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.c2ln"
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxZ0123456789abcdefghijklmnopqrstuv\n-----END RSA PRIVATE KEY-----"
)


def raw(body: object) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(json.dumps(body, ensure_ascii=False), type=dict[str, msgspec.Raw])


def found(*contents: str) -> dict[SensitiveKind, int]:
    return kinds(DETECTOR.detect(as_chat(*contents)))


def found_in(body: object) -> set[SensitiveKind]:
    return set(kinds(DETECTOR.detect(raw(body))))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SensitiveKind.EMAIL, "write to jane.doe+x@mail.example.co.uk."),
        (SensitiveKind.EMAIL, "邮箱是zhang.san@qq.com请联系"),
        (SensitiveKind.EMAIL, "user@münchen.de"),
        (SensitiveKind.EMAIL, "用户@例子.公司"),
        (SensitiveKind.PHONE, "call +1 (415) 555-2671"),
        (SensitiveKind.PHONE, "(415) 555-2671"),
        (SensitiveKind.PHONE, "217-977-6317x066"),
        (SensitiveKind.PHONE, "我的手机13812345678，谢谢"),
        (SensitiveKind.PHONE, "138-1234-5678"),
        (SensitiveKind.PHONE, "座机（010）62345678"),
        (SensitiveKind.PHONE, "Tel.: 030 901820"),
        (SensitiveKind.PHONE, "01 42 68 53 00"),
        (SensitiveKind.PHONE, '{"mobile": "07400 123456"}'),
        (SensitiveKind.PHONE, "0049 30 901820"),
        (SensitiveKind.IBAN, "DE89 3704 0044 0532 0130 00 und danke"),
        (SensitiveKind.IBAN, "IBAN:GB82WEST12345698765432,"),
        (SensitiveKind.CARD, "pay with 4111111111111111."),
        (SensitiveKind.CARD, "3782 822463 10005"),
        (SensitiveKind.CARD, "09919063-1351-4444-8888-234567890123 4111 1111 1111 1111"),
        (SensitiveKind.CARD, "5555-5555-5555-4444"),
        (SensitiveKind.NATIONAL_ID, "SSN 536-90-4399"),
        (SensitiveKind.NATIONAL_ID, "social security number: 536904399"),
        (SensitiveKind.NATIONAL_ID, "NHS number 943 476 5919"),
        (SensitiveKind.NATIONAL_ID, "NI: AB 12 34 56 C"),
        (SensitiveKind.NATIONAL_ID, "RCCMNL83S18D969H"),
        (SensitiveKind.NATIONAL_ID, "DNI 54362315K"),
        (SensitiveKind.NATIONAL_ID, "X2482300W"),
        (SensitiveKind.NATIONAL_ID, "hetu 131052-308T"),
        (SensitiveKind.NATIONAL_ID, "PESEL 44051401359"),
        (SensitiveKind.NATIONAL_ID, "AHV 756.9217.0769.85"),
        (SensitiveKind.RESIDENT_ID_CN, "身份证11010519491231002X。"),
        (SensitiveKind.RESIDENT_ID_CN, "110105 19491231 002x"),
        (SensitiveKind.API_KEY, "AKIAIOSFODNN7EXAMPLE"),
        (SensitiveKind.API_KEY, "export OPENAI_API_KEY=sk-proj-Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8"),
        (SensitiveKind.API_KEY, "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"),
        (SensitiveKind.API_KEY, 'client_secret: "q8Zr2-Lk5vTn9xWc4Yb7Hs1D"'),
        (SensitiveKind.API_KEY, "postgres://app:Sup3rS3cret@db.internal:5432/x"),
        (SensitiveKind.PRIVATE_KEY, PEM),
        (SensitiveKind.PRIVATE_KEY, PEM.replace("\n", "\\n")),
        (SensitiveKind.PRIVATE_KEY, PEM.replace("RSA ", "OPENSSH ")),
        (SensitiveKind.JWT, f"Authorization: Bearer {TOKEN}"),
    ],
)
def test_each_kind_is_found(kind: SensitiveKind, text: str) -> None:
    assert kind in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "order 13812345678 has shipped",
        "550e8400-e29b-41d4-a716-446655440000",
        "09919063-135e-ec44-7d92-234bfe4d580a 09919063-1351-4444-8888-234567890123",
        "123e4567-1234-1234-1234-123456789012",
        "at 1700000000 or 1700000000000 or 1700000000000000 or 1700000000000000000",
        "2024-10-11 12:30:45 until 2024-10-12T12:30:45.123456Z",
        "pi is 3.14159265358979323846 and 0.4111111111111111",
        "cost 1,234,567.89 or $4,111,111.00 or 12 345 678,90",
        "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "4111111111111112",  # Luhn
        "DE89370400440532013001",  # check digits
        "11010519491231002Y 110105194912310021",
        "536904399 on its own",
        "@property\ndef f(self): return self@other",
        "git clone git@github.com:a/b, icon@2x.png, pkg@1.2.3",
        "api_key = os.environ['KEY'] or YOUR_API_KEY_GOES_HERE, token = tokenizer.encode(text)",
        "token = context.perl6_token_nesting_level, secret: SOME_LONG_CONSTANT_2_NAME",
        "the header -----BEGIN RSA PRIVATE KEY----- is what one looks for",
        "eyJub3QiOiJhIGp3dCJ9.eyJub3QiOiJhIGp3dCJ9.abc",  # no algorithm
        "Mobile/8B111 Safari/6532.15.7, 192.168.100.200, ISBN 978-0-04-972534-8",
        "2000-01-01 00:00:00.004933 0.0 391267",
        "Boston, MA 02110-1301",
    ],
)
def test_what_looks_alike_is_not(text: str) -> None:
    assert found(text) == {}


@pytest.mark.parametrize(
    "written",
    [
        "４１１１ １１１１ １１１１ １１１１",
        "4111\u00a01111\u202f1111\u20091111",
        "4111\u20111111\u20111111\u20131111",
        "41\u200b11\u200d11\ufeff11\u206011\u00ad111111",
        "卡号：4111111111111111，谢谢",
        "我的卡4111111111111111号",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏",
        r"\u0034111 1111 1111 1111",
        r"{\"n\":\"\\n4111\/1111".replace("/1111", "1111 11111111"),
        r"\n4111111111111111\n",
    ],
)
def test_however_it_is_spelled(written: str) -> None:
    assert found(written) == {SensitiveKind.CARD: found(written)[SensitiveKind.CARD]}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": CARD}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://x.invalid/a.png"}, "alt": CARD}],
                }
            ]
        },
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"n": "' + CARD + '"}'}}]}
            ]
        },
        {"tools": [{"type": "function", "function": {"name": "f", "description": f"for {CARD}"}}]},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "parameters": {"properties": {CARD: {"type": "string"}}}},
                }
            ]
        },
        {"tools": [{"function": {"parameters": {"properties": {"n": {"enum": ["a", CARD]}}}}}]},
        {"prediction": {"type": "content", "content": CARD}},
        {"metadata": {"customer": CARD}},
        {"metadata": {CARD: "customer"}},
        {"unknown": [[[{"deep": [CARD]}]]]},
        {"unknown": 4111111111111111},
        {"unknown": {"card": 4111111111111111.0}},
        {"stop": [CARD]},
        {"user": CARD},
        {CARD: 1},
    ],
)
def test_wherever_it_stands(body: object) -> None:
    assert found_in(body) == {SensitiveKind.CARD}


def test_a_number_is_read_with_its_name() -> None:
    assert found_in({"person": {"ssn": 536904399}}) == {SensitiveKind.NATIONAL_ID}
    assert found_in({"person": {"size": 536904399}}) == set()


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        (SensitiveKind.CARD, ["4111 1111", " 1111 1111"]),
        (SensitiveKind.CARD, ["my card is", "4111 1111 ", "1111 1111", "is it valid?"]),
        (SensitiveKind.CARD, ["x" * 500 + " 41111", "11111111111 " + "y" * 500]),
        (SensitiveKind.CARD, ["4111", "1111", "", "1111", "1111"]),
        (SensitiveKind.EMAIL, ["mail jane.doe@exam", "ple.com now"]),
        (SensitiveKind.EMAIL, ["jane.doe", "@example.com"]),
        (SensitiveKind.PHONE, ["+1 415-5", "55-2671"]),
        (SensitiveKind.IBAN, ["DE89 3704 0044 ", "0532 0130 00"]),
        (SensitiveKind.API_KEY, ["AKIAIOSF", "ODNN7EXAMPLE"]),
        (SensitiveKind.JWT, [TOKEN[:20], TOKEN[20:]]),
        (SensitiveKind.PRIVATE_KEY, [PEM[:15], PEM[15:]]),
        (SensitiveKind.RESIDENT_ID_CN, ["身份证110105194912", "31002X"]),
        (SensitiveKind.CARD, ["卡4111 1111", "1111 1111。"]),
        (SensitiveKind.CARD, ["4111 1111　", "1111 1111"]),
        (SensitiveKind.EMAIL, ["用户@例", "子.公司"]),
        (SensitiveKind.CARD, ["４１１１ １１１１", " １１１１ １１１１"]),
    ],
)
def test_split_over_messages_or_parts(kind: SensitiveKind, contents: list[str]) -> None:
    assert found(*contents)[kind] == 1
    parts = [{"type": "text", "text": content} for content in contents]
    assert kinds(DETECTOR.detect(raw({"messages": [{"role": "user", "content": parts}]})))[kind] == 1
    mixed = [{"role": "user", "content": contents[0]}, {"role": "user", "content": parts[1:]}]
    assert kinds(DETECTOR.detect(raw({"messages": mixed})))[kind] == 1


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (["jane@example.com", "Hello"], {SensitiveKind.EMAIL: 1}),
        ([CARD, "1 of 2"], {SensitiveKind.CARD: 1}),
        (["in 1985", "2024 is now", "10 20 30"], {}),
        (["4111 1111", "and then", "1111 1111"], {}),
        (["I am @home", "example.com is a site"], {}),
    ],
)
def test_neighbours_do_not_make_up_findings(contents: list[str], expected: dict[SensitiveKind, int]) -> None:
    assert found(*contents) == expected


def test_names_written_twice_hide_nothing() -> None:
    body = b'{"metadata": {"a": "' + CARD.encode() + b'", "a": "nothing"}, "model": "m"}'
    detection = DETECTOR.detect(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    assert kinds(detection) == {SensitiveKind.CARD: 1}


def test_escapes_in_json_hide_nothing() -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in "jane@example.com")
    arguments = json.dumps({"to": "jane@example.com"}).replace("@", "\\u0040")
    for written in (
        f'"{escaped}"',
        json.dumps(arguments),
        json.dumps(json.dumps(arguments)),
        '"jane\\u0040example\\u002ecom"',
    ):
        assert kinds(DETECTOR.detect({"x": msgspec.Raw(written.encode())})) == {SensitiveKind.EMAIL: 1}


def test_one_that_can_be_read_in_two_ways_counts_once() -> None:
    assert found(f"a\\tb {CARD} and jane\\u0040example.com, bob@example.com") == {
        SensitiveKind.CARD: 1,
        SensitiveKind.EMAIL: 2,
    }


def test_half_a_surrogate_pair_hides_nothing() -> None:
    assert SensitiveKind.CARD in kinds(DETECTOR.detect({"x": msgspec.Raw(rb'"\ud83d 4111 1111 1111 1111"')}))


IMAGE = base64.b64encode(bytes(range(256)) * 400).decode()


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{IMAGE}",
        IMAGE,
        IMAGE.replace("+", "-").replace("/", "_"),
        f"data:audio/wav;base64,{IMAGE}",
    ],
)
def test_pictures_and_sound_are_no_text(url: str) -> None:
    assert DETECTOR.detect(raw({"messages": [{"content": [{"image_url": {"url": url}}]}]})) == NOTHING_FOUND


def test_a_picture_within_prose_is_passed_by() -> None:
    picture = base64.b64encode(random.Random(5).randbytes(3_000_000)).decode()
    steps = work(DETECTOR, as_chat(f"see ![x](data:image/png;base64,{picture})"), ScanBudget())
    assert steps < len(picture) // 2_000
    assert found(f"see ![x](data:image/png;base64,{picture}) and {CARD}") == {SensitiveKind.CARD: 1}


@pytest.mark.parametrize("much", ["", " and so on" * 100])
@pytest.mark.parametrize("media", ["text/plain", "application/json", "image/svg+xml", "image/png", ""])
def test_text_in_base64_is_read(media: str, much: str) -> None:
    payload = base64.b64encode(f"the card {CARD}{much}".encode()).decode()
    assert found_in({"file": {"file_data": f"data:{media};base64,{payload}"}}) == {SensitiveKind.CARD}
    assert found(f"see ![this](data:{media};base64,{payload}) picture") == {SensitiveKind.CARD: 1}
    if much:
        assert found_in({"file": {"file_data": payload}}) == {SensitiveKind.CARD}


def test_a_payload_that_goes_on_as_text_is_text() -> None:
    assert found_in({"url": f"data:image/png;base64,{IMAGE} {CARD}"}) == {SensitiveKind.CARD}
    assert found("data:text/plain,jane%40example.com") == {SensitiveKind.EMAIL: 1}


def test_only_the_kinds_that_are_asked_for() -> None:
    detector = Detector(frozenset({SensitiveKind.CARD}))
    assert kinds(detector.detect(as_chat(f"jane@example.com {CARD}"))) == {SensitiveKind.CARD: 1}
    assert detector.detect(as_chat("jane@example.com 13812345678")) == NOTHING_FOUND


def test_counts_and_nothing_of_the_text() -> None:
    detection = DETECTOR.detect(as_chat("a@example.com, b@example.com", "c@example.com", CARD))
    assert kinds(detection) == {SensitiveKind.EMAIL: 3, SensitiveKind.CARD: 1}
    assert "example" not in repr(detection)
