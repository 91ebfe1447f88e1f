"""Who calls, and what they may."""

import enum

import msgspec

from gateway.values.priority import Priority
from gateway.values.sensitivity import Sensitivity


class Role(enum.Enum):
    """What a key is for. An operator may also ask models."""

    APPLICATION = "application"
    OPERATOR = "operator"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """`floor` is the least sensitivity of what this caller sends; `models` what it may ask for, None for all; `tags` are
    those of all its requests, by name.
    """

    key: str | None
    role: Role
    team: str | None = None
    floor: Sensitivity = Sensitivity.PUBLIC
    models: frozenset[str] | None = None
    priority: Priority = Priority.NORMAL
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    def anonymous(cls) -> "Caller":
        """The one who uses a gateway without keys, on its own machine."""
        return cls(key=None, role=Role.OPERATOR)

    def may_use(self, model: str) -> bool:
        """Is the name one that this caller may ask for?"""
        return self.models is None or model in self.models

    def has_role(self, role: Role) -> bool:
        """True for its own role, and for an application's if it is an operator."""
        return self.role is role or self.role is Role.OPERATOR
