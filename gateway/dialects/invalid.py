"""A body that makes no sense, or asks for what cannot be had: the caller's fault, with the path of the member."""

from typing import TypeVar

import msgspec

from gateway.values.outcome import AttemptFailed, Outcome

T = TypeVar("T")


def invalid(path: str, problem: str) -> AttemptFailed:
    """`problem` is a clause: expected ..."""
    return AttemptFailed(
        Outcome.BAD_REQUEST, f"invalid {path}", status=400, message=f"Invalid {path!r}: {problem}.", param=path
    )


def read_member(decoder: "msgspec.json.Decoder[T]", raw: msgspec.Raw, path: str) -> T:
    """A member of a body. Raises AttemptFailed with its path, and what was expected."""
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise invalid(path, "it is nested too deeply") from None
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$")
        raise invalid(path + where.rstrip("`"), what[:1].lower() + what[1:]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise invalid(path, f"it is not valid JSON: {problem}") from None
