"""Who serves models of others, by the token: a row each."""

from gateway.providers.vendor import Vendor

OPEN_MODEL_HOSTS: dict[str, Vendor] = {}
