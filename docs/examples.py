"""What commands print in the pages, printed anew: a part of `make docs`."""

import os
import re
import tempfile
from pathlib import Path

from click.testing import CliRunner

from gateway.cli import main as command

DOCS = Path(__file__).parent
_YAML = r"```yaml\n# yaml-language[^\n]*\n({}:\n.*?)```"
_EXPLAINED = re.compile(r"(With the five lines above and the \[configuration[^\n]*\n\n```\n)(.*?)(```)", re.DOTALL)


def examples() -> dict[Path, str]:
    """Page -> its content as it should be."""
    page = DOCS / "policies.md"
    return {page: with_explained(page.read_text("utf-8"), (DOCS / "operators.md").read_text("utf-8"))}


def with_explained(policies: str, operators: str) -> str:
    """The page about policies, with what `gateway explain` says of its first policy and the configuration for operators."""
    shown = explained(_block("deployments", operators), _block("rules", policies), _body(policies))
    found, times = _EXPLAINED.subn(lambda match: match[1] + shown + match[3], policies)
    if times != 1:
        raise ValueError("docs/policies.md has no place for what gateway explain says")
    return found


def explained(configuration: str, policy: str, body: str) -> str:
    """What is said of a confidential request."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("gateway.yaml", configuration), ("policy.yaml", policy), ("body.json", body)):
            (Path(folder) / name).write_text(text, "utf-8")
        words = ["explain", "-c", f"{folder}/gateway.yaml", "-f", f"{folder}/body.json"]
        done = CliRunner(env=dict(os.environ)).invoke(command, [*words, "-H", "x-gateway-sensitivity: confidential"])
    if done.exit_code:
        raise ValueError(done.output)
    return done.output


def _block(first: str, page: str) -> str:
    found = re.search(_YAML.format(first), page, re.DOTALL)
    if found is None:
        raise ValueError(f"there is no YAML that begins with {first}")
    return found[1]


def _body(page: str) -> str:
    found = re.search(r"^echo '(\{.*\})' > body\.json$", page, re.MULTILINE)
    if found is None:
        raise ValueError("there is no body.json")
    return found[1]
