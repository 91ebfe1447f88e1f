"""The table of vendors: each row whole, and no vendor's name compared anywhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import gateway
from gateway.providers.vendors import OFFERS, VENDORS
from gateway.transport.signers import SIGNERS
from gateway.values.surface import Serves

ROOT = Path(gateway.__file__).parent
RECORDED_ELSEWHERE = frozenset({
    "openai_compatible", "openai", "vllm", "llama_cpp", "anthropic", "gemini", "vertex", "vertex_anthropic", "bedrock",
    "bedrock_anthropic",
})  # fmt: skip
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", VENDORS)
def test_a_row_is_whole(name: str) -> None:
    row = VENDORS[name]
    assert row.title
    assert row.source
    assert row.counts
    assert row.usual <= row.translators.keys()
    assert row.auth in SIGNERS
    for url in row.base_urls.values():
        parts = urlsplit(url)
        assert parts.scheme == "https", url
        assert not parts.query, url
        assert not url.endswith("/"), url
    assert OFFERS[name].capabilities == row.capabilities


RECORDED = {"openai", "openai_compatible", "vllm", "llama_cpp"}  # under other names
CHATTING = sorted(
    name
    for name, row in VENDORS.items()
    if row.chat.name == VENDORS["openai"].chat.name and Serves.CHAT in row.translators and name not in RECORDED
)


@pytest.mark.parametrize("name", CHATTING)
def test_a_row_has_its_goldens(name: str) -> None:
    """A plain answer, a stream with its usage, an error."""
    folder = GOLDEN / name
    assert (folder / "plain.200").exists()
    assert b"usage" in (folder / "stream.200").read_bytes()
    assert list(folder.glob("err-*"))


def compared(tree: ast.AST) -> Iterator[str]:
    """Texts that something is compared with, or looked up by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            sides = [node.value]
        else:
            continue
        for side in sides:
            yield from (
                one.value for one in ast.walk(side) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


def test_no_vendor_is_compared_elsewhere() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in ROOT.rglob("*.py")
        if path.parent.name != "providers"
        for word in compared(ast.parse(path.read_text()))
        if word in VENDORS
    }
    assert not found


def test_the_names_of_a_limit_are_renamed() -> None:
    for name, row in VENDORS.items():
        if Serves.CHAT not in row.translators:
            assert row.limit_name is None, name  # it has no conversations
            continue
        if row.limit_name is not None and row.chat.name == VENDORS["openai"].chat.name:
            assert list(row.renames.values()).count(row.limit_name) == 1, name
