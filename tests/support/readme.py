"""The configuration that README.md shows, as it stands there."""

import re
from typing import Any

import yaml

from tests.support.gateway import REPOSITORY

_BLOCK = re.compile(r"^```yaml\n# (\S+\.yaml)\b[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def readme_files() -> dict[str, dict[str, Any]]:
    """Its YAML files, by the name in their first line."""
    text = (REPOSITORY / "README.md").read_text("utf-8")
    return {name: yaml.safe_load(content) for name, content in _BLOCK.findall(text)}


def readme_configuration() -> dict[str, Any]:
    """`gateway.yaml` with `policy.yaml` inside."""
    files = readme_files()
    return {**files["gateway.yaml"], "policy": files["policy.yaml"]}
