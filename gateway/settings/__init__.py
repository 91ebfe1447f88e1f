"""Settings: one configuration file becomes what a process runs with, or all that is wrong with it."""

from gateway.settings.document import GatewayFile
from gateway.settings.load import Settings, configuration_name, is_loopback, load, schema
from gateway.settings.policy import PolicySource, default_text, plan_of, plan_of_text, valid_policy

__all__ = [
    "GatewayFile",
    "PolicySource",
    "Settings",
    "configuration_name",
    "default_text",
    "is_loopback",
    "load",
    "plan_of",
    "plan_of_text",
    "schema",
    "valid_policy",
]
