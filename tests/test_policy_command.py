"""`gateway policy ...`, as an operator types it, at a gateway that runs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.conftest import APP_KEY, OPERATOR_KEY, Upstream, configuration
from tests.support.gateway import GatewayProcess
from tests.watch.test_policy_changes import only


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    directory = tmp_path_factory.mktemp("policy")
    (directory / "policy.yaml").write_text(only("ok"))
    keys = {"app": {"secret": "${env:APP_KEY}"}, "me": {"secret": "${env:OPERATOR_KEY}", "role": "operator"}}
    config = configuration(upstream.base_url, policy="policy.yaml", keys=keys)
    with GatewayProcess(directory, config, {"APP_KEY": APP_KEY, "OPERATOR_KEY": OPERATOR_KEY}) as process:
        yield process


def run(gateway: GatewayProcess, *arguments: str, key: str = OPERATOR_KEY, stdin: str = "") -> Result:
    env = {"GATEWAY_URL": gateway.url, "GATEWAY_API_KEY": key}
    done = CliRunner().invoke(main, ["policy", *arguments], input=stdin, env=env)
    assert key not in done.output
    return done


def ok(gateway: GatewayProcess, *arguments: str, stdin: str = "") -> str:
    done = run(gateway, *arguments, stdin=stdin)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_from_a_draft_to_production_and_back(gateway: GatewayProcess, tmp_path: Path) -> None:
    first = json.loads(ok(gateway, "show", "--json"))["record"]["revision"]["name"]
    draft = tmp_path / "draft.yaml"
    draft.write_text(only("vllm"))
    assert "  staged: with 0.1 of the traffic" in ok(gateway, "put", str(draft), "--share", "0.1")
    assert "staged: 0 of 0 requests failed" in run(gateway, "show").stderr
    assert "promoted" in ok(gateway, "promote")
    assert ok(gateway, "show") == only("vllm")
    assert ok(gateway, "show", "1") == only("ok")
    assert "Rule 'only' has another require." in ok(gateway, "diff", "1", "2")
    assert "in force: published" in ok(gateway, "put", "-", stdin=only("unicode"))
    assert "the document of revision 2 again" in ok(gateway, "rollback")
    assert "the document of revision 1 again" in ok(gateway, "rollback", first)
    ok(gateway, "put", str(draft), "--share", ".5")
    assert "withdrawn" in ok(gateway, "withdraw")
    lines = ok(gateway, "list", "--limit", "4").splitlines()
    assert [line[:2] for line in lines] == ["6-", "5-", "4-", "3-"]
    assert "by key 'me'" in lines[0]


def test_what_is_refused_says_why_and_changes_nothing(gateway: GatewayProcess, tmp_path: Path) -> None:
    before = ok(gateway, "show")
    broken = tmp_path / "broken.yaml"
    broken.write_text("rules:\n- name: a\n  wen: {}\n")
    done = run(gateway, "put", str(broken))
    assert done.exit_code == 1
    assert f"{broken}:3:3: error: rules[0].wen: expected one of" in done.stderr
    assert "did you mean 'when'?" in done.stderr
    assert "is in force, another than If-Match names" in run(gateway, "rollback", "--if-match", "0-x").stderr
    assert "Invalid 'share'" in run(gateway, "put", "-", "--share", "2", stdin=only("ok")).stderr
    assert "No revision is staged." in run(gateway, "promote").stderr
    assert "is not kept" in run(gateway, "show", "999").stderr
    assert "a readable UTF-8 file" in run(gateway, "put", str(tmp_path / "none")).stderr
    assert ok(gateway, "show") == before


def test_who_may_not_and_what_is_not_there(gateway: GatewayProcess, tmp_path: Path) -> None:
    assert "needs an operator's key" in run(gateway, "rollback", key=APP_KEY).stderr
    assert "the key is not known" in run(gateway, "list", key="a-wrong-key-0123456789").stderr
    assert "no gateway answers at http://127.0.0.1:9" in run(gateway, "list", "--url", "http://127.0.0.1:9").stderr
    file = tmp_path / "key"
    file.write_text(OPERATOR_KEY + "\n")
    assert run(gateway, "list", "--key-file", str(file), key="another-0123456789").exit_code == 0


class _Page(BaseHTTPRequestHandler):
    """Something else that listens there."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>welcome</html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("command", [["list"], ["show"], ["show", "--json"], ["list", "--json"], ["diff", "1", "2"]])
def test_what_is_no_gateway_is_said(page: str, command: list[str]) -> None:
    done = CliRunner().invoke(main, ["policy", *command, "--url", page], env={"GATEWAY_API_KEY": ""})
    assert (done.exit_code, done.stdout) == (1, "")
    assert "HTTP 200: not the answer of a gateway" in done.stderr


@pytest.mark.parametrize("key", ["schl\u00fcssel-hunter2", "se\nhunter2"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    done = CliRunner().invoke(main, ["policy", "list", "--url", "http://127.0.0.1:9"], env={"GATEWAY_API_KEY": key})
    assert done.exit_code == 1
    assert "one line of ASCII" in done.stderr
    assert "hunter2" not in done.output


def test_a_password_in_the_url_is_not_shown() -> None:
    done = CliRunner().invoke(main, ["policy", "list", "--url", "http://me:hunter2@127.0.0.1:9/x"])
    assert "no gateway answers at http://127.0.0.1:9/x: " in done.stderr
    assert "hunter2" not in done.output


def test_a_document_that_is_not_text_is_refused(gateway: GatewayProcess) -> None:
    env = {"GATEWAY_URL": gateway.url, "GATEWAY_API_KEY": OPERATOR_KEY}
    done = CliRunner().invoke(main, ["policy", "put", "-"], input=b"rules: \xff", env=env)
    assert done.exit_code == 1
    assert "The body must be a policy in UTF-8." in done.stderr
