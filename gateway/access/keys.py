"""Keys and how they are found. The token itself is held nowhere, and the whole of it is hashed (FAULTS X3)."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from gateway.values.caller import Caller, Role
from gateway.values.sensitivity import Sensitivity, highest


class ConflictingCredentials(Exception):
    """Two headers carry two different keys: which of them counts must not be a guess."""


class Key(msgspec.Struct, frozen=True):
    """`digest` is the SHA-256 of the token, in hexadecimal."""

    digest: str
    caller: Caller


class NoSuchCaller(LookupError):
    """No key or team has this name. `param` is `key` or `team`, `known` the names that there are."""

    def __init__(self, param: str, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.param, self.name, self.known = param, name, sorted(known)


class Keyring:
    """All keys of a gateway. `teams`: by name, how sensitive all is that their keys send."""

    def __init__(self, keys: Iterable[Key], teams: Mapping[str, Sensitivity] | None = None) -> None:
        self._teams = teams or {}
        self._callers = {key.digest: key.caller for key in keys}
        self._named = {caller.key: caller for caller in self._callers.values()}

    def is_empty(self) -> bool:
        """True where no keys are configured."""
        return not self._callers

    def named(self, name: str) -> Caller | None:
        """The caller whose key has this name in the configuration: to decide as it would be decided for it."""
        return self._named.get(name)

    def as_if(self, key: str | None, team: str | None) -> Caller:
        """The caller with the key of this name, or of this team: to decide as for it. Raises NoSuchCaller."""
        found = Caller(key=None, role=Role.APPLICATION) if key is None else self._named.get(key)
        if found is None:
            raise NoSuchCaller("key", key or "", filter(None, self._named))
        if team is None:
            return found
        teams = {**{one.team: Sensitivity.PUBLIC for one in self._callers.values() if one.team}, **self._teams}
        if team not in teams:
            raise NoSuchCaller("team", team, teams)
        return msgspec.structs.replace(found, team=team, floor=highest(found.floor, teams[team]))

    def callers(self) -> tuple[Caller, ...]:
        """All whose keys are configured."""
        return tuple(self._callers.values())

    def find(self, token: str) -> Caller | None:
        """The caller of this token. Looked up by digest, so timing tells nothing of a token."""
        return self._callers.get(digest(token))


def digest(token: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def parse_credentials(headers: Mapping[str, str]) -> str | None:
    """The token of `Authorization: Bearer` or `x-api-key`; None without one. Raises ConflictingCredentials."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    tokens = {headers.get("x-api-key", "").strip(), bearer.strip() if scheme.lower() == "bearer" else ""} - {""}
    if len(tokens) > 1:
        raise ConflictingCredentials
    return tokens.pop() if tokens else None
