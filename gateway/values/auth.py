"""How a vendor wants to be told who asks."""

import enum


class Auth(enum.Enum):
    """A column of the vendor table; `gateway.transport.signers` has what each means."""

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    API_KEY = "api-key"
    X_GOOG_API_KEY = "x-goog-api-key"
    AWS = "aws"  # a key of its own is a bearer token; else each call is signed
