"""What a failure means for who runs the gateway, and what mends it."""

from urllib.parse import urlsplit

from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome

# nothing else can be asked after these
FATAL = frozenset({
    Outcome.CONNECT_FAILED, Outcome.CONNECT_TIMEOUT, Outcome.TLS_FAILED, Outcome.CREDENTIAL_REFUSED, Outcome.QUOTA_EXHAUSTED,
    Outcome.REDIRECTED,
})  # fmt: skip
_ADVICE: dict[Outcome, str] = {
    Outcome.CONNECT_FAILED: "is the server up, and the host and port of base_url right?",
    Outcome.CONNECT_TIMEOUT: "does a firewall drop what goes to base_url, or must a proxy be passed?",
    Outcome.TLS_FAILED: "is its certificate valid for this host, by an authority that this machine trusts, and is the clock right?",
    Outcome.CONNECTION_LOST: "something closes connections to it: https spoken to a port of http, or a proxy",
    Outcome.QUOTA_EXHAUSTED: "the account's credit or limit of spending is used up: top it up, or raise the limit",
    Outcome.RATE_LIMITED: "the key works, its rate limit was reached just now: ask again later",
    Outcome.OVERLOADED: "it has too much to do at present: ask again later",
    Outcome.REDIRECTED: "base_url leads elsewhere: write the address that it leads to, with https",
    Outcome.TOTAL_TIMEOUT: "it is slower than --timeout, or hangs",
    Outcome.CONTENT_POLICY: "its filter refuses even a harmless question: look at the account's filters",
    Outcome.MALFORMED_ANSWER: "what answers is no such API: is base_url right, and is it this provider?",
    Outcome.FIELD_REFUSED: "its dialect has no form for this",
}  # fmt: skip


def sentence(failed: AttemptFailed) -> str:
    """What happened."""
    said = f": {failed.message}" if failed.message else ""
    return f"{CONSEQUENCES[failed.outcome].sentence} ({failed.detail}){said}"


def advice(failed: AttemptFailed, deployment: Deployment, *, has_key: bool) -> str | None:
    """What mends it; None where what was said says it."""
    if failed.outcome is Outcome.CREDENTIAL_REFUSED:
        if not has_key:
            return "no api_key is configured, and it wants one"
        where = urlsplit(deployment.base_url or "").hostname or "this address"
        return f"is api_key the one of this account, whole, of this region ({where}), and allowed to use {deployment.model}?"
    return _ADVICE.get(failed.outcome)
