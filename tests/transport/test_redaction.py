"""What is taken for a credential in a provider's words, and what is not."""

import base64
from urllib.parse import quote

import pytest

from gateway.transport.redaction import REDACTED, Redactor

KEY = "sk-proj-AbC/dEf+0123456789xyZ=="


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "Bearer ", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_wherever_it_begins(before: str, encode: "type[bytes]") -> None:
    text = encode(f"{before}{KEY}, and more".encode()).decode()
    said = Redactor([KEY]).redact(text)
    left = said.partition(REDACTED)
    assert left[1]
    assert all(text[at : at + 8] not in left[0] + left[2] for at in range(len(left[0]), len(text) - len(left[2]) - 7))
    assert len(left[0]) + len(left[2]) < len(text) - len(KEY)


@pytest.mark.parametrize("text", [quote(KEY, safe=""), KEY.upper(), KEY.swapcase(), KEY[:20], KEY[-20:], f"İİ{KEY}"])
def test_any_spelling(text: str) -> None:
    said = Redactor([KEY]).redact(f"<{text}>")
    assert said.replace("İ", "") == f"<{REDACTED}>"


@pytest.mark.parametrize("text", [
    "The request is invalid: messages[0].content must be a string.", "Use a key that begins with sk-...", "x" * 5000, "*" * 5000,
    "Bearer token expected", "sk-", "", "789", "...", "see https://example.com/docs/errors#key for more",
])  # fmt: skip
def test_other_words_stay(text: str) -> None:
    assert Redactor([KEY]).redact(text) == text


def test_no_key_and_one_that_is_a_word() -> None:
    assert Redactor([""]).redact("the list is empty") == "the list is empty"
    assert Redactor(["EMPTY"]).redact("the list is empty, not EMPTY") == f"the list is empty, not {REDACTED}"
