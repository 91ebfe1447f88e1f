"""Pools of embeddings that are valid and probably a slip: two models, whose vectors nobody can compare."""

from gateway.documents import Document
from gateway.values.deployment import Catalogue
from gateway.values.problem import Problem
from gateway.values.surface import Surface


def unusual_pools(catalogue: Catalogue, document: Document) -> list[Problem]:
    """Each deployment of a pool that embeds by another model than the first one that embeds, at its place."""
    found: list[Problem] = []
    for model in catalogue.models.values():
        named = [catalogue.deployments[name] for name in model.deployments]
        embedding = [(at, one) for at, one in enumerate(named) if Surface.EMBEDDINGS in one.surfaces]
        for at, one in embedding:
            first = embedding[0][1].model
            if one.model != first:
                expected = (
                    f"embeddings by {first!r}, as {embedding[0][1].name!r}: those of two models cannot be compared"
                )
                place = f"models.{model.name}.deployments[{at}]"
                found.append(document.problem(place, expected, f"{one.name!r} with {one.model!r}"))
    return found
