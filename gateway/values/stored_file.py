"""A file that a caller keeps with the gateway."""

import msgspec


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """`owner` is of the key that may see it (`owner_of`). Times are seconds since the epoch; `expires_at` None is never.

    `filename` is what the caller called it: it is told, and names nothing on the disk.
    """

    id: str
    owner: str
    size: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str


def owner_of(key: str | None) -> str:
    """What is stored for whom: a key's name, or the machine's own where no keys are configured; the two never meet."""
    return "local" if key is None else f"key:{key}"


def key_of(owner: str) -> str | None:
    """The name of the key that `owner_of` was given."""
    return None if owner == "local" else owner.removeprefix("key:")
