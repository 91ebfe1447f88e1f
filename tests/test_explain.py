"""`gateway explain`: a header that is not understood is refused; else another request would be explained than was meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.support.gateway import REPOSITORY

BODY = '{"model": "chat", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}'


TAGGED = """
deployments:
  a: {provider: vllm, base_url: 'http://a/v1', model: m, hosting: self_hosted}
models: {chat: {deployments: [a]}}
keys: {shop: {secret: '${env:SHOP}', tags: {plan: paid}}, other: {secret: '${env:OTHER}'}}
policy: {rules: [{name: paid, when: {tags: {plan: paid}}}, {name: the-rest}]}
"""


@pytest.mark.parametrize(("key", "rule"), [("shop", "paid"), ("other", "the-rest")])
@pytest.mark.parametrize("headers", [[], ["x-gateway-tags: plan=free"]])
def test_a_keys_tags_count_whatever_the_caller_says(tmp_path: Path, key: str, rule: str, headers: list[str]) -> None:
    (tmp_path / "gateway.yaml").write_text(TAGGED)
    (tmp_path / "body.json").write_text(BODY)
    given = [part for header in headers for part in ("-H", header)]
    files = ["-c", str(tmp_path / "gateway.yaml"), "-f", str(tmp_path / "body.json")]
    done = CliRunner().invoke(main, ["explain", *files, "--key", key, *given])
    assert f"Rule {rule!r} of policy" in done.output


def explained(directory: Path, *headers: str) -> Result:
    (directory / "body.json").write_text(BODY)
    policy = str(REPOSITORY / "policies" / "enterprise.yaml")
    given = [part for header in headers for part in ("-H", header)]
    return CliRunner().invoke(main, ["explain", "-c", policy, "-f", str(directory / "body.json"), *given])


def test_a_header_counts(tmp_path: Path) -> None:
    done = explained(tmp_path, "X-Gateway-Sensitivity: restricted")
    assert done.exit_code == 0
    assert "Rule 'personal-data-stays-home'" in done.output


@pytest.mark.parametrize(
    "headers",
    [
        ["x-gateway-sensitivity=restricted"],
        [": restricted"],
        ["x-gateway-sensitivity: public", "X-Gateway-Sensitivity: restricted"],
    ],
)
def test_a_header_that_would_be_lost(tmp_path: Path, headers: list[str]) -> None:
    done = explained(tmp_path, *headers)
    assert done.exit_code == 2
    assert "--header" in done.output
