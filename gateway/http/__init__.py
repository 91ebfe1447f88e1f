"""HTTP: what surfaces, admin and console share: the ASGI wire, bodies, identity, and errors with their statuses."""
