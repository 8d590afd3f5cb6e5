"""Callers of one event loop share the wait for the disk, and nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.journal.record import Draft, Record
from server.serving.shared_commits import SharedCommits
from tests.journals import draft, drafts


@pytest.fixture
def commits(tmp_path: Path) -> Iterator[SharedCommits]:
    shared = SharedCommits(open_journal(tmp_path / "journal.sqlite"))
    yield shared
    shared.close()
    shared.journal.close()


async def _append(commits: SharedCommits, *wanted: Draft) -> list[Record]:
    return await asyncio.gather(*(commits.append(item) for item in wanted))


def test_everybody_gets_the_record_of_their_own_key(commits: SharedCommits) -> None:
    wanted = [*drafts(20), *drafts(20)]
    stored = asyncio.run(_append(commits, *wanted))
    assert [record.key for record in stored] == [item.key for item in wanted]
    assert stored[:20] == stored[20:]
    assert commits.journal.verify() == 20


def test_what_gathers_during_a_commit_goes_into_the_next(
    commits: SharedCommits, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, commit = [], Journal.commit

    def counted(journal: Journal, wanted: list[Draft]) -> list[Record]:
        sizes.append(len(wanted))
        return commit(journal, wanted)

    async def ask() -> None:
        first = asyncio.create_task(commits.append(draft("r0")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # its commit is under way
        await _append(commits, *drafts(10))
        await first

    monkeypatch.setattr(Journal, "commit", counted)
    asyncio.run(ask())
    assert sizes == [1, 10]


def test_a_caller_who_goes_away_leaves_the_whole_record(commits: SharedCommits) -> None:
    async def leave() -> Record:
        call = asyncio.create_task(commits.append(draft("r1", "a1")))
        await asyncio.sleep(0)
        call.cancel()
        return await asyncio.wait_for(commits.append(draft("r1", "a2")), timeout=10)

    assert asyncio.run(leave()).answer == b"a1@1"


def test_a_commit_that_fails_fails_for_all_of_its_callers_and_for_no_later_one(
    commits: SharedCommits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Record]:
        raise JournalError("said")

    async def ask() -> list[object]:
        calls = (commits.append(item) for item in drafts(3))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "commit", fail)
        assert [str(item) for item in asyncio.run(ask())] == ["said"] * 3
    assert len(asyncio.run(_append(commits, *drafts(3)))) == commits.journal.verify() == 3
