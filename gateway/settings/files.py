"""Files that operators write."""

from pathlib import Path

from gateway.values.problem import InvalidDocument, Problem


def read_text(path: Path) -> str:
    """The file's text. Raises InvalidDocument."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:  # a name with a null byte, or bytes that are not UTF-8
        is_bytes = isinstance(error, UnicodeDecodeError)
        found = "bytes that are not UTF-8" if is_bytes else getattr(error, "strerror", None) or str(error)
        raise InvalidDocument(
            [Problem(file=str(path), line=None, column=None, path="", expected="a readable UTF-8 file", found=found)]
        ) from None
