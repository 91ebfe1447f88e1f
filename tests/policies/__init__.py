"""Each example of `policies/`, over real sockets: where requests go, and what the decisions say of it."""
