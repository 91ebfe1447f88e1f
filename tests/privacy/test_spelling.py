"""Other ways to write what is found: over lines, in forms and URLs, in HTML, in base64, one in the other; and controls."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.privacy.detect import Detector
from gateway.values.finding import SensitiveKind
from tests.privacy.measure import as_chat, kinds
from tests.privacy.test_detect import raw
from tests.privacy.test_properties import PLANTED

DETECTOR = Detector()


def found(text: str) -> dict[SensitiveKind, int]:
    return kinds(DETECTOR.detect(as_chat(text)))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def tags(text: str) -> str:
    """As Unicode's tag characters, which are not shown."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in text)


def selectors(text: str) -> str:
    """Its bytes as variation selectors after a picture, which are not shown either."""
    return "\U0001f600" + "".join(chr(byte + (0xFE00 if byte < 16 else 0xE00F0)) for byte in text.encode())


def framed(text: str, first: int) -> str:
    """Its letters as those that begin at a code point."""
    return "".join(chr(first + ord(letter) - ord("a")) if letter.isalpha() else letter for letter in text)


MAIL = "jane.doe@example.com"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SensitiveKind.EMAIL, f"hello {tags(f'mail {MAIL}')} there"),
        (SensitiveKind.EMAIL, f"jane{tags('.doe@example.com')}, hello"),
        (SensitiveKind.CARD, tags("4111 1111 1111 1111")),
        (SensitiveKind.CARD, f"4111{tags('x')} 1111 11{tags('1')}11 1111"),  # they only cut it up
        (SensitiveKind.EMAIL, json.dumps({"a": json.dumps({"b": tags(MAIL)})})),
        (SensitiveKind.EMAIL, "".join(f"&#{ord(letter)};" for letter in tags(MAIL))),
        (SensitiveKind.EMAIL, tags("jane&#64;example.com")),
        (SensitiveKind.EMAIL, tags(b64(f"write to {MAIL} now"))),
        (SensitiveKind.EMAIL, b64(f"hello {tags(MAIL)}")),
        (SensitiveKind.EMAIL, selectors(f"mail {MAIL}")),
        (SensitiveKind.CARD, selectors("4111 1111 1111 1111")),
        (SensitiveKind.CARD, "4111\ufe01\ufe02\ufe03\U000e0131\U000e0132 1111 1111 1111"),
        *((SensitiveKind.EMAIL, framed(MAIL, first)) for first in (0x24D0, 0x1F150, 0x1F130, 0x1F170, 0x249C, 0x1F1E6)),
        *((SensitiveKind.EMAIL, framed(MAIL, first)) for first in (0x1D41A, 0x1D4EA, 0x1D68A, 0xFF41)),
        (SensitiveKind.EMAIL, "ʲᵃⁿᵉ@ᵉˣᵃᵐᵖˡᵉ.ᶜᵒᵐ"),
        (SensitiveKind.EMAIL, "ᴊᴀɴᴇ@ᴇxᴀᴍᴘʟᴇ.ᴄᴏᴍ"),
        (SensitiveKind.CARD, "4\u180b1\u180c1\u180d1\u180e 1111 1111 1111"),
        (SensitiveKind.CARD, "\U0001fbf4" + "\U0001fbf1" * 15),
        (SensitiveKind.CARD, "❹" + "❶" * 15),
        (SensitiveKind.CARD, json.dumps({"card": "𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏"})),
        (SensitiveKind.CARD, "my card is 4111 1111\n1111 1111, thanks"),
        (SensitiveKind.CARD, "4111\t1111\t1111\t1111"),
        (SensitiveKind.CARD, "4111 1111\n\n1111 1111"),
        (SensitiveKind.CARD, "<tr><td>4111</td>\n <td>1111</td>\n <td>1111</td>\n <td class='x'>1111</td></tr>"),
        (SensitiveKind.CARD, "&lt;td&gt;4111 1111&lt;/td&gt;&lt;td&gt;1111 1111&lt;/td&gt;"),
        (SensitiveKind.CARD, "4111<b>1111</b>1111<wbr>1111"),
        (SensitiveKind.CARD, '{"card": ["4111", "1111", "1111", "1111"]}'),
        (SensitiveKind.CARD, '{"card": [4111, 1111, 1111, 1111]}'),
        (SensitiveKind.CARD, "| 4111 | 1111 | 1111 | 1111 |"),
        (SensitiveKind.CARD, "**4111** **1111** **1111** **1111**"),
        (SensitiveKind.CARD, "4111%A01111%A01111%A01111"),
        (SensitiveKind.CARD, "4111\U000e0100 1111 1111 1111"),
        (SensitiveKind.CARD, "4\x001111111\x0011111111"),
        (SensitiveKind.CARD, "4111\u28001111\u28001111\u28001111"),
        (SensitiveKind.CARD, "4\u03361\u03361\u03361\u0336 1111 1111 1111"),
        (SensitiveKind.CARD, "⁴¹¹¹ ¹¹¹¹ ¹¹¹¹ ¹¹¹¹"),
        (SensitiveKind.CARD, "4\ufe0f\u20e31\u20e31\u20e31 1111 1111 1111"),
        (SensitiveKind.CARD, "4111\u3164\u11601111\uffa011111111"),
        (SensitiveKind.CARD, "4111 1111\x0c1111 1111"),
        (SensitiveKind.EMAIL, "jane.doe<wbr>@example.com"),
        (SensitiveKind.EMAIL, "jane%2525252525252540example.com"),
        (SensitiveKind.CARD, "4111-1111-\r\n    1111-1111"),
        (SensitiveKind.CARD, "> paid with 4111 1111\n> 1111 1111"),
        (SensitiveKind.CARD, "4111\u00a01111\u00a0\n1111\u00a01111"),
        (SensitiveKind.CARD, "card=4111+1111+1111+1111&cvc=123"),
        (SensitiveKind.CARD, "card=4111%201111%201111%201111"),
        (SensitiveKind.CARD, "4111&nbsp;1111&nbsp;1111&nbsp;1111"),
        (SensitiveKind.CARD, "4111&#8203;1111&#8203;1111&#8203;1111"),
        (SensitiveKind.IBAN, "DE89 3704 0044\n0532 0130 00"),
        (SensitiveKind.IBAN, "DE89\t3704\t0044\t0532\t0130\t00"),
        (SensitiveKind.PHONE, "call +1 415\n555 2671"),
        (SensitiveKind.PHONE, "tel=%2B1+415+555+2671"),
        (SensitiveKind.NATIONAL_ID, "SSN: 536-90-\n4399"),
        (SensitiveKind.RESIDENT_ID_CN, "110105\t19491231\t002X"),
        (SensitiveKind.EMAIL, "jane.doe%40example.com"),
        (SensitiveKind.EMAIL, "mailto:jane.doe%2540example%252ecom"),
        (SensitiveKind.EMAIL, "jane.doe&#64;example&#46;com"),
        (SensitiveKind.EMAIL, "jane.doe&#x40;example.com"),
        (SensitiveKind.EMAIL, "jane.doe&commat;example&period;com"),
        (SensitiveKind.EMAIL, "jane.doe&amp;#64;example.com"),
        (SensitiveKind.EMAIL, "jane.doe＠example．com"),
        (SensitiveKind.EMAIL, "ja\u200bne.doe@exa\u200bmple.com"),
        (SensitiveKind.API_KEY, "Authorization: Basic dXNlcjpwYXNzd29yZA=="),
        (SensitiveKind.API_KEY, '{"headers": {"authorization": "Basic YWRtaW46czNjcjN0"}}'),
        (SensitiveKind.API_KEY, f"see {b64('AWS key AKIAIOSFODNN7EXAMPLE')} there"),
        (SensitiveKind.EMAIL, f"data {b64('mail jane.doe@example.com')}"),
        (SensitiveKind.CARD, f"cookie=x; session={b64('4111 1111 1111 1111')}"),
        (SensitiveKind.CARD, f"data:text/plain;base64,{b64('card 4111111111111111')}"),
        (
            SensitiveKind.EMAIL,
            "\n".join(b64("mail jane.doe@example.com " * 9)[at : at + 76] for at in range(0, 312, 76)),
        ),
        (SensitiveKind.PHONE, base64.urlsafe_b64encode("ü?>ü?> +14155552671 ü?>".encode()).decode().rstrip("=")),
    ],
)
def test_it_is_found(kind: SensitiveKind, text: str) -> None:
    assert kind in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{1000 + 37 * n}" for n in range(200)),
        "\n".join("\t".join(str(4000 + 7 * n * m) for m in range(6)) for n in range(50)),
        "1. one\n2. two\n3. three\n2024\n2025\n2026",
        "12:30:45 200 1234\n192.168.0.1 404 99\n10.0.0.1 200 5120",
        "GET /a%20b?c=%7B%22x%22%3A1%7D&d=1+2+3 HTTP/1.1",
        "<td>1,234&nbsp;567</td><td>&#8364; 99.00</td>&amp;&lt;&gt;",
        "width: 100%; 50% of 20%ages",
        "a basic understanding of basic information, basic: configuration",
        "Authorization: Basic YWxhZGRpbm9wZW5zZXNhbWU=",  # no colon in it
        f"Authorization: Basic {b64('<user>:<password>')}",
        f"see {b64('nothing of interest is said here')}",
        "some_very_long_identifier_of_a_function_in_a_module/and/its/path/to_the_file_there",
        "d41d8cd98f00b204e9800998ecf8427e sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "\\frac{1}{2} C:\\new\\table \\d{4}-\\d{2}",
        "price 4000\n3000 units, 5000\n6000 more",
        "I \u2764\ufe0f this \U0001f468\u200d\U0001f469\u200d\U0001f467 4\ufe0f\u20e3 ok",
        f"\U0001f3f4{tags('gbeng')}\U000e007f 2026, \U0001f1e9\U0001f1ea 2024",
    ],
)
def test_what_looks_alike_is_not(text: str) -> None:
    assert found(text) == {}


