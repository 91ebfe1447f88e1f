"""Where a process keeps its state: a directory for each configuration, so that no two share one by accident."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import gateway

_NO_HOME = Path("/var/lib")  # of an account that has none, as in a container with a number for a user


def journal_path(given: str | None, config: str | None, env: Mapping[str, str]) -> Path:
    """The journal's file. `given` is the configuration's `journal.path`, relative to the file `config`; None for the
    packaged default.
    """
    if given is not None:
        return (Path(config).parent if config else Path()) / given
    named = env.get("GATEWAY_STATE_DIR")
    return (Path(named) if named else _home(env) / "gateway" / _name(config)) / "journal.db"


def _home(env: Mapping[str, str]) -> Path:
    named = env.get("XDG_STATE_HOME")
    if named:
        return Path(named)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError:
        return _NO_HOME


def _name(config: str | None) -> str:
    """The same for a configuration however it is named; the packaged default has one for each installation.

    The file itself may be a link that moves at each change, as in a mounted ConfigMap: links are followed up to its folder.
    """
    file = Path(config) if config else Path(gateway.__file__).with_name("default")
    whole = file.parent.resolve() / file.name
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", file.stem)[:40]
    return f"{stem}-{hashlib.sha256(str(whole).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
