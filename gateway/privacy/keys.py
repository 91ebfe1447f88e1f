"""API keys by their makers' prefixes, and keys that are called so.

A row is a maker's published form, written so that hyperscan and Python read it alike.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from gateway.privacy.sighting import Sighting, Span
from gateway.values.finding import Kind


class Key(NamedTuple):
    """`pattern` begins with what tells it apart."""

    maker: str
    pattern: str


KEYS = (
    Key("OpenAI, Anthropic, DeepSeek, OpenRouter", r"\bsk-[A-Za-z0-9_-]{20,}"),
    Key("AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|A3T[A-Z0-9])[A-Z0-9]{16}\b"),
    Key("AWS Bedrock", r"\bABSK[A-Za-z0-9+/]{100,}|\bbedrock-api-key-[A-Za-z0-9+/=_-]{20,}"),
    Key("GitHub", r"\bgh[pousr]_[A-Za-z0-9_]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}"),
    Key("GitLab", r"\bgl(?:pat|dt|rt|ptt|ft|soat|imt|agent|cbt|ffct|oas)-[A-Za-z0-9_-]{20,}"),
    Key("GitLab runners", r"\bGR1348941[A-Za-z0-9_-]{20,}"),
    Key("Google", r"\bAIza[A-Za-z0-9_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{28}|\bya29\.[A-Za-z0-9_-]{20,}"),
    Key("Slack", r"\bxox[a-z](?:-[0-9]+-[A-Za-z0-9-]+|(?:e\.xox[bp])?-[A-Za-z0-9-]{10,})|\bxapp-[0-9]-[A-Za-z0-9-]{10,}"),
    Key("Slack hook", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_]+/[A-Za-z0-9_]+/[A-Za-z0-9_]+"),
    Key("Stripe", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/]{24,}"),
    Key("Hugging Face", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    Key("npm", r"\bnpm_[A-Za-z0-9]{36}|_authToken\s?=\s?(?:[A-Za-z0-9_=-]{20,})"),
    Key("PyPI", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    Key("Azure storage", r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{43,86}="),
    Key("Azure client secret", r"\b[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}"),
    Key("SendGrid", r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    Key("Telegram", r"\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b"),
    Key("Discord", r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    Key("Mailchimp", r"\b[0-9a-z]{32}-us[0-9]{1,2}\b"),
    Key("Twilio", r"\b(?:AC|SK)[0-9a-z]{32}\b"),
    Key("Square", r"\bsq0(?:csp|atp|idp)-[A-Za-z0-9_-]{22,43}"),
    Key("DigitalOcean, Shopify", r"\bdo[opr]_v1_[0-9a-f]{64}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Key("HashiCorp Vault", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    Key("Groq, xAI, Perplexity, Replicate, Fireworks", r"\b(?:gsk_|xai-|pplx-|r8_|fw_|nvapi-|tgp_v1_)[A-Za-z0-9_-]{20,}"),
    Key("Databricks, Linear", r"\bdapi[0-9a-f]{32}|\blin_api_[A-Za-z0-9]{32,}"),
    Key("Notion, Postman, Grafana", r"\bntn_[A-Za-z0-9]{40,}|\bPMAK-[A-Za-z0-9-]{30,}|\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    Key("Alibaba Cloud, Tencent Cloud", r"\bLTAI[A-Za-z0-9]{12,26}\b|\bAKID[A-Za-z0-9]{13,40}\b"),
    Key("Artifactory", r"\bAKC[A-Za-z0-9]{10,}\b|\bAP[0-9ABCDEF][A-Za-z0-9]{33,}\b"),
    Key("IBM, Cloudant, Okta", r"\b(?:SSWS|ssws) 00[A-Za-z0-9_-]{40}"),
)  # fmt: skip
# rows with less than four letters that tell: in a picture's base64 chance writes one now and then
BY_CHANCE = frozenset(
    row for row, key in enumerate(KEYS) if key.maker.startswith(("OpenAI,", "Hugging", "Groq,", "Artifactory"))
)

_NAMED = re.compile(
    r"(?:(?:api|app|secret|access|auth|private|encryption|account|signing|master|service"
    r"|aws|azure|ibm|iam|cloud|clou|cl|softlayer|sl)"
    r"[\w -]{0,16}?(?:key|passw(?:or)?d|pass|pwd?|token)|secret|(?<!page.)(?<!next.)token|passw(?:or)?d"
    r"|credentials?|bearer|cloudant)"
    r"[\"'`\])]{0,3}(?:\s{0,20}(?:=>|:=|::|=|:|is\b)|\s)\s{0,20}[\"'`]{0,3}([A-Za-z0-9_./+=~-]{16,512})(?![A-Za-z0-9_(\[])",
    re.IGNORECASE | re.ASCII,
)
_IN_ADDRESS = re.compile(r"://[^\s/:@]{1,64}:([^\s/@]{3,128})@(?=[A-Za-z0-9])")
_STANDING_FOR = re.compile(r"[xX]{4}|\*{3}|\.{3}|your[_A-Z-]|placeholder|changeme|example|redacted|insert|dummy")
_LEAST_ENTROPY = 3.2  # bits a character: English words joined by hyphens have less digits, hashes have 3.6 and more


def prefixed(span: Span, key: re.Pattern[str]) -> Iterator[Sighting]:
    """Keys of one maker."""
    for match in key.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        yield Sighting(Kind.API_KEY, match.start(), match.end(), _is_no_filler(match.group()))


def named(span: Span) -> Iterator[Sighting]:
    """What is called a key, secret, token or password, and looks random; and passwords in addresses."""
    for match in _NAMED.finditer(span.text, span.start):
        if match.start() >= span.end:
            break
        yield Sighting(Kind.API_KEY, match.start(1), match.end(1), _looks_random(match.group(1)))
    for match in _IN_ADDRESS.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        yield Sighting(Kind.API_KEY, match.start(1), match.end(1), match.group(1)[0] not in "<{$[%")


def _is_no_filler(key: str) -> bool:
    return len(set(key[-16:])) > 4 or key.isupper()


def _looks_random(value: str) -> bool:
    if _STANDING_FOR.search(value) or value.startswith(("/", "./", "..", "http")):
        return False
    if not any(letter.isdigit() for letter in value) or not any(letter.isalpha() for letter in value):
        return False
    if value.count(".") > 1 or value.count("/") > 4:  # a module's or a file's name
        return False
    return not _is_name(value) and _entropy(value) >= _LEAST_ENTROPY


def _is_name(value: str) -> bool:
    """A name in a program: context.perl6_token_nesting_level."""
    words = re.split(r"[_.=]+", value.strip("_"))
    return (
        len(words) > 2 and sum(map(str.isdigit, value)) <= 4 and all(one in (one.lower(), one.upper()) for one in words)
    )


def _entropy(value: str) -> float:
    """Shannon's entropy in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


PATTERNS = tuple(re.compile(key.pattern, re.ASCII) for key in KEYS)