def test_a_table_of_numbers_is_no_card() -> None:
    rows = "4111\t1111\t1111\t1111\t4111\n" * 3
    assert found(rows) == {}


def test_one_that_is_found_in_several_spellings_counts_once() -> None:
    assert found("jane@example.com and jane%40example.com") == {SensitiveKind.EMAIL: 2}
    assert found("a%20b 4111 1111 1111 1111 &amp; c\\n") == {SensitiveKind.CARD: 1}
    assert found(f"{MAIL} {tags('nothing')}") == {SensitiveKind.EMAIL: 1}
    assert found(f"{MAIL} {tags(f' {MAIL}')}") == {SensitiveKind.EMAIL: 2}


@pytest.mark.parametrize("at", [0, 1_500, 2_040, 2_046, 2_050, 7_000, 8_180, 8_190, 8_200])
@pytest.mark.parametrize(
    "written", ["jane.doe%40example.com", "jane.doe&#64;example.com", "jane.doe\\u0040example.com", tags(MAIL)]
)
def test_nothing_falls_between_blocks_or_counts_twice(at: int, written: str) -> None:
    assert found(("lorem %20 ipsum\n " * 800)[:at] + f" {written} " + "dolor &amp; sit " * 800) == {
        SensitiveKind.EMAIL: 1
    }


