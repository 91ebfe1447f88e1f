"""The lab's scenarios: what there is, how it behaves, what is asked of it and what happens. All fixed but for the seed.

One pool throughout: an own GPU that serves a small model, a cheap commercial deployment and a dearer one, with the prices
and the latencies that such have. `gateway.insight.lab.requests` has the sizes.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from gateway.insight.lab.requests import MODEL, RequestMix, requests
from gateway.insight.traffic import Traffic
from gateway.insight.world import (
    Batching,
    Behaviour,
    Episode,
    Failures,
    FirstOutput,
    RateLimits,
    Service,
    Spread,
    World,
)
from gateway.values.deployment import Capability, Catalogue, Deployment, Hardware, Hosting, Model, Price, Timeouts
from gateway.values.sensitivity import Sensitivity
from gateway.values.slo import Slo, Target

HOME, CLOUD, CLOUD_2 = "home", "cloud", "cloud-2"
EU, US = "eu-central", "us-east"
SLO = Slo(first_output=Target(1.0, 95), total=Target(20.0, 95))
_SECONDS = 600.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`prices`: (second, deployment, its price from then on). `slow` is the stretch in which a deployment is slower."""

    name: str
    sentence: str
    kind: RequestMix
    world: World
    catalogue: Catalogue
    slo: Slo = SLO
    prices: tuple[tuple[float, str, Price], ...] = ()
    slow: tuple[str, float, float] | None = None

    def traffic(self, seed: int) -> Traffic:
        """The same for the same seed."""
        return Traffic(source=self.name, requests=requests(self.kind, seed))


def scenarios() -> dict[str, Scenario]:
    """By name, in the order in which they are shown."""
    every = (_calm(), _burst(), _slow_down(), _quota(), _price_change(), _outage(), _long_prompts(), _sensitivities())
    return {one.name: one for one in every}


def _calm() -> Scenario:
    return Scenario(
        name="calm",
        sentence="2 requests a second, about half of what the own GPU can do in time",
        kind=RequestMix(rates=((0.0, 2.0),), seconds=_SECONDS),
        world=_world(),
        catalogue=CATALOGUE,
    )


def _burst() -> Scenario:
    return Scenario(
        name="burst",
        sentence="2 requests a second, and twice 10 for a minute and a half",
        kind=RequestMix(rates=((0.0, 2.0), (120.0, 10.0), (210.0, 2.0), (390.0, 10.0), (480.0, 2.0)), seconds=_SECONDS),
        world=_world(),
        catalogue=CATALOGUE,
    )


def _slow_down() -> Scenario:
    start, end = 200.0, 320.0
    slow = Episode(start_s=start, end_s=end, slower=10.0)
    return Scenario(
        name="slow-down",
        sentence="3.5 requests a second; for two minutes the own GPU takes ten times as long for everything",
        kind=RequestMix(rates=((0.0, 3.5),), seconds=_SECONDS),
        world=_world({HOME: [slow]}),
        catalogue=CATALOGUE,
        slow=(HOME, start, end),
    )


def _quota() -> Scenario:
    limits = RateLimits(requests_per_minute=500, tokens_per_minute=100_000)
    return Scenario(
        name="quota",
        sentence="6 requests a second, and the cheap commercial deployment takes 100,000 tokens a minute",
        kind=RequestMix(rates=((0.0, 6.0),), seconds=_SECONDS),
        world=_world(limits=limits),
        catalogue=CATALOGUE,
    )


def _price_change() -> Scenario:
    return Scenario(
        name="price-change",
        sentence="6 requests a second; half-way the dearer commercial deployment becomes the cheaper one",
        kind=RequestMix(rates=((0.0, 6.0),), seconds=_SECONDS),
        world=_world(),
        catalogue=CATALOGUE,
        prices=((_SECONDS / 2, CLOUD_2, Price(input_usd_per_mtok=0.06, output_usd_per_mtok=0.25)),),
    )


def _outage() -> Scenario:
    gone = Episode(start_s=200.0, end_s=320.0, failures=Failures(share=1.0, outcome="connect_failed", after_s=0.05))
    return Scenario(
        name="outage",
        sentence=f"3.5 requests a second; for two minutes nothing in {EU} can be reached, where both cheap ones are",
        kind=RequestMix(rates=((0.0, 3.5),), seconds=_SECONDS),
        world=_world({HOME: [gone], CLOUD: [gone]}),
        catalogue=CATALOGUE,
    )


