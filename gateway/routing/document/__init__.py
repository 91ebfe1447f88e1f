"""The policy document: a file for what matches, one for who answers, one for what attempts may take, one for the whole."""

from gateway.routing.document.attempts import Fallback, HedgeEntry, Limits
from gateway.routing.document.policy import DetectionSection, Policy, Privacy, Rule
from gateway.routing.document.preference import Mix, Prefer, Require, SloEntry, TargetEntry
from gateway.routing.document.when import Time, When

__all__ = [
    "DetectionSection", "Fallback", "HedgeEntry", "Limits", "Mix", "Policy", "Prefer", "Privacy", "Require", "Rule",
    "SloEntry", "TargetEntry", "Time", "When",
]  # fmt: skip
