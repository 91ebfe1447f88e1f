"""Transport: the sockets to the deployments. Start at pool.py; exchange.py is one request, connection.py one socket."""

from gateway.transport.exchange import Exchange, Head
from gateway.transport.limits import TransportLimits
from gateway.transport.origin import Origin
from gateway.transport.pool import Transport
from gateway.transport.shortage import is_own_shortage

__all__ = ["Exchange", "Head", "Origin", "Transport", "TransportLimits", "is_own_shortage"]
