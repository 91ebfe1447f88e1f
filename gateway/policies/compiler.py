"""Documents become plans against what this process runs with. It blocks: for a thread, but at the start."""

import hashlib
from collections.abc import Callable

import msgspec

from gateway.documents import Document, parse
from gateway.routing.plan import Plan
from gateway.values.revision import CompileContext, KeptRevision, Revision

Compile = Callable[[Document, CompileContext, int], Plan]  # as revision of this number; raises InvalidDocument


class Draft(msgspec.Struct, frozen=True):
    """A plan, and the text that it was compiled from."""

    plan: Plan
    document: str


class PolicyCompiler:
    """`read` reads the policy's file, or wherever the configuration has it. All verbs raise InvalidDocument."""

    def __init__(self, compile_document: Compile, read: Callable[[], Document], context: CompileContext) -> None:
        self.read = read
        self._compile, self._context = compile_document, context

    def of_file(self, document: Document, number: int) -> Draft:
        """Of what `read` gave."""
        return Draft(self._compile(document, self._context, number), document.text())

    def of_text(self, text: str, number: int) -> Draft:
        """Of what an operator sent."""
        return Draft(self._compile(parse(text, "the policy"), self._context, number), text)

    def again(self, kept: KeptRevision, number: int) -> Draft:
        """Of a document that was taken before, against what is here now."""
        name = f"revision {kept.revision.name}"
        return Draft(self._compile(parse(kept.document, name), self._context, number), kept.document)

    def kept(self, draft: Draft, revision: Revision) -> KeptRevision:
        """As it is kept."""
        return KeptRevision(revision=revision, document=draft.document, context=self._context)


def digest(document: Document) -> str:
    """The same for documents that say the same: comments and layout do not count."""
    return hashlib.sha256(msgspec.json.encode(document.data)).hexdigest()
