"""The table of vendors, and what other rooms read in it. A vendor that speaks a dialect we have is a row; behaviour of its own
earns a file.

To add one: a row in `engines.py`, `model_makers.py`, `open_model_hosts.py`, `aws.py` or `google.py`, and its captured answers under
tests/golden/<name>/.
"""

from collections.abc import Mapping

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.contract import Continuer, Dialect, TokenCounter, Translator
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.responses import ResponsesTranslator
from gateway.dialects.responses.dialect import RESPONSES
from gateway.dialects.responses.sealed import owner_of
from gateway.dialects.translated import translated
from gateway.providers.aws import AWS
from gateway.providers.engines import ENGINES
from gateway.providers.google import GOOGLE
from gateway.providers.model_makers import MODEL_MAKERS
from gateway.providers.open_model_hosts import OPEN_MODEL_HOSTS
from gateway.providers.rerankers import RERANKERS
from gateway.providers.vendor import Vendor
from gateway.values.auth import Auth
from gateway.values.deployment import Deployment
from gateway.values.offer import Offer
from gateway.values.skill import Skill, Skills
from gateway.values.surface import SERVES, Serves, Surface
from gateway.values.taken_fields import Vendors

VENDORS: dict[str, Vendor] = {**ENGINES, **MODEL_MAKERS, **OPEN_MODEL_HOSTS, **RERANKERS, **AWS, **GOOGLE}

# in which dialect the callers of a surface speak
CALLERS: dict[Surface, Dialect] = {
    Surface.CHAT: OPENAI,
    Surface.MESSAGES: ANTHROPIC,
    Surface.COUNT_TOKENS: ANTHROPIC,
    Surface.RESPONSES: RESPONSES,
}


def _skills(vendor: Vendor) -> frozenset[Skill]:
    verbs = {Skill.CONTINUE: Continuer, Skill.COUNT: TokenCounter}
    chat = vendor.translators.get(Serves.CHAT)
    return frozenset(skill for skill, verb in verbs.items() if isinstance(chat, verb))


SKILLS: Skills = {name: _skills(vendor) for name, vendor in VENDORS.items()}

OFFERS: dict[str, Offer] = {
    name: Offer(
        one.usual,
        frozenset(one.translators),
        gauges=one.gauges,
        own_tools=one.own_tools,
        continues=Skill.CONTINUE in SKILLS[name],
        base_urls=one.base_urls,
        api_version=one.api_version,
        capabilities=one.capabilities,
        is_aws=one.auth is Auth.AWS,
    )
    for name, one in VENDORS.items()
}


def translator(vendor: Vendor, surface: Surface, owner: str = "") -> Translator | None:
    """What answers a surface's requests by this vendor; None if it cannot. `owner`: who encrypts thoughts there."""
    serves = SERVES[surface]
    own = vendor.translators.get(serves)
    if own is None or serves is not Serves.CHAT:
        return own
    asks = CALLERS[surface]
    if asks.name in vendor.also:
        return _owned(vendor.also[asks.name], owner)
    own = _owned(own, owner)
    return own if asks.name == vendor.chat.name else translated(asks, vendor.chat, own)


def _owned(one: Translator, owner: str) -> Translator:
    return one.owned_by(owner) if isinstance(one, ResponsesTranslator) else one


def translators(deployments: Mapping[str, Deployment]) -> dict[Surface, dict[str, Translator]]:
    """By surface, those of the deployments that serve it."""
    found: dict[Surface, dict[str, Translator]] = {surface: {} for surface in Surface}
    for name, deployment in deployments.items():
        for surface in deployment.surfaces:
            owner = owner_of(deployment.provider, *deployment.addresses[:1])
            made = translator(VENDORS[deployment.provider], surface, owner)
            if made is not None:
                found[surface][name] = made
    return found


# which members of a body they take
FIELDS: Vendors = {name: one.takes for name, one in VENDORS.items()}
