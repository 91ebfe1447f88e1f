"""How two policies differ, in words."""

import msgspec

from gateway.routing.difference import differences
from gateway.routing.document import Policy


def policy(*rules: dict[str, object], **more: object) -> Policy:
    return msgspec.convert({"rules": list(rules), **more}, Policy)


A, B, C = {"name": "a", "when": {"stream": True}}, {"name": "b"}, {"name": "c"}


def test_each_kind_of_change_is_told() -> None:
    assert differences(policy(A, B), policy(A, B)) == []
    assert differences(policy(A, B), policy(B)) == ["Rule 'a' is gone."]
    assert differences(policy(B), policy(A, B)) == ["Rule 'a' is new, number 1 of 2."]
    other = {**A, "priority": "high", "when": {}}
    assert differences(policy(A, B), policy(other, B)) == ["Rule 'a' has another when, priority."]
    assert differences(policy(A, B, C), policy(B, A, C)) == ["The rules are tried in another order."]
    assert differences(policy(B), policy(B, detection={"kinds": []})) == ["Detection is another one."]
