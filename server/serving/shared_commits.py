"""Many callers, one wait for the disk: what gathers during a commit goes into the next."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from server.journal.journal import Journal
from server.journal.record import Draft, Record


class SharedCommits:
    """Commits drafts of an event loop's callers by one writer thread, as they gather."""

    def __init__(self, journal: Journal) -> None:
        """Share commits to a journal, which stays open until after ``close``."""
        self.journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: list[tuple[Draft, asyncio.Future[Record]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def append(self, draft: Draft) -> Record:
        """Return the record of a draft's key, once it is on disk; see ``Journal.commit``.

        A caller who goes away leaves either nothing or the whole record.
        """
        future: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._waiting.append((draft, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await future

    def close(self) -> None:
        """Wait for the commit under way."""
        self._thread.shutdown()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            drafts = [draft for draft, _ in batch]
            committed = loop.run_in_executor(self._thread, self.journal.commit, drafts)
            await asyncio.wait([committed])
            for index, (_, future) in enumerate(batch):
                if not future.done():  # a caller who went away left a cancelled one
                    _settle(future, committed, index)


def _settle(
    future: asyncio.Future[Record], committed: asyncio.Future[list[Record]], index: int
) -> None:
    error = committed.exception()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(committed.result()[index])
