"""A configuration file is taken whole or refused whole: every problem at its place, in words, with no secret in them."""

from pathlib import Path

import pytest

from gateway.providers.vendors import OFFERS
from gateway.settings import Settings, is_loopback, load
from gateway.values.caller import Caller, Role
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.sensitivity import Sensitivity

CANARY = "canary-8c1f0e-secret"
ENV = {"APP": "application-key-1", "SAME": "application-key-1", "SHORT": "fifteen-chars-x", "EMPTY": "", "UP": CANARY}
HEAD = """\
deployments:
  local: {provider: vllm, base_url: 'http://127.0.0.1:1/v1', model: m, hosting: self_hosted}
"""


def settings(directory: Path, text: str, **env: str) -> Settings:
    file = directory / "gateway.yaml"
    file.write_text(text, "utf-8")
    return load(str(file), {**ENV, **env}, OFFERS)


def refused(directory: Path, text: str, **env: str) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        settings(directory, text, **env)
    assert CANARY not in str(caught.value) + repr(caught.value) + repr(caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize("port", ["abc", "", "-1", "65536", "80.0", " 80", "\u0663", "0x50", "9" * 5000])
def test_port_from_the_environment_is_a_number(tmp_path: Path, port: str) -> None:
    (problem,) = refused(tmp_path, HEAD, PORT=port)
    assert (problem.file, problem.line, problem.path) == ("environment", None, "PORT")
    assert problem.expected == "a number from 0 to 65535"
    assert str(problem).startswith("environment: PORT: expected a number from 0 to 65535, found '")
    assert len(str(problem)) < 150


def test_host_from_the_environment_needs_keys_too(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, HEAD, HOST="0.0.0.0")
    assert (problem.path, problem.found) == ("HOST", "'0.0.0.0'")
    keys = "keys: {app: {secret: '${env:APP}'}}"
    assert settings(tmp_path, HEAD + keys, HOST="0.0.0.0").server.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda file: None, "No such file or directory"),
        (lambda file: file.mkdir(), "Is a directory"),
        (lambda file: file.write_bytes(b"a: \xff"), "bytes that are not UTF-8"),
    ],
    ids=["absent", "directory", "latin-1"],
)
@pytest.mark.parametrize("name", ["gateway.yaml", "policy.yaml"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, make: object, found: str) -> None:
    (tmp_path / "gateway.yaml").write_text(HEAD + "policy: policy.yaml")
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)  # type: ignore[operator]
    with pytest.raises(InvalidDocument) as caught:
        load(str(tmp_path / "gateway.yaml"), {}, OFFERS)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.expected) == (str(tmp_path / name), None, "a readable UTF-8 file")
    assert problem.found == found


def test_a_policy_name_that_no_file_can_have(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, HEAD + 'policy: "a\\0b"')
    assert problem.expected == "a readable UTF-8 file"


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    elsewhere.mkdir()
    (home / "sub").mkdir(parents=True)
    (home / "sub" / "app.key").write_text(f"\n {CANARY}\n")
    (home / "sub" / "up.key").write_text("upstream-key")
    (home / "policy.yaml").write_text("rules: [{name: mine}]")
    for name, text in (("policy.yaml", "wrong"), ("sub", "wrong")):
        (elsewhere / name).write_text(text)
    monkeypatch.chdir(elsewhere)
    text = HEAD.replace("}", ", api_key: '${file:sub/up.key}'}") + (
        "policy: policy.yaml\njournal: {path: sub/j.db}\nkeys: {app: {secret: '${file:sub/app.key}'}}\n"
    )
    read = settings(home, text)
    assert (read.policy.document().data, read.policy.file) == ({"rules": [{"name": "mine"}]}, str(home / "policy.yaml"))
    assert read.journal_path == home / "sub" / "j.db"
    assert read.api_keys["local"].reveal() == "upstream-key"
    assert read.keyring.find(CANARY) == Caller(key="app", role=Role.APPLICATION)


