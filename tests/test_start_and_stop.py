"""A start can be ended at each of its moments, and a policy's file that blocks holds up neither changes nor the stop."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Upstream, configuration
from tests.support.gateway import REPOSITORY, GatewayProcess
from tests.support.operator import Operator
from tests.test_state_directory import wait_for
from tests.watch.test_policy import rule

SERVE = [sys.executable, "-m", "gateway", "serve"]


def as_first_process() -> list[str]:
    """As a container's: the kernel drops the signals for which it has no handler."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    prefix = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no right to a namespace of processes")
    return prefix


def child_of(pid: int) -> int | None:
    """Of the process that made the namespace; None before there is one that runs Python."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if not children or b"gateway" not in Path(f"/proc/{children[0]}/cmdline").read_bytes():
        return None
    return int(children[0])


def handles_term(pid: int) -> bool:
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & (1 << (signal.SIGTERM - 1)))


@pytest.mark.parametrize("wait_s", [0.0, 0.2, 0.5, 1.0])
def test_told_to_stop_during_its_start(tmp_path: Path, wait_s: float) -> None:
    env = {**os.environ, "PORT": "0", "GATEWAY_STATE_DIR": str(tmp_path)}
    outer = subprocess.Popen([*as_first_process(), *SERVE], cwd=REPOSITORY, env=env, stderr=subprocess.PIPE, text=True)
    assert outer.stderr is not None
    try:
        wait_for(lambda: child_of(outer.pid) is not None)
        inner = child_of(outer.pid)
        assert inner is not None
        wait_for(lambda: handles_term(inner))
        time.sleep(wait_s)
        os.kill(inner, signal.SIGTERM)
        assert outer.wait(20) in {0, 128 + signal.SIGTERM}
        assert "Traceback" not in outer.stderr.read()
    finally:
        if outer.poll() is None:
            if (left := child_of(outer.pid)) is not None:
                os.kill(left, signal.SIGKILL)
            outer.kill()
        outer.stderr.close()


def test_the_handler_is_there_before_the_start_is_imported() -> None:
    """It takes most of a second."""
    program = "import sys; import gateway.__main__; print('gateway.cli' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_pipe_in_the_policys_place(upstream: Upstream, tmp_path: Path) -> None:
    """Nobody writes to it, so who opens it waits."""
    file = tmp_path / "policy.yaml"
    file.write_text(rule("ok"))
    with GatewayProcess(tmp_path, configuration(upstream.base_url, policy="policy.yaml")) as gateway:
        operator = Operator(gateway)
        file.unlink()
        os.mkfifo(file)
        wait_for(lambda: operator.ready()["newest_policy_refused"])
        assert "no regular file" in gateway.log.read_text()
        operator.published(rule("vllm"))
        gateway.send_signal(signal.SIGHUP)
        file.unlink()
        file.write_text(rule("unicode"))
        wait_for(lambda: operator.ready()["policy"].startswith("3-"))
        file.unlink()
        os.mkfifo(file)
        gateway.send_signal(signal.SIGHUP)
        assert gateway.stop() == 0


@pytest.mark.parametrize("kind", ["pipe", "device", "directory"])
def test_none_of_these_is_a_policy_to_start_with(upstream: Upstream, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "policy.yaml"
    {"pipe": os.mkfifo, "device": lambda to: to.symlink_to("/dev/zero"), "directory": os.mkdir}[kind](file)
    gateway = GatewayProcess(tmp_path, configuration(upstream.base_url, policy="policy.yaml"))
    with pytest.raises(AssertionError):
        gateway.start()
    assert gateway.stop() == 1
    assert str(file) in gateway.log.read_text()
