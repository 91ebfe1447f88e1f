"""Broken configuration files, one row each: every problem at its place, in words, with no secret in them."""

from pathlib import Path

import pytest

from gateway.providers.vendors import VENDORS
from tests.test_settings import CANARY, HEAD, refused


def entry(line: str) -> str:
    """A good deployment on lines 1 to 6, with `line` as the seventh, at column 5."""
    good = ["provider: vllm", "base_url: http://127.0.0.1:1/v1", "model: m", "hosting: self_hosted"]
    kept = [field for field in good if field.split(":")[0] != line.split(":", maxsplit=1)[0]]
    padding = ["# none"] * (4 - len(kept))
    return "deployments:\n  a:\n" + "".join(f"    {field}\n" for field in [*padding, *kept, line])


def without(field: str) -> str:
    return "".join(line for line in entry("region: r").splitlines(keepends=True) if f" {field}:" not in line)


def instead(line: str) -> str:
    """The line in place of a base URL."""
    return "".join(one for one in entry(line).splitlines(keepends=True) if " base_url:" not in one)


REFERENCE = "a reference like ${env:NAME} or ${file:PATH}; a key itself never stands in a file"
HIDDEN = "a value that is not shown"
PROVIDERS = "one of " + ", ".join(sorted(VENDORS))
ONE_ADDRESS = "exactly one of 'base_url', 'addresses' and 'embedded'"
KNOWN = "a model or deployment of this file"