def test_absolute_paths_stay(tmp_path: Path) -> None:
    policy, key, home = tmp_path / "p.yaml", tmp_path / "app.key", tmp_path / "home"
    home.mkdir()
    policy.write_text("rules: [{name: mine}]")
    key.write_text(CANARY)
    text = f"policy: {policy}\njournal: {{path: {tmp_path}/j.db}}\nkeys: {{app: {{secret: '${{file:{key}}}'}}}}\n"
    read = settings(home, HEAD + text)
    assert (read.policy.file, read.journal_path) == (str(policy), tmp_path / "j.db")
    assert read.keyring.find(CANARY) is not None


def test_defaults(tmp_path: Path) -> None:
    read = settings(tmp_path, HEAD)
    assert (read.server.host, read.server.port, read.policy.file) == ("127.0.0.1", 8080, "defaults/policy.yaml")
    assert read.keyring.is_empty()
    assert read.api_keys == {}


def test_the_environment_wins(tmp_path: Path) -> None:
    text = HEAD + "server: {host: '::1', port: 1}"
    assert (settings(tmp_path, text).server.host, settings(tmp_path, text).server.port) == ("::1", 1)
    read = settings(tmp_path, text, HOST="localhost", PORT="0")
    assert (read.server.host, read.server.port) == ("localhost", 0)
    assert settings(tmp_path, text, HOST="").server.host == "::1"


def test_the_file_from_the_environment(tmp_path: Path) -> None:
    named, given = tmp_path / "named.yaml", tmp_path / "given.yaml"
    named.write_text(HEAD + "server: {port: 1}")
    given.write_text(HEAD + "server: {port: 2}")
    env = {"GATEWAY_CONFIG": str(named)}
    assert load(None, env, OFFERS).file == str(named)
    assert load(str(given), env, OFFERS).server.port == 2
    assert load(None, {"GATEWAY_CONFIG": ""}, OFFERS).file == "defaults/gateway.yaml"
    assert "smollm2" in load(None, {}, OFFERS).catalogue.models


def test_where_the_journal_is(tmp_path: Path) -> None:
    state = {"GATEWAY_STATE_DIR": "/state", "XDG_STATE_HOME": "/xdg"}
    assert settings(tmp_path, HEAD, **state).journal_path == Path("/state/journal.db")
    assert settings(tmp_path, HEAD, XDG_STATE_HOME="/xdg").journal_path.parents[1] == Path("/xdg/gateway")
    assert settings(tmp_path, HEAD).journal_path.parents[1] == Path.home() / ".local/state/gateway"
    assert settings(tmp_path, HEAD + "journal: {path: j.db}", **state).journal_path == tmp_path / "j.db"


def test_a_key_and_what_it_may(tmp_path: Path) -> None:
    given = "role: operator, team: red, sensitivity: internal, models: [local], tags: {plan: paid}"
    keys = f"keys: {{boss: {{secret: '${{env:UP}}', {given}}}}}"
    read = settings(tmp_path, HEAD + keys)
    assert read.keyring.find(CANARY) == Caller(
        key="boss", role=Role.OPERATOR, team="red", floor=Sensitivity.INTERNAL, models=frozenset({"local"}),
        tags=(("plan", "paid"),),
    )  # fmt: skip
    assert read.keyring.find(CANARY[:-1]) is None


def test_tags_that_no_header_could_carry(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument) as caught:
        settings(tmp_path, HEAD + "keys: {boss: {secret: '${env:UP}', tags: {plan: 'not paid', ok: yes}}}")
    assert [problem.path for problem in caught.value.problems] == ["keys.boss.tags.plan"]


def test_secrets_are_in_no_rendering_of_the_settings(tmp_path: Path) -> None:
    text = HEAD.replace("}", ", api_key: '${env:UP}'}") + "keys: {app: {secret: '${env:UP}'}}"
    read = settings(tmp_path, text)
    assert read.api_keys["local"].reveal() == CANARY
    for shown in (repr(read), str(read), f"{read.api_keys}", repr(vars(read.keyring)), repr(read.catalogue)):
        assert CANARY not in shown


