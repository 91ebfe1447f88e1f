"""Access: what a caller may. Pure; keys are known by the hash of the whole token only."""

from gateway.access.keys import ConflictingCredentials, Key, Keyring, digest, parse_credentials
from gateway.access.throttle import Throttle

__all__ = ["ConflictingCredentials", "Key", "Keyring", "Throttle", "digest", "parse_credentials"]