# text, place, path, expected (from its start), found (within it), hint (the name it gives)
BROKEN = [
    # the shape of the whole
    ("models: {}", (1, 1), "deployments", "the required field 'deployments'", "nothing", None),
    ("deployments: {}", (1, 1), "deployments", "at least one deployment", "none", None),
    ("deployments:", (1, 1), "deployments", "a mapping", "null", None),
    ("deployments: []", (1, 1), "deployments", "a mapping", "an empty list", None),
    ("deployments: {a: }", (1, 15), "deployments.a", "a mapping", "null", None),
    (HEAD + "polcy: p.yaml", (3, 1), "polcy", "one of batches, deployments, files, journal, keys, log, models, policy, responses, server, teams", "'polcy'", "policy"),
    (HEAD + "policy: 5", (3, 1), "policy", "text", "5", None),
    (HEAD + HEAD, (3, 1), "deployments", "a name that stands once", "'deployments' again", None),
    (HEAD + "models: {m: !x {}}", (3, 13), "models.m", "no tag", "!x", None),
    (HEAD + "models: [", (3, 10), "", "valid YAML", "", None),
    # a deployment
    (entry("clearence: public"), (7, 5), "deployments.a.clearence", "one of addresses, api_key, api_v", "'clearence'", "clearance"),
    (entry("provider: vlm"), (7, 5), "deployments.a.provider", PROVIDERS, "'vlm'", "vllm"),
    (entry("provider: zzz"), (7, 5), "deployments.a.provider", PROVIDERS, "'zzz'", None),
    (without("provider"), (2, 3), "deployments.a.provider", "the required field 'provider'", "nothing", None),
    (without("hosting"), (2, 3), "deployments.a.hosting", "the required field 'hosting'", "nothing", None),
    (without("base_url"), (2, 3), "deployments.a", ONE_ADDRESS, "none of them", None),
    (entry("embedded: {}"), (2, 3), "deployments.a", ONE_ADDRESS, "'base_url' and 'embedded'", None),
    (entry("addresses: ['http://h/v1']"), (2, 3), "deployments.a", ONE_ADDRESS, "'base_url' and 'addresses'", None),
    (instead("addresses: ['http://a/v1', 'http://b/v1', 'http://a/v1/']"), (6, 47), "deployments.a.addresses[2]", "each address once", "again", None),
    (instead("addresses: ['http://a/v1', 'http://u:p@b/v1']"), (6, 32), "deployments.a.addresses[1]", "an address without user", "", None),
    (entry("scrape_s: 0"), (7, 5), "deployments.a.scrape_s", "at least 0.2", "0", None),
    (entry("model: ''"), (7, 5), "deployments.a.model", "at least 1 character", "''", None),
    (entry("model: 4.1"), (7, 5), "deployments.a.model", "text", "4.1", None),
    (entry("model: "), (7, 5), "deployments.a.model", "text", "null", None),
    (entry("hosting: selfhosted"), (7, 5), "deployments.a.hosting", "one of commercial, self_hosted", "'selfhosted'", "self_hosted"),
    (entry("hosting: [commercial]"), (7, 5), "deployments.a.hosting", "one of commercial, self_hosted", "a list", None),
    (entry("clearance: confidental"), (7, 5), "deployments.a.clearance", "one of confidential, internal, p", "'confidental'", "confidential"),
    (entry("capabilities: [tools, vison]"), (7, 27), "deployments.a.capabilities[1]", "one of ", "'vison'", "vision"),
    (entry("capabilities: tools"), (7, 5), "deployments.a.capabilities", "a list", "text", None),
    (entry("region: 5"), (7, 5), "deployments.a.region", "text", "5", None),
    (entry("context_tokens: 0"), (7, 5), "deployments.a.context_tokens", "at least 1", "0", None),
    (entry("context_tokens: 1.5"), (7, 5), "deployments.a.context_tokens", "a whole number", "1.5", None),
    (entry("max_output_tokens: many"), (7, 5), "deployments.a.max_output_tokens", "a whole number", "'many'", None),
    (entry("price: 5"), (7, 5), "deployments.a.price", "a mapping", "5", None),
    (entry("price: {input_usd_per_mtok: 1}"), (7, 5), "deployments.a.price.output_usd_per_mtok", "the required field", "nothing", None),
    (entry("price: {input_usd_per_mtok: -1, output_usd_per_mtok: 1}"), (7, 13), "deployments.a.price.input_usd_per_mtok", "at least 0", "-1", None),
    (entry("price: {input_usd_per_mtok: 1e999, output_usd_per_mtok: 1}"), (7, 13), "deployments.a.price.input_usd_per_mtok", "a number", "'1e999'", None),
    (entry("timeouts: {idle_s: 0}"), (7, 16), "deployments.a.timeouts.idle_s", "more than 0", "0", None),
    (entry("timeouts: {total_s: 86401}"), (7, 16), "deployments.a.timeouts.total_s", "at most 86400", "86401", None),
    (entry("timeouts: {conect_s: 1}"), (7, 16), "deployments.a.timeouts.conect_s", "one of adaptive, connect_s, first_output_s", "'conect_s'", "connect_s"),
    (entry("base_url: localhost:8000/v1"), (7, 5), "deployments.a.base_url", "an address like http://HOST:PORT/v1", "", None),
    (entry("base_url: ftp://h/v1"), (7, 5), "deployments.a.base_url", "an address like http://HOST:PORT/v1", "", None),
    (entry("base_url: 'http://:80/v1'"), (7, 5), "deployments.a.base_url", "an address like http://HOST:PORT/v1", "", None),
    (entry("base_url: http://h:65536/v1"), (7, 5), "deployments.a.base_url", "an address with a port", "", None),
    (entry("base_url: http://h:x/v1"), (7, 5), "deployments.a.base_url", "an address with a port", "", None),
    (entry(f"base_url: http://user:{CANARY}@h/v1"), (7, 5), "deployments.a.base_url", "an address without user and password", "another form", None),
    (entry(f"base_url: http://{CANARY}@h/v1"), (7, 5), "deployments.a.base_url", "an address without user and password", "another form", None),
    (entry(f"base_url: http://h/v1?key={CANARY}"), (7, 5), "deployments.a.base_url", "an address without query", "another form", None),
    (entry(f"base_url: 'http://h/v1#{CANARY}'"), (7, 5), "deployments.a.base_url", "an address without query", "another form", None),
    (entry(f"api_key: {CANARY}"), (7, 5), "deployments.a.api_key", REFERENCE, HIDDEN, None),
    (entry(f"api_key: Bearer {CANARY}"), (7, 5), "deployments.a.api_key", REFERENCE, HIDDEN, None),
    (entry(f"api_key: [{CANARY}]"), (7, 5), "deployments.a.api_key", "text", HIDDEN, None),
    (entry("api_key: ''"), (7, 5), "deployments.a.api_key", REFERENCE, HIDDEN, None),
    (entry("api_key: '${env:ABSENT}'"), (7, 5), "deployments.a.api_key", "the environment variable ABSENT to be set", "nothing", None),
    (entry("api_key: '${env:EMPTY}'"), (7, 5), "deployments.a.api_key", "the environment variable EMPTY to be set", "nothing", None),
    (entry("api_key: '${file:absent.key}'"), (7, 5), "deployments.a.api_key", "a secret in absent.key", "nothing", None),
    (entry("api_key: '${file:.}'"), (7, 5), "deployments.a.api_key", "a secret in .", "nothing", None),
    (entry('api_key: "${file:a\\0b}"'), (7, 5), "deployments.a.api_key", "a secret in a", "nothing", None),
    ("deployments:\n  a b: {provider: vllm, base_url: 'http://h', model: m, hosting: commercial}", (2, 3), "deployments.a b", "a name of letters", "'a b'", None),
    ("deployments:\n  a: {provider: llama_cpp, embedded: {}, model: m, hosting: commercial}", (2, 52), "deployments.a.hosting", "self_hosted", "commercial", None),
    ("deployments:\n  a: {provider: llama_cpp, embedded: {slots: 17}, model: m, hosting: self_hosted}", (2, 39), "deployments.a.embedded.slots", "at most 16", "17", None),
    # models
    (HEAD + "models:\n  chat: {deployments: [locl]}", (4, 24), "models.chat.deployments[0]", "the name of a deployment", "'locl'", "local"),
    (HEAD + "models:\n  chat: {deployments: [local, local]}", (4, 31), "models.chat.deployments[1]", "each deployment once", "'local' again", None),
    (HEAD + "models:\n  chat: {deployments: []}", (4, 10), "models.chat.deployments", "at least 1 entry", "an empty list", None),
    (HEAD + "models:\n  chat: {}", (4, 3), "models.chat.deployments", "the required field", "nothing", None),
    (HEAD + "models:\n  local: {deployments: [local]}", (4, 3), "models.local", "a name that no deployment has", "'local'", None),
    (HEAD + "models:\n  'a b': {deployments: [local]}", (4, 3), "models.a b", "a name of letters", "'a b'", None),
    # keys
    (HEAD + f"keys: {CANARY}", (3, 1), "keys", "a mapping", "text", None),
    (HEAD + f"keys: {{app: {CANARY}}}", (3, 8), "keys.app", "a mapping", "text", None),
    (HEAD + f"keys: {{app: {{secret: {CANARY}}}}}", (3, 14), "keys.app.secret", REFERENCE, HIDDEN, None),
    (HEAD + f"keys: {{app: {{token: {CANARY}, secret: '${{env:APP}}'}}}}", (3, 14), "keys.app.token", "one of models, priority, role", "'token'", None),
    (HEAD + "keys: {app: {team: a}}", (3, 8), "keys.app.secret", "the required field 'secret'", "nothing", None),
    (HEAD + "keys: {app: {secret: '${env:ABSENT}'}}", (3, 14), "keys.app.secret", "the environment variable ABSENT to be set", "nothing", None),
    (HEAD + "keys: {app: {secret: '${env:SHORT}'}}", (3, 14), "keys.app.secret", "a secret of at least 16 characters", "a shorter one", None),
    (HEAD + "keys:\n  a: {secret: '${env:APP}'}\n  b: {secret: '${env:SAME}'}", (5, 7), "keys.b.secret", "a secret of its own", "that of 'a'", None),
    (HEAD + "keys: {app: {secret: '${env:APP}', role: operater}}", (3, 36), "keys.app.role", "one of application, operator", "'operater'", "operator"),
    (HEAD + "keys: {app: {secret: '${env:APP}', models: [locla]}}", (3, 45), "keys.app.models[0]", KNOWN, "'locla'", "local"),
    (HEAD + "keys: {app: {secret: '${env:APP}', sensitivity: secret}}", (3, 36), "keys.app.sensitivity", "one of confidential, internal, p", "'secret'", None),
    # server and journal
    (HEAD + "server:\n  port: 65536", (4, 3), "server.port", "at most 65535", "65536", None),
    (HEAD + "server:\n  port: 80.0", (4, 3), "server.port", "a whole number", "80.0", None),
    (HEAD + "server:\n  port: '80'", (4, 3), "server.port", "a whole number", "'80'", None),
    (HEAD + "server:\n  host: 0.0.0.0", (4, 3), "server.host", "a loopback address, because no 'keys' are configured", "'0.0.0.0'", None),
    (HEAD + "server:\n  host: example.com", (4, 3), "server.host", "a loopback address", "'example.com'", None),
    (HEAD + "server: {deadline_s: 0}", (3, 10), "server.deadline_s", "more than 0", "0", None),
    (HEAD + "server: {max_body_bytes: 1}", (3, 10), "server.max_body_bytes", "at least 1024", "1", None),
    (HEAD + "journal: {keep: 0}", (3, 11), "journal.keep", "at least 1", "0", None),
    (HEAD + "journal: {queue: 1e30}", (3, 11), "journal.queue", "a whole number", "1e", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "path", "expected", "found", "name"), BROKEN)