@pytest.mark.parametrize(
    "secret",
    [f"{CANARY}\nx: y", f"{CANARY}\r", f"schl\u00fcssel-{CANARY}", f"{CANARY}\udcff", f" {CANARY}", f"{CANARY} ", " "],
)
@pytest.mark.parametrize("where", ["api_key", "keys"])
def test_a_secret_that_no_header_can_carry(tmp_path: Path, where: str, secret: str) -> None:
    api_key = HEAD.replace("}", ", api_key: '${env:ODD}'}")
    key = HEAD + "keys: {app: {secret: '${env:ODD}'}}"
    (problem,) = refused(tmp_path, api_key if where == "api_key" else key, ODD=secret)
    assert problem.expected.startswith("a secret of printable ASCII characters")
    assert problem.path == ("deployments.local.api_key" if where == "api_key" else "keys.app.secret")


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_loopback(host: str, is_one: bool) -> None:
    assert is_loopback(host) == is_one


def test_an_unknown_field_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "polcy: x\n"
        "deployments:\n"
        "  a: {provider: vlm, model: m, hosting: self_hosted, base_url: http://h/v1, regoin: eu}\n"
        "models: {chat: {deployments: [b]}}\n"
    )
    with pytest.raises(InvalidDocument) as caught:
        load(str(file), {}, {"vllm": OFFERS["vllm"]})
    assert [problem.path for problem in caught.value.problems] == [
        "polcy", "deployments.a.provider", "deployments.a.regoin", "models.chat.deployments[0]",
    ]  # fmt: skip


def test_a_policy_may_stand_inside_and_its_problems_say_where(tmp_path: Path) -> None:
    read = settings(tmp_path, HEAD + "policy:\n  rules:\n    - {name: inside}\n")
    assert (read.policy.file, read.policy.section) == (read.file, "policy")
    (problem,) = refused(tmp_path, HEAD + "policy:\n  rules:\n    - {name: a, prefer: {order: [lcoal]}}\n")
    assert (problem.path, problem.hint) == ("policy.rules[0].prefer.order[0]", "did you mean 'local'?")
    (problem,) = refused(tmp_path, HEAD + "policy:\n  rules:\n    - {name: a, prefre: {}}\n")
    assert (problem.path, problem.hint) == ("policy.rules[0].prefre", "did you mean 'prefer'?")


def test_all_that_is_wrong_is_said_at_once_whatever_its_kind(tmp_path: Path) -> None:
    text = (
        HEAD
        + "polcy: x\nkeys: {app: {secret: plain, role: boss}}\npolicy: {rules: [{name: a, prefer: {order: [x]}, limits: {max_attempts: 0}}]}\n"
    )
    assert {problem.path for problem in refused(tmp_path, text)} == {
        "polcy",
        "keys.app.role",
        "keys.app.secret",
        "policy.rules[0].prefer.order[0]",
        "policy.rules[0].limits.max_attempts",
    }


def test_secrets_that_are_missing_hinder_serving_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        HEAD + "teams: {blue: {sensitivity: confidential}}\nkeys: {app: {secret: '${env:NOT_THERE}', team: blue}}\n"
    )
    with pytest.raises(InvalidDocument):
        load(str(file), {}, OFFERS)
    read = load(str(file), {}, OFFERS, without_secrets=True)
    assert [problem.path for problem in read.missing] == ["keys.app.secret"]
    caller = read.keyring.named("app")
    assert caller is not None
    assert caller.floor is Sensitivity.CONFIDENTIAL
    assert read.keyring.find("missing:app") is None


def test_a_team_must_be_one_of_those_that_are_listed(tmp_path: Path) -> None:
    (problem,) = refused(
        tmp_path, HEAD + "teams: {blue: {}}\nkeys: {app: {secret: '${env:APP}', team: bleu}}\n", APP=CANARY
    )
    assert (problem.path, problem.hint) == ("keys.app.team", "did you mean 'blue'?")
