"""Prices that are probably a slip: outside of all that the installed lists have, or against the order of their parts.

Importing this loads the lists (`gateway.catalogue.list_prices`).
"""

from collections.abc import Iterable

from gateway.catalogue.list_prices import listed_range
from gateway.documents import Document
from gateway.values.deployment import Catalogue, Deployment, Hosting, Price
from gateway.values.problem import Problem

_PARTS = {
    "input_usd_per_mtok": "input_usd_per_mtok",
    "cached_input_usd_per_mtok": "cached_input_usd_per_mtok",
    "cache_write_usd_per_mtok": "cache_write_usd_per_mtok",
    "cache_write_1h_usd_per_mtok": "cache_write_1h_usd_per_mtok",
    "output_usd_per_mtok": "output_usd_per_mtok",
    "reasoning_usd_per_mtok": "output_usd_per_mtok",  # few lists price it apart
    "input_audio_usd_per_mtok": "input_audio_usd_per_mtok",
    "output_audio_usd_per_mtok": "output_audio_usd_per_mtok",
    "input_image_usd_per_mtok": "input_image_usd_per_mtok",
    "output_image_usd_per_mtok": "output_image_usd_per_mtok",
    "audio_minute_usd": "audio_minute_usd",
    "input_usd_per_mchar": "input_usd_per_mchar",
    "request_usd": "request_usd",
    "web_search_usd": "web_search_usd",
}  # the part whose range a part is held against
_UNITS = ("audio_minute_usd", "input_usd_per_mchar")
_FEES = ("request_usd", "web_search_usd")  # there may be none
_DEAREST_GPU_HOUR_USD = 100.0  # ten times what the dearest single accelerator is rented for


def unusual_prices(catalogue: Catalogue, document: Document) -> list[Problem]:
    """What is probably not meant, at its place in the configuration; valid all the same."""
    found: list[Problem] = []
    for name, deployment in catalogue.deployments.items():
        path = f"deployments.{name}"
        if deployment.price is not None:
            found += _out_of_range(f"{path}.price", deployment, deployment.price, document)
            found += _out_of_order(f"{path}.price", deployment.price, document)
        own = deployment.own_cost
        if own is not None and own.gpu_hour_usd > _DEAREST_GPU_HOUR_USD:
            expected = f"the price of one GPU for one hour, below {_DEAREST_GPU_HOUR_USD:g} USD"
            found.append(document.problem(f"{path}.own_cost.gpu_hour_usd", expected, f"{own.gpu_hour_usd:.6g}"))
    return found


def _out_of_range(path: str, deployment: Deployment, price: Price, document: Document) -> Iterable[Problem]:
    for part, like in _PARTS.items():
        usd: float | None = getattr(price.units if part in _UNITS else price, part)
        if usd is None or (part in _FEES and usd == 0):
            continue
        low, high = listed_range(like)
        if usd > high:
            yield document.problem(f"{path}.{part}", f"at most {high:g} USD, the dearest that is listed", f"{usd:.6g}")
        elif usd < low and deployment.hosting is Hosting.COMMERCIAL:
            expected = f"at least {low:g} USD, the cheapest that is listed; prices are per million tokens"
            yield document.problem(f"{path}.{part}", expected, f"{usd:.6g}")


def _out_of_order(path: str, price: Price, document: Document) -> Iterable[Problem]:
    into, cached, out = price.input_usd_per_mtok, price.cached_input_usd_per_mtok, price.output_usd_per_mtok
    if into is None:
        return
    if out is not None and into > out > 0:
        yield document.problem(f"{path}.input_usd_per_mtok", "input no dearer than output", f"{into:.6g} and {out:.6g}")
    if cached is not None and cached > into:
        expected = "cached input no dearer than input"
        yield document.problem(f"{path}.cached_input_usd_per_mtok", expected, f"{cached:.6g} and {into:.6g}")
