"""What is known of a deployment's credential that is replaced while the process runs; never the credential itself."""

import msgspec


class CredentialState(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds since the epoch. `source`: where it comes from, in words. `ends_at` is None where it does not end, or
    there is none. `failures`: how often in a row it could not be refreshed, and `error` why, the last time. `refreshes` and
    `failed_refreshes`: since the process started.
    """

    source: str
    is_valid: bool
    ends_at: float | None = None
    refreshed_at: float | None = None
    failures: int = 0
    error: str | None = None
    refreshes: int = 0
    failed_refreshes: int = 0