def _long_prompts() -> Scenario:
    return Scenario(
        name="long-prompts",
        sentence="2 requests a second; one prompt of ten has 8,000 to 24,000 tokens",
        kind=RequestMix(rates=((0.0, 2.0),), seconds=_SECONDS, long=0.1),
        world=_world(),
        catalogue=CATALOGUE,
    )


def _sensitivities() -> Scenario:
    classes = ((Sensitivity.CONFIDENTIAL, 0.2), (Sensitivity.INTERNAL, 0.3))
    return Scenario(
        name="sensitivities",
        sentence="4 requests a second; a fifth may only be seen by the own GPU",
        kind=RequestMix(rates=((0.0, 4.0),), seconds=_SECONDS, classes=classes),
        world=_world(),
        catalogue=CATALOGUE,
    )


def _world(episodes: Mapping[str, list[Episode]] | None = None, limits: RateLimits | None = None) -> World:
    """A 7B model on a GPU of the size of an H100, and two commercial ones."""
    home = Batching(
        prefill_tokens_per_s=9000, step_s=0.013, step_per_sequence_s=0.00012, max_running=64, kv_tokens=100_000,
        overhead_s=0.03,
    )  # fmt: skip
    cloud = Service(
        first_output=FirstOutput(median_s=0.35, sigma=0.3, per_prompt_token_s=0.00003),
        output_token=Spread(median_s=0.010, sigma=0.2),
        limits=limits or RateLimits(requests_per_minute=5_000, tokens_per_minute=2_000_000),
    )
    cloud_2 = Service(
        first_output=FirstOutput(median_s=0.45, sigma=0.3, per_prompt_token_s=0.00003),
        output_token=Spread(median_s=0.012, sigma=0.2),
        limits=RateLimits(requests_per_minute=3_000, tokens_per_minute=1_000_000),
    )
    failures, episodes = Failures(share=0.002), episodes or {}
    return World(
        deployments={
            HOME: Behaviour(self_hosted=home, episodes=episodes.get(HOME, [])),
            CLOUD: Behaviour(commercial=cloud, failures=failures, episodes=episodes.get(CLOUD, [])),
            CLOUD_2: Behaviour(commercial=cloud_2, failures=failures, episodes=episodes.get(CLOUD_2, [])),
        }
    )


def _catalogue() -> Catalogue:
    home = Deployment(
        name=HOME, provider="vllm", gauges=True, model="qwen2.5-7b", base_url="http://home/v1",
        hosting=Hosting.SELF_HOSTED, region=EU,
        clearance=Sensitivity.RESTRICTED, capabilities=frozenset(Capability), context_tokens=32_768, max_output_tokens=None,
        price=None, timeouts=Timeouts(), quality=0.7,
        own_cost=Hardware(gpu_hour_usd=2.0, tokens_per_s=2_500, concurrent=64),
    )  # fmt: skip
    cloud = Deployment(
        name=CLOUD, provider="openai", model="gpt-4o-mini", base_url="http://cloud/v1", hosting=Hosting.COMMERCIAL,
        region=EU, clearance=Sensitivity.INTERNAL, capabilities=frozenset(Capability), context_tokens=128_000,
        max_output_tokens=16_384, price=Price(input_usd_per_mtok=0.15, output_usd_per_mtok=0.60), timeouts=Timeouts(),
        quality=0.8,
    )  # fmt: skip
    cloud_2 = replace(
        cloud, name=CLOUD_2, provider="openai_compatible", model="llama-3.3-70b", base_url="http://cloud-2/v1",
        addresses=("http://cloud-2/v1",), region=US, price=Price(input_usd_per_mtok=0.60, output_usd_per_mtok=0.60),
    )  # fmt: skip
    every = (home, cloud, cloud_2)
    return Catalogue(
        deployments={one.name: one for one in every},
        models={MODEL: Model(name=MODEL, deployments=tuple(one.name for one in every))},
    )


def with_price(deployments: Mapping[str, Deployment], name: str, price: Price) -> dict[str, Deployment]:
    """The same with another price of one of them."""
    return {**deployments, name: replace(deployments[name], price=price)}


CATALOGUE = _catalogue()
