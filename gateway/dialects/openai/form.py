"""A form becomes a call: its texts, then its files, in a multipart body that is made anew.

So a provider reads just what was read, and looked at, here: of a name that was sent twice, of headers and of endings there is
one reading. Files keep the ending of their names, by which OpenAI tells their kinds; the names themselves are not sent on.
Source: RFC 7578.
"""

from typing import Any

import msgspec

from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.request import Request
from gateway.values.upload import FilePart, Piece, Upload

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def encode_form(path: str, request: Request, upload: Upload, target: Deployment) -> Call:
    """The request as a form, with the target's model name."""
    boundary = upload.boundary.encode()
    pieces: list[bytes | Piece] = []
    for name, raw in {**request.fields, "model": msgspec.Raw(_encode(target.model))}.items():
        pieces += [_text(boundary, name, value) for value in _values(_decode(raw))]
    for one in upload.files:
        pieces.append(_head_of(boundary, one))
        held = upload.held
        pieces.append(held.read(one.at, one.size) if held.in_memory else Piece(held, one.at, one.size))
        pieces.append(b"\r\n")
    pieces.append(b"--%b--\r\n" % boundary)
    accept = "text/event-stream" if request.facts.stream else "*/*"
    headers = (
        ("content-type", f"multipart/form-data; boundary={upload.boundary}"),
        ("accept", accept),
        ("x-request-id", request.id),
    )
    if upload.held.in_memory:
        return Call("POST", path, headers, b"".join(one for one in pieces if isinstance(one, bytes)))
    return Call("POST", path, headers, b"", more=tuple(pieces))


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(boundary: bytes, name: str, value: Any) -> bytes:
    text = value if isinstance(value, str) else _encode(value).decode()
    return b'--%b\r\ncontent-disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, _quoted(name), text.encode())


def _head_of(boundary: bytes, one: FilePart) -> bytes:
    disposition = b'form-data; name="%b"; filename="upload%b"' % (_quoted(one.name), one.ending.encode())
    return b"--%b\r\ncontent-disposition: %b\r\ncontent-type: %b\r\n\r\n" % (boundary, disposition, one.media.encode())


def _quoted(name: str) -> bytes:
    """As browsers do (HTML, "Multipart form data")."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22").encode()
