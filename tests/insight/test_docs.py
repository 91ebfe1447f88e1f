"""docs/simulating.md: its commands are run as they stand there, one after the other."""

import re
from pathlib import Path

import pytest
import yaml

from tests.insight.test_fit import traffic
from tests.insight.test_journaled import simulated_journal
from tests.support.forked import gateway_command
from tests.support.gateway import REPOSITORY

PAGE = (REPOSITORY / "docs" / "simulating.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page takes for granted: a configuration with a journal of 500 requests, a draft, a trace and the page's world."""
    path = tmp_path_factory.mktemp("docs")
    document = yaml.safe_load((REPOSITORY / "policies" / "spill-over.yaml").read_text())
    document |= {"journal": {"path": "journal.db"}, "teams": {"research": {}}}
    (world,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    cloud_2 = yaml.safe_dump({"cloud-2": yaml.safe_load(world)["deployments"]["cloud"]})
    (path / "world.yaml").write_text(world + "".join(f"  {line}\n" for line in cloud_2.splitlines()))
    (path / "gateway.yaml").write_text(yaml.safe_dump(document))
    (path / "draft.yaml").write_text("rules: [{name: cloud-first, prefer: {order: [cloud, home]}}]\n")
    (path / "trace.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        + "".join(f"2023-11-16 18:{number // 60:02}:{number % 60:02},374,44\n" for number in range(300))
    )
    simulated_journal(path / "gateway.yaml", traffic(500, 2.0))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(folder: Path, command: str) -> None:
    """In the order of the page, as one writes what the next reads."""
    program, *words = command.split()
    assert program == ".venv/bin/gateway"
    done = gateway_command(*words, cwd=folder, env={})
    assert done.returncode == 0, done.stderr
    assert "kept the current objective" in done.stdout
    written = [words[at + 1] for at, word in enumerate(words) if word in {"--report", "--write-world"}]
    assert all((folder / name).stat().st_size for name in written)
