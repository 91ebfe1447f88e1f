"""Who made a signature or a hidden thought, told by itself: callers of Messages give both back as they got them.

Anthropic's own are base64 and go as they came. Those of others carry the name of their maker before a colon, which no
base64 has; a signature of a call, for which Messages has no place, goes as a hidden thought before the call.
"""

MAKER = "anthropic"
_MARK, _OF_CALL = ":", "+call"


def marked(payload: str | None, maker: str | None) -> str:
    """For a caller."""
    if payload is None:
        return ""
    return payload if maker in (None, MAKER) else f"{maker}{_MARK}{payload}"


def marked_for_call(signature: str, maker: str | None) -> str:
    """The signature of the call that follows."""
    return f"{maker or MAKER}{_OF_CALL}{_MARK}{signature}"


def told(payload: str | None) -> tuple[str | None, str | None, bool]:
    """What a caller gave back: the payload, its maker, and whether it signs the call that follows. Nobody made what is empty."""
    if not payload:
        return None, None, False
    maker, mark, rest = payload.partition(_MARK)
    if not mark:
        return payload, MAKER, False
    return rest, maker.removesuffix(_OF_CALL), maker.endswith(_OF_CALL)


def is_of_another(payload: str | None) -> bool:
    """Whether Anthropic would refuse it: it is empty, or marked."""
    return not payload or _MARK in payload