def test_a_list_on_short_lines_is_no_payload() -> None:
    ids = [f"{n:04}-{n * 7919 % 10000:04}" for n in range(40)]
    body = {"list": "\n".join([*ids, "4111-1111-1111-1111"]), "path": "Ab/" * 100 + "4111-1111-1111-1111"}
    assert kinds(DETECTOR.detect(raw({"list": body["list"]}))) == {SensitiveKind.CARD: 1}
    assert kinds(DETECTOR.detect(raw({"path": body["path"]}))) == {SensitiveKind.CARD: 1}


def test_base64_in_a_call_s_arguments() -> None:
    arguments = json.dumps(
        {"headers": json.dumps({"file": b64("mail jane.doe@example.com now?>")}).replace("/", "\\/")}
    )
    call = {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}]}
    assert set(kinds(DETECTOR.detect(raw(call)))) == {SensitiveKind.EMAIL}


FULL_WIDTH = str.maketrans("0123456789@+", "０１２３４５６７８９＠＋")
WAYS: dict[str, Callable[[str], str]] = {
    "percent": lambda text: quote(text, safe=""),
    "form": lambda text: f"q={quote_plus(text)}&x=1",
    "entities": lambda text: "".join(one if one.isalnum() else f"&#{ord(one)};" for one in text),
    "named entities": lambda text: html.escape(text).replace("@", "&commat;"),
    "json": json.dumps,
    "full width": lambda text: text.translate(FULL_WIDTH),
}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLANTED), st.lists(st.sampled_from(sorted(WAYS)), max_size=3), st.booleans())
def test_spellings_within_spellings(planted: tuple[SensitiveKind, str], ways: list[str], in_base64: bool) -> None:
    text = f"Ab {planted[1]} cd."
    if in_base64:
        text = b64(text + " and nothing else")
    for way in ways:
        text = WAYS[way](text)
    assert planted[0] in found(text), text


@pytest.mark.parametrize(
    "texts",
    [
        ["4111 1111\n", "1111 1111"],
        ["4111 1111", "\n\n1111 1111"],
        ["4111%201111", "%201111%201111"],
        ["4111&nbsp;1111&nbsp;", "1111&nbsp;1111"],
    ],
)
def test_spelled_otherwise_and_split_over_parts(texts: list[str]) -> None:
    parts = [{"type": "text", "text": text} for text in texts]
    assert kinds(DETECTOR.detect(raw({"messages": [{"role": "user", "content": parts}]}))) == {SensitiveKind.CARD: 1}
