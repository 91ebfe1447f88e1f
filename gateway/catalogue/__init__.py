"""Catalogue: what an operator writes of deployments and models becomes values, or all that is wrong with it."""

from gateway.catalogue.compile import CompiledCatalogue, compile_catalogue
from gateway.catalogue.document import DeploymentEntry, ModelEntry

__all__ = ["CompiledCatalogue", "DeploymentEntry", "ModelEntry", "compile_catalogue"]