def test_broken(
    tmp_path: Path, text: str, place: tuple[int, int], path: str, expected: str, found: str, name: str | None
) -> None:
    (problem,) = refused(tmp_path, text)
    assert (problem.file, problem.line, problem.column) == (str(tmp_path / "gateway.yaml"), *place)
    assert problem.path == path
    assert problem.expected.startswith(expected)
    assert found in (problem.found or "")
    assert problem.hint == (name and f"did you mean {name!r}?")
    assert str(problem).startswith(f"{tmp_path}/gateway.yaml:{place[0]}:{place[1]}: {path or 'document'}: expected ")


TWELVE_OF_SHAPE = """\
server:
  port: many
  hots: x
deployments:
  a:
    provider: 5
    hosting: mine
    timeouts: {idle_s: -1}
    capabilities: [tool]
  b: {}
models:
  chat: {deployments: a}
journal: {keep: 0}
"""
TWELVE_OF_MEANING = f"""\
keys:
  a: {{secret: {CANARY}, models: [cat]}}
  b: {{secret: '${{env:SHORT}}'}}
models:
  chat: {{deployments: [aa, b, b]}}
  a: {{deployments: [a]}}
deployments:
  a:
    provider: vlm
    model: m
    base_url: http://u:{CANARY}@h
    hosting: commercial
    api_key: {CANARY}
  b:
    provider: openai_compatible
    model: m
    hosting: commercial
    api_key: ${{env:ABSENT}}
  c d:
    provider: llama_cpp
    model: m
    hosting: self_hosted
    embedded: {{}}
policy: absent.yaml
"""


