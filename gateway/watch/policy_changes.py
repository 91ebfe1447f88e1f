"""Changes of the policy, one after the other: by the file, by operators, and by a staged revision that does worse.

The last event wins. A file that says what it said when it was last taken is no event, so that what an operator
published survives a restart.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from gateway.documents import Document
from gateway.values.problem import InvalidDocument
from gateway.values.records import RequestFinished
from gateway.values.revision import By, Revision, State, Via
from gateway.watch.aside import Aside
from gateway.watch.policy import PolicyInForce
from gateway.watch.policy_compiler import Draft, PolicyCompiler, digest

READ_WITHIN_S = 5.0


class Superseded(Exception):
    """Another revision is in force than the one that was expected; its text is the name of the present one."""


class NothingStaged(Exception):
    """No revision is staged."""


class UnknownRevision(Exception):
    """None of this number is kept, or there is none before the present one."""


class PolicyChanges:
    """One per process. Each verb returns once the change is kept, as far as it can be.

    `expected` is the name of the revision that has to be in force, or of that which is staged where it is about that
    one; else Superseded is raised.
    """

    def __init__(self, policy: PolicyInForce, compiler: PolicyCompiler) -> None:
        self.policy = policy
        self._compiler = compiler
        self._lock, self._reading = asyncio.Lock(), asyncio.Lock()
        self._aside = Aside(READ_WITHIN_S)
        self._saving: set[asyncio.Task[None]] = set()

    async def put(self, text: str, by: By, *, share: float | None = None, expected: str | None = None) -> Revision:
        """Publish a document, or stage it with a share in (0, 1) of the traffic. The revision that it is now.

        One that says what is in force changes nothing. Raises InvalidDocument.
        """
        policy = self.policy
        async with self._lock:
            self._expect(expected)
            draft = await self._compiled(by, self._compiler.of_text, text)
            if draft.plan.content == policy.plan.content:
                revision = policy.revision
            else:
                revision = policy.publish(draft, by) if share is None else policy.stage(draft, share, by)
            policy.taken()
            await self._save()
        return revision

    async def reload(self, via: Via) -> None:
        """Take the file if it says something else than when it was last taken, and is valid."""
        by = By(via, time.time())
        async with self._reading:  # in order, and no other change waits for a file that hangs
            document = await self._read(by)
            if document is not None:
                async with self._lock:
                    await self._take(document, by)

    async def rollback(self, by: By, number: int | None = None, *, expected: str | None = None) -> Revision:
        """Bring back a document, for all traffic: that of the revision before the present one, or of this number.

        Raises UnknownRevision, and InvalidDocument if it does not fit the configuration any more.
        """
        policy = self.policy
        async with self._lock:
            self._expect(expected)
            kept = policy.revisions.before() if number is None else policy.revisions.find(number)
            if kept is None:
                raise UnknownRevision
            draft = await self._compiled(by, self._compiler.again, kept)
            if draft.plan.content == policy.plan.content:
                policy.withdraw(by)
                revision = policy.revision
            else:
                revision = policy.publish(draft, by, kept.revision.number, State.ROLLED_BACK)
            policy.taken()
            await self._save()
        return revision

    async def promote(self, by: By, *, expected: str | None = None) -> Revision:
        """The staged revision decides about all requests from now on. Raises NothingStaged."""
        return await self._of_staged(self.policy.promote, by, expected)

    async def withdraw(self, by: By, *, expected: str | None = None) -> Revision:
        """The staged revision decides about no request any more. Raises NothingStaged."""
        return await self._of_staged(self.policy.withdraw, by, expected)

    async def refuse(self, by: By, problems: list[str]) -> None:
        """A document was found not to be valid before it came here."""
        async with self._lock:
            self.policy.refuse(by, problems)

    def request_finished(self, record: RequestFinished) -> None:
        """Listener: a staged revision that does worse is withdrawn at once."""
        trial = self.policy.trial
        if trial is not None and (why := trial.count(record)) is not None:
            self.policy.fail(By(Via.AUTOMATIC, time.time()), why, trial.sentence(why))
            task = asyncio.get_running_loop().create_task(self._save())
            self._saving.add(task)
            task.add_done_callback(self._saving.discard)

    async def stop(self) -> None:
        """What changed is kept."""
        await self._save()

    async def _read(self, by: By) -> Document | None:
        """None if there is none to be read in time; that was told."""
        try:
            return await self._aside.run(self._compiler.read)
        except InvalidDocument as invalid:
            problems = list(map(str, invalid.problems))
        except TimeoutError:
            problems = [f"the policy's file could not be read within {READ_WITHIN_S:g} s"]
        await self.refuse(by, problems)
        return None

    async def _take(self, document: Document, by: By) -> None:
        policy, revisions = self.policy, self.policy.revisions
        said = digest(document)
        if said != revisions.taken:
            try:
                draft = await self._compiled(by, self._compiler.of_file, document)
            except InvalidDocument:  # it was told
                return
            revisions.taken = said
            if draft.plan.content != policy.plan.content:
                policy.publish(draft, by)
        policy.taken()
        await self._save()

    async def _of_staged(self, verb: Callable[[By], Revision | None], by: By, expected: str | None) -> Revision:
        async with self._lock:
            if self.policy.staging is None or expected != self.policy.staging.plan.revision:
                self._expect(expected)
            revision = verb(by)
            if revision is None:
                raise NothingStaged
            await self._save()
        return revision

    async def _compiled(self, by: By, compile_draft: Callable[[Any, int], Draft], source: object) -> Draft:
        """On a thread. One that is not valid is told, and raises InvalidDocument."""
        try:
            return await asyncio.to_thread(compile_draft, source, self.policy.revisions.next_number)
        except InvalidDocument as invalid:
            self.policy.refuse(by, list(map(str, invalid.problems)))
            raise

    def _expect(self, expected: str | None) -> None:
        if expected is not None and expected != self.policy.plan.revision:
            raise Superseded(self.policy.plan.revision)

    async def _save(self) -> None:
        await asyncio.to_thread(self.policy.revisions.save)
