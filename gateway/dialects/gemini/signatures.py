"""Signatures of thoughts, and what others hid, as they stand on the parts of a content.

Gemini's own are base64, and stay as they are. What another provider signed or hid is on its way through a caller of this
dialect, who gives it back: it is put into base64 with who made it, for the SDKs of this dialect read bytes there. Source:
Google, "Thought signatures" (November 2026).
"""

import base64
import binascii

NAME = "gemini"
NOT_SIGNED = "skip_thought_signature_validator"  # stands for a call's signature where the model did not make the call
_FOREIGN, _HIDDEN = b"gateway-signature:", b"gateway-hidden:"


def read_signature(said: str | None) -> tuple[str, str | None] | None:
    """The signature and who made it; None where there is none."""
    if not said or said == NOT_SIGNED:
        return None
    return _decoded(said, _FOREIGN) or (said, NAME)


def read_hidden(said: str | None) -> tuple[str, str | None] | None:
    """What another provider hid, and who that is; None where it is no such thing."""
    return _decoded(said, _HIDDEN) if said else None


def told_signature(signature: str, maker: str | None) -> str:
    """As a caller is told of it."""
    return signature if maker == NAME else _encoded(_FOREIGN, signature, maker)


def told_hidden(data: str, maker: str | None) -> str:
    """As a caller is told of what another provider hid; Gemini's is a signature."""
    return data if maker == NAME else _encoded(_HIDDEN, data, maker)


def _encoded(prefix: bytes, said: str, maker: str | None) -> str:
    return base64.b64encode(prefix + f"{maker or ''}\n{said}".encode()).decode()


def _decoded(said: str, prefix: bytes) -> tuple[str, str | None] | None:
    """What stands after the prefix, in base64 of either alphabet."""
    if len(said) < len(prefix):
        return None
    try:
        data = base64.b64decode(said.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data.startswith(prefix):
        return None
    maker, _, rest = data[len(prefix) :].decode("utf-8", "replace").partition("\n")
    return rest, maker or None
