"""A real gateway and the directory that it keeps its state in: one process at a time, and none at all is no end."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest

from gateway.journal.journal import count
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from tests.conftest import Upstream, configuration
from tests.support.disk import fill, small_disk
from tests.support.forked import gateway_command
from tests.support.gateway import REPOSITORY, GatewayProcess
from tests.support.operator import Operator

BODY = {"model": "ok", "messages": [{"role": "user", "content": "hi"}]}


def wait_for(what: Callable[[], object], within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def asked(gateway: GatewayProcess) -> str:
    """The id of a decision."""
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=BODY, trust_env=False)
    assert answer.status_code == 200
    return str(answer.headers["x-gateway-decision"])


def has_one(path: Path) -> bool:
    try:
        return count(path) == 1
    except sqlite3.Error:
        return False


def test_a_second_gateway_is_told_who_holds_it(upstream: Upstream, tmp_path: Path) -> None:
    """The first is killed, and holds nothing any more."""
    config = configuration(upstream.base_url)
    first = GatewayProcess(tmp_path, config).start()
    second = GatewayProcess(tmp_path, config)
    second.log = tmp_path / "second.log"
    with pytest.raises(AssertionError):
        second.start()
    assert second.stop() == 1
    said = second.log.read_text()
    assert f"{tmp_path / 'state'} is in use by pid {first.pid}" in said
    assert "GATEWAY_STATE_DIR" in said
    assert "Traceback" not in said
    asked(first)
    first.stop(signal.SIGKILL)
    with GatewayProcess(tmp_path, config) as third:
        asked(third)


def test_two_journals_in_one_directory_share_the_revisions_too(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configuration(upstream.base_url, journal={"path": "a.db"})):
        (tmp_path / "b").mkdir()
        other = GatewayProcess(tmp_path / "b", configuration(upstream.base_url, journal={"path": "../b.db"}))
        with pytest.raises(AssertionError):
            other.start()
        assert other.stop() == 1
        assert "is in use by pid" in other.log.read_text()


def test_a_directory_that_cannot_be_is_a_warning(upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with GatewayProcess(tmp_path, configuration(upstream.base_url)) as gateway:
        operator = Operator(gateway)
        decision = asked(gateway)
        ready = operator.ready()
        assert (ready["ready"], ready["journal_kept"], ready["policy_revisions_kept"]) == (True, False, False)
        assert operator.metric("gateway_journal_kept") == 0
        assert gateway.decision(decision)
        unknown = operator.client.get("/admin/decisions/01000000000000000000000000")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "journal_unavailable")
        assert operator.client.get("/admin/decisions").status_code == 200
        (tmp_path / "state").unlink()
        wait_for(lambda: operator.ready()["journal_kept"])
        assert operator.metric("gateway_journal_kept") == 1
        assert operator.metric("gateway_journal_dropped_records_total") == 0
        assert gateway.decision(decision)
        assert operator.client.get("/admin/decisions/01000000000000000000000000").status_code == 404
    said = gateway.log.read_text()
    assert "Traceback" not in said
    assert said.count("cannot be written") == 1
    assert gateway.state.stat().st_mode & 0o077 == 0


def test_a_disk_that_fills_up_under_a_gateway(upstream: Upstream, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        config = configuration(upstream.base_url, journal={"path": str(disk / "j.db"), "queue": 20})
        with GatewayProcess(tmp_path, config) as gateway:
            operator = Operator(gateway)
            full = fill(disk)
            sent = 0
            while operator.ready()["journal_kept"] or sent < 40:
                asked(gateway)
                sent += 1
            lost = operator.metric("gateway_journal_dropped_records_total")
            assert 0 < lost < sent
            assert operator.client.get("/admin/decisions").status_code == 200
            full.unlink()
            wait_for(lambda: operator.ready()["journal_kept"])
            assert gateway.decision(asked(gateway))
        said = gateway.log.read_text()
        assert "Traceback" not in said
        assert said.count("cannot be written") == 1


def test_a_journal_that_is_deleted_while_it_serves(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configuration(upstream.base_url)) as gateway:
        for file in gateway.state.glob("journal.db*"):
            file.unlink()
        assert gateway.decision(asked(gateway))
        operator = Operator(gateway)
        wait_for((gateway.state / "journal.db").exists)
        assert operator.metric("gateway_journal_dropped_records_total") == 0
        assert operator.client.get("/admin/decisions/01000000000000000000000000").status_code == 404


def test_the_default_directory_is_the_configurations(tmp_path: Path) -> None:
    """However it is named: a linked folder, a relative path, the environment. Others have others."""
    text = "deployments: {a: {provider: vllm, base_url: 'http://127.0.0.1:1/v1', model: m, hosting: self_hosted}}\n"
    places = [tmp_path / "one" / "gateway.yaml", tmp_path / "two" / "gateway.yaml", tmp_path / "one" / "other.yaml"]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    (tmp_path / "link").symlink_to(tmp_path / "one")
    env = {"XDG_STATE_HOME": str(tmp_path / "xdg")}

    def of(path: str | None, **more: str) -> Path:
        return load(path, {**env, **more}, OFFERS).journal_path

    found = [of(str(place)) for place in places]
    assert len({*found, of(None)}) == 4
    assert all(path.parent.parent == tmp_path / "xdg" / "gateway" for path in found)
    same = [of(str(tmp_path / "two" / ".." / "link" / "gateway.yaml")), of(None, GATEWAY_CONFIG=str(places[0]))]
    same.append(of(os.path.relpath(places[0])))
    assert same == [found[0]] * 3


def test_a_link_that_moves_at_each_change_keeps_its_state(tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap."""
    text = "deployments: {a: {provider: vllm, base_url: 'http://127.0.0.1:1/v1', model: m, hosting: self_hosted}}\n"
    found = []
    for version in ("..1", "..2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "gateway.yaml").write_text(text)
        (tmp_path / "gateway.yaml").unlink(missing_ok=True)
        (tmp_path / "gateway.yaml").symlink_to(tmp_path / version / "gateway.yaml")
        found.append(load(str(tmp_path / "gateway.yaml"), {"XDG_STATE_HOME": "/x"}, OFFERS).journal_path)
    assert found[0] == found[1]


def test_an_account_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def home(_: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(home))
    assert Path("/var/lib/gateway") in load(None, {}, OFFERS).journal_path.parents


def test_commands_find_the_journal_of_a_running_gateway(upstream: Upstream, tmp_path: Path) -> None:
    """In its default directory, by another name of the configuration, from another folder."""
    (tmp_path / "gateway.yaml").write_text(json.dumps(configuration(upstream.base_url)))
    env = {name: value for name, value in os.environ.items() if name not in {"GATEWAY_STATE_DIR", "GATEWAY_CONFIG"}}
    env |= {"XDG_STATE_HOME": str(tmp_path / "xdg"), "PYTHONPATH": str(REPOSITORY), "PORT": "0"}
    command = [sys.executable, "-m", "gateway"]
    serving = subprocess.Popen(
        [*command, "serve", "-c", "gateway.yaml"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdout is not None
    try:
        url = serving.stdout.readline().split()[2]
        answer = httpx.post(f"{url}/v1/chat/completions", json=BODY, trust_env=False)
        decision = answer.headers["x-gateway-decision"]
        config = ["-c", str(tmp_path / "gateway.yaml")]
        for arguments in (["decisions", *config, decision], ["replay", *config], ["simulate", *config, "--journal"]):
            wait_for(lambda: [one for one in (tmp_path / "xdg" / "gateway").glob("gateway-*/*.db") if has_one(one)])
            done = gateway_command(*arguments, env=env)
            assert "no journal" not in done.stderr
            said = {"decisions": "Ended as ok by ok", "replay": "1 decisions of 1 revision", "simulate": ""}
            assert said[arguments[0]] in done.stdout
        directory = next((tmp_path / "xdg" / "gateway").iterdir())
        assert directory.stat().st_mode & 0o077 == 0
    finally:
        serving.terminate()
        serving.wait(15)
        serving.stdout.close()
