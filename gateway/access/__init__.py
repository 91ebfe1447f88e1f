"""Access: what a caller may. Pure; keys are known by the hash of the whole token only."""

from gateway.access.keys import ConflictingCredentials, Key, Keyring, NoSuchCaller, digest, parse_credentials
from gateway.access.throttle import Throttle

__all__ = ["ConflictingCredentials", "Key", "Keyring", "NoSuchCaller", "Throttle", "digest", "parse_credentials"]