def test_all_problems_of_shape_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert [(problem.line, problem.path) for problem in refused(tmp_path, TWELVE_OF_SHAPE)] == [
        (2, "server.port"),
        (3, "server.hots"),
        (5, "deployments.a.model"),
        (6, "deployments.a.provider"),
        (7, "deployments.a.hosting"),
        (8, "deployments.a.timeouts.idle_s"),
        (9, "deployments.a.capabilities[0]"),
        (10, "deployments.b.hosting"),
        (10, "deployments.b.model"),
        (10, "deployments.b.provider"),
        (12, "models.chat.deployments"),
        (13, "journal.keep"),
    ]


def test_all_problems_of_meaning_in_the_order_of_the_file(tmp_path: Path) -> None:
    problems = refused(tmp_path, TWELVE_OF_MEANING, PORT="abc")
    assert [(problem.line, problem.path) for problem in problems if problem.file.endswith("gateway.yaml")] == [
        (2, "keys.a.secret"),
        (2, "keys.a.models[0]"),
        (3, "keys.b.secret"),
        (5, "models.chat.deployments[0]"),
        (5, "models.chat.deployments[2]"),
        (6, "models.a"),
        (9, "deployments.a.provider"),
        (11, "deployments.a.base_url"),
        (13, "deployments.a.api_key"),
        (14, "deployments.b"),
        (18, "deployments.b.api_key"),
        (19, "deployments.c d"),
    ]
    others = {Path(problem.file).name for problem in problems} - {"gateway.yaml"}
    assert others == {"absent.yaml", "environment"}
