"""Chance as an input: a pick is a hash of seed and name, so the same decision can be made again (law 14)."""

import hashlib
from collections.abc import Iterable

_MASK = 0xFFFFFFFF


def shares(seed: int, salts: Iterable[int]) -> list[float]:
    """For each salt a number in (0, 1), evenly spread over seeds, independent between salts. All are of 32 bits.

    The numbers are those of MurmurHash3's finalizer, in which every bit changes about half of the others.
    """
    found: list[float] = []
    for salt in salts:
        value = seed ^ salt
        value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
        value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK
        found.append(((value ^ value >> 16) + 0.5) / 4294967296.0)
    return found


def hashed(text: str) -> int:
    """32 bits: the seed of all requests that share this text (a session, a key, a team), or the salt of a name."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())
