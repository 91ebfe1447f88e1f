"""Documents that operators write: YAML text becomes plain data with positions, and all that is wrong is said at once."""

from gateway.documents.reading import Document, parse
from gateway.documents.secrets import Secret, SecretReference, parse_reference
from gateway.documents.shape import load_struct

__all__ = ["Document", "Secret", "SecretReference", "load_struct", "parse", "parse_reference"]
