"""Where the policy stands: in the configuration, in a file of its own, or packaged; and its reading, again and again."""

from importlib import resources
from pathlib import Path

import msgspec

from gateway.documents import Document, load_struct, parse
from gateway.policies.files import read_again, read_text
from gateway.providers.vendors import FIELDS
from gateway.routing.check import check_policy
from gateway.routing.compile import compile_plan
from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.values.deployment import Catalogue
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.revision import CompileContext

POLICY = "the policy"  # the name of a document that came without one


class PolicySource(msgspec.Struct, frozen=True):
    """`path` is the file to read and watch, None for the packaged default; `section` where the policy stands in it."""

    file: str
    path: Path | None
    section: str | None = None

    def document(self) -> Document:
        """The document as it is now. Raises InvalidDocument if there is none to be read."""
        text = default_text("policy.yaml") if self.path is None else read_again(self.path)
        whole = parse(text, self.file)
        return whole if self.section is None else whole.section(self.section)


def policy_source(given: str | Policy | None, file: str, base: Path) -> PolicySource:
    """What the configuration's `policy` says; `file` is the configuration's own, and its paths are relative to `base`."""
    if given is None:
        return PolicySource("defaults/policy.yaml", None)
    if isinstance(given, Policy):
        return PolicySource(file, Path(file), "policy")
    return PolicySource(str(base / given), base / given)


def policy_in(file: Path) -> PolicySource:
    """Of the policy that a file is, or that the configuration in it has or names. Raises InvalidDocument if it cannot be read."""
    given = parse(read_text(file), str(file)).data.get("policy")
    if isinstance(given, str):
        return PolicySource(str(file.parent / given), file.parent / given)
    return PolicySource(str(file), file, None if given is None else "policy")


def load_policy(document: Document, catalogue: Catalogue) -> tuple[Policy | None, list[Problem]]:
    """The policy, and all that is wrong with it; use it only if that is nothing."""
    policy, problems = load_struct(document, Policy)
    if policy is not None:
        check_policy(policy, catalogue, lambda *problem: problems.append(document.problem(*problem)))
    return policy, problems


def valid_policy(source: PolicySource, catalogue: Catalogue) -> Policy:
    """The policy as it is now. Raises InvalidDocument with all that is wrong with it."""
    return _valid(source.document(), catalogue)


def _valid(document: Document, catalogue: Catalogue) -> Policy:
    policy, problems = load_policy(document, catalogue)
    if policy is None or problems:
        raise InvalidDocument(problems)
    return policy


def plan_of(document: Document, context: CompileContext, number: int) -> Plan:
    """Its plan, as revision `number`. Raises InvalidDocument with all that is wrong with it."""
    policy = _valid(document, context.catalogue)
    return compile_plan(policy, context.catalogue, number=number, default_deadline_s=context.deadline_s, vendors=FIELDS)


def plan_of_text(text: str, context: CompileContext, number: int) -> Plan:
    """The same of a text that came from elsewhere than a file."""
    return plan_of(parse(text, POLICY), context, number)


def default_text(name: str) -> str:
    """A packaged default document."""
    return resources.files("gateway.defaults").joinpath(name).read_text("utf-8")
