"""Text in base64, whatever it is written in and wherever in the payload it stands; and what chance writes there."""

import base64
import codecs
import json
import random
from urllib.parse import quote

import pytest

from gateway.privacy import charsets
from gateway.privacy.budget import Budget
from gateway.values.finding import Kind
from tests.privacy.measure import as_chat, kinds, work
from tests.privacy.test_detect import DETECTOR, raw

CARD = "4111 1111 1111 1111"
DICE = random.Random(12)


def b64(text: str | bytes, charset: str = "utf-8") -> str:
    return base64.b64encode(text.encode(charset) if isinstance(text, str) else text).decode()


PAYLOADS = {
    "no-break space": b64(f"a\u00a0note {CARD}"),
    "ideographic space": b64(f"卡号\u3000{CARD}"),
    "line separator": b64(f"x\u2028{CARD}"),
    "an emoji newer than Python": b64(f"hi \U0001fae8 {CARD}"),
    "a control": b64(f"a\0b\x01 {CARD}"),
    "cp1252": b64(f"café – “quoted” {CARD}", "cp1252"),
    "gbk": b64(f"我的银行卡号是{CARD}，请查收", "gbk"),
    "gbk, full width": b64("卡号４１１１１１１１１１１１１１１１在此", "gbk"),
    "big5": b64(f"我的信用卡號是{CARD}", "big5"),
    "shift_jis": b64(f"私のカード番号は{CARD}です", "shift_jis"),
    "euc_kr": b64(f"제 카드 번호는 {CARD}", "euc_kr"),
    "cp1251": b64(f"моя карта {CARD}", "cp1251"),
    "koi8_r": b64(f"моя карта {CARD}", "koi8_r"),
    "utf-16": b64(f"my card {CARD}", "utf-16"),
    "utf-16, little end first, no mark": b64(f"my card {CARD}", "utf-16-le"),
    "utf-16, big end first, no mark": b64(f"my card {CARD}", "utf-16-be"),
    "utf-16, Chinese": b64(f"我的银行卡号是{CARD}", "utf-16-le"),
    "utf-32": b64(f"my card {CARD}", "utf-32"),
    "16 digits": b64("4111111111111111"),
    "after bytes": b64(DICE.randbytes(3000) + b"\0the card 4111 1111 1111 1111 thanks\0" + DICE.randbytes(300)),
    "utf-16 after bytes": b64(DICE.randbytes(3001) + f"\0the card {CARD} thanks".encode("utf-16-le")),
    "in a PDF": b64(b"%PDF-1.7\n" + DICE.randbytes(6000) + b"(card 4111111111111111) Tj\n" + DICE.randbytes(5000)),
    "over a block": b64(DICE.randbytes(4085) + b"\0the card 4111111111111111 \0" + DICE.randbytes(5000)),
    "declared, ISO-2022-JP": "data:text/plain;charset=iso-2022-jp;base64,"
    + b64("カード ４１１１１１１１１１１１１１１１", "iso-2022-jp"),
    "declared, EBCDIC": f"data:text/plain;charset=ibm037;base64,{b64(f'card {CARD}', 'cp037')}",
    "declared, wrongly": f"data:text/plain;charset=utf-16;base64,{b64(f'the card {CARD}')}",
    "over lines": base64.encodebytes(f"{'café ' * 40}{CARD}".encode()).decode(),
    "slashes escaped": json.dumps(b64("ü?>ü?>" * 900 + CARD)).replace("/", "\\/"),
    "plus signs escaped": json.dumps(b64("ü>?ü>" * 900 + CARD)).replace("+", "\\u002B"),
    "percent-encoded": quote(b64("ü?>ü>?" * 900 + CARD), safe=""),
    "lines escaped": json.dumps(base64.encodebytes(("hello you " * 900 + CARD).encode()).decode()),
    "three deep": b64(json.dumps({"a": b64(json.dumps({"b": b64(f"the card {CARD}")}))})),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_text_in_base64_is_read_once(name: str) -> None:
    assert kinds(DETECTOR.detect(as_chat(f"see {PAYLOADS[name]} there"))) == {Kind.CARD: 1}
    assert kinds(DETECTOR.detect(raw({"file": PAYLOADS[name]}))) == {Kind.CARD: 1}


def test_a_phone_in_base64_of_sixteen_letters() -> None:
    assert kinds(DETECTOR.detect(as_chat(f"see {b64('+14155552671')}"))) == {Kind.PHONE: 1}


def test_words_before_a_number_are_read_in_their_charset() -> None:
    assert kinds(DETECTOR.detect(as_chat(b64("身份证11010519491231002X，谢谢", "gbk")))) == {Kind.RESIDENT_ID_CN: 1}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.API_KEY, f"{'Ab1' * 60}-AKIAIOSFODNN7EXAMPLE-{'xY9' * 30}"),
        (Kind.CARD, f"{'Ab1xZk' * 100}/4111-1111-1111-1111/{'xY9q' * 30}"),
        (Kind.CARD, f"{'Ab1xZk' * 1000}/4111-1111-1111-1111/{'xY9q' * 3000}"),
    ],
)
def test_what_is_written_with_base64_s_letters_is_looked_at_too(kind: Kind, text: str) -> None:
    assert kinds(DETECTOR.detect(raw({"x": text}))) == {kind: 1}


def test_chance_writes_nothing() -> None:
    for size in (30, 300, 3_000, 30_000):
        for _ in range(60 if size < 30_000 else 20):
            data = DICE.randbytes(size)
            for written in (b64(data), base64.urlsafe_b64encode(data).decode(), f"data:image/png;base64,{b64(data)}"):
                assert kinds(DETECTOR.detect(raw({"data": written}))) == {}


@pytest.mark.parametrize("head", [b"", b"%PDF-1.7\n", b"\xff\xfe", "我的银行".encode("gbk")])
def test_work_grows_as_bytes_do(head: bytes) -> None:
    few, many = (
        work(DETECTOR, raw({"d": b64((head + DICE.randbytes(500)) * (size // 500))}), Budget())
        for size in (50_000, 100_000)
    )
    assert many <= 2.5 * few + 200


def test_every_declared_charset_is_known() -> None:
    for codec in charsets._DECLARED.values():
        assert codecs.getincrementaldecoder(codec)("replace").decode(b"", final=True) == ""
