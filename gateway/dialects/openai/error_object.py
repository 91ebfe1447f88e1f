"""The error in a provider's body, whatever shape it has: OpenAI's `error`, or one of those that vendors of this dialect send.

Seen: `error` as an object, as text, or in a list (Google); the error's members alone (Mistral, Alibaba, SiliconFlow, vLLM before
0.10), as `error_code` (Databricks) or `error_type` (text-generation-inference); a message that is an object itself (Mistral's
of pydantic); MiniMax's `base_resp` with a number that is not 0.
"""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.dialects.refusal_words import words_of
from gateway.dialects.refusals import Codes, word
from gateway.values.outcome import Outcome


class ErrorObject(msgspec.Struct):
    """What it says. `code` may repeat the status, or say a sentence."""

    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None

    def known(self, codes: Codes) -> Outcome | None:
        """What the vendor means by its code, or by its type; None if neither is in its table."""
        for said in (self.code, self.type) if codes else ():
            if said is not None and (outcome := codes.get(str(said).lower())) is not None:
                return outcome
        return None

    def code_word(self) -> str | None:
        """Its code where it is a word."""
        return word(self.code) if isinstance(self.code, str) and not self.code.isdigit() else None

    def kind(self) -> str | None:
        """Its word for the error: free text may hold a prompt or a key."""
        return word(self.type or self.code_word())

    def words(self) -> str:
        """All that it says, in lower case."""
        return f"{self.code} {self.type} {self.param} {self.message}".lower()


class _Raw(msgspec.Struct):
    message: Any = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None
    error_code: str | int | None = None
    error_type: str | None = None


class _Status(msgspec.Struct):
    status_code: int = 0
    status_msg: str | None = None


class _Body(msgspec.Struct):
    error: _Raw | str | None = None
    error_type: str | None = None
    base_resp: _Status | None = None


_decode = msgspec.json.Decoder(_Body | list[_Body], strict=False).decode
_decode_bare = msgspec.json.Decoder(_Raw, strict=False).decode
_status = msgspec.json.Decoder(_Status, strict=False).decode
_NOTHING = ErrorObject()


def error_of(body: bytes) -> ErrorObject:
    """Of a body that is one, or holds one; nothing said where it cannot be read."""
    try:
        parsed = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOTHING
    one = (parsed[0] if parsed else _Body()) if isinstance(parsed, list) else parsed
    if isinstance(one.error, _Raw):
        return _object(one.error)
    if one.error is not None:
        return ErrorObject(one.error, one.error_type)
    if one.base_resp is not None and one.base_resp.status_code:
        return ErrorObject(one.base_resp.status_msg, code=one.base_resp.status_code)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _object(_decode_bare(body))
    return _NOTHING


def is_failed_status(base_resp: msgspec.Raw) -> bool:
    """Whether MiniMax's `base_resp` says that it failed."""
    if base_resp is ABSENT or not is_present(base_resp):
        return False
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _status(base_resp).status_code != 0
    return False


def _object(raw: _Raw) -> ErrorObject:
    message, param = raw.message, raw.param
    if message is not None and not isinstance(message, str):
        with contextlib.suppress(ValueError, RecursionError):
            message, said_of = words_of(msgspec.json.encode(message))
            param = param or said_of
    code = raw.error_code if raw.code is None else raw.code
    return ErrorObject(message if isinstance(message, str) else None, raw.type or raw.error_type, param, code)
