"""Signatures of thoughts, told apart by who signed: a provider takes back its own, and refuses another's and the whole request
with it.

Anthropic's are base64, and go as they came. Those of others carry a mark before they leave the gateway, with a character
that no base64 has.
"""

_MARK = ":"


def marked(by: str, signature: str) -> str:
    """`by`: the dialect whose provider signed."""
    return f"{by}{_MARK}{signature}"


def own(by: str, signature: str | None) -> str | None:
    """As the provider wrote it; None where it is not by this one."""
    if signature is None or not signature.startswith(by + _MARK):
        return None
    return signature[len(by) + 1 :]


def is_anthropics(signature: str | None) -> bool:
    """Whether there is one, without a mark."""
    return signature is not None and _MARK not in signature
