"""A shadow scores what was answered, beside it, and keeps nobody waiting."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.artifacts import Release
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.serving.limit_question import LimitQuestion
from server.serving.questions import Question, ScoreQuestion
from server.serving.releases import Served, fixed
from server.serving.shadow import Shadow
from tests.unit.server.serving.world import (
    fixed_rulebook,
    limit_request,
    make_release,
    make_rulebook,
    score_request,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OTHER = make_release(seed=2)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def _served(shadow: Release | None) -> Served:
    return dataclasses.replace(fixed(make_release()), shadow=shadow)


def _score(number: int) -> Question:
    return ScoreQuestion("platform", score_request(f"r{number}"))


def _limit() -> Question:
    return LimitQuestion("platform", limit_request("r0"), fixed_rulebook(make_rulebook()))


def test_what_a_shadow_would_have_said_is_in_the_journal(journal: Journal) -> None:
    shadow = Shadow(lambda: _served(OTHER), journal, lambda: NOW)
    shadow.offer([_score(0), _limit()])
    shadow.close()
    (expected,) = OTHER.scorecard.score(
        score_request().features.columns(OTHER.scorecard.contract)  # type: ignore[union-attr]
    )
    for method in ("Shadow-Score", "Shadow-DecideLimit"):
        (record,) = journal.list("platform", method, after=0, limit=9)
        said = scoring.ScoreResponse.FromString(record.answer)
        assert (said.points, said.request_id) == (expected.points, "r0")
        assert said.release_digest == OTHER.digest
    assert shadow.left_out == 0


def test_without_a_shadow_nothing_is_scored(journal: Journal) -> None:
    shadow = Shadow(lambda: _served(None), journal, lambda: NOW)
    shadow.offer([_score(0)])
    shadow.close()
    assert journal.verify() == 0


def test_a_shadow_may_come_and_go(journal: Journal) -> None:
    named: list[Release | None] = [None]
    shadow = Shadow(lambda: _served(named[0]), journal, lambda: NOW)
    for number, release in enumerate((OTHER, None, make_release())):
        named[0] = release
        shadow.offer([_score(number)])
        while not shadow._waiting.empty():
            time.sleep(0.01)
        time.sleep(0.3)
    shadow.close()
    found = journal.list("platform", "Shadow-Score", after=0, limit=9)
    said = [scoring.ScoreResponse.FromString(record.answer) for record in found]
    assert [item.request_id for item in said] == ["r0", "r2"]
    assert [item.release_digest for item in said] == [OTHER.digest, make_release().digest]


def test_offers_never_wait_and_what_is_too_much_is_counted(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    monkeypatch.setattr(Journal, "commit", lambda *_: held.wait(20))
    shadow = Shadow(lambda: _served(OTHER), journal, lambda: NOW)
    question = _score(0)
    begun = time.monotonic()
    shadow.offer([question] * 10_500)
    assert time.monotonic() - begun < 5
    assert 0 < shadow.left_out <= 500
    held.set()
    shadow._waiting.queue.clear()
    shadow.close()


def test_without_a_journal_a_shadow_goes_on_and_counts(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise JournalError("gone")

    shadow = Shadow(lambda: _served(OTHER), journal, lambda: NOW)
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "commit", gone)
        shadow.offer([_score(0)])
        while shadow.left_out == 0:
            time.sleep(0.01)
    shadow.offer([_score(1)])
    shadow.close()
    assert journal.verify() == 1
