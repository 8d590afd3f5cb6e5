"""The feed wakes who waits, and gives nothing of a log that fails."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from protocols.errors import CheckpointError
from server.audit_service.feed import Feed
from server.ledger.reader import LogReader


class _Reader:
    """A reader whose next looks are prepared: a note, or what is raised."""

    def __init__(self) -> None:
        self.note, self.next = "note 1", cast("str | Exception", "note 1")

    def refresh(self) -> bool:
        if isinstance(self.next, Exception):
            raise self.next
        before, self.note = self.note, self.next
        return self.note != before


def _feed(reader: _Reader) -> Feed:
    return Feed(cast(LogReader, reader), poll_s=0.001)


async def _told(health: list[bool], is_well: bool) -> None:
    health.append(is_well)


def test_who_waits_hears_of_news_of_failure_and_of_the_end() -> None:
    async def run() -> None:
        reader, health = _Reader(), list[bool]()
        feed = _feed(reader)
        polling = asyncio.create_task(feed.run(lambda is_well: _told(health, is_well)))

        async def heard(make: Callable[[], object]) -> None:
            waiting = asyncio.create_task(feed.wait(reader.note, timeout_s=20))
            await asyncio.sleep(0.01)
            assert not waiting.done()
            make()
            await asyncio.wait_for(waiting, 5)

        await heard(lambda: setattr(reader, "next", "note 2"))
        await heard(lambda: setattr(reader, "next", CheckpointError("back")))
        await asyncio.wait_for(feed.wait(reader.note, timeout_s=20), 5)  # it has failed already
        reader.next = "note 2"
        while health != [False, True]:
            await asyncio.sleep(0.001)
        await heard(lambda: setattr(reader, "next", "note 3"))
        await heard(feed.close)
        await asyncio.wait_for(polling, 5)
        assert health == [False, True]

    asyncio.run(asyncio.wait_for(run(), 20))


def test_news_that_came_before_the_wait_are_not_waited_for() -> None:
    async def run() -> None:
        feed = _feed(_Reader())
        await asyncio.wait_for(feed.wait("note 0", timeout_s=20), 1)
        await asyncio.wait_for(feed.wait("note 1", timeout_s=0.01), 1)
        feed.close()
        await asyncio.wait_for(feed.wait("note 1", timeout_s=20), 1)
        assert feed.is_closed

    asyncio.run(run())


@pytest.mark.parametrize("error", [CheckpointError("back"), RuntimeError("a bug")])
def test_a_log_that_fails_is_not_given_also_not_as_it_was(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        reader = _Reader()
        feed = _feed(reader)
        polling = asyncio.create_task(feed.run(lambda _: asyncio.sleep(0)))
        assert cast(object, feed.reader) is reader
        reader.next = error
        await asyncio.sleep(0.05)
        with pytest.raises(type(error)):
            feed.reader  # noqa: B018  # a property that raises
        reader.next = "note 1"
        await asyncio.sleep(0.05)
        assert cast(object, feed.reader) is reader
        feed.close()
        await polling

    asyncio.run(run())
    assert [item.message for item in caplog.records] == ["the log cannot be served"]
    assert "a bug" not in str(vars(caplog.records[0]))
