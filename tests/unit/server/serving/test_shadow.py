"""A shadow decides what was answered, beside it, and keeps nobody waiting."""

import dataclasses
import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.artifacts import Release
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.serving import limit_question
from server.serving.limit_question import LimitQuestion
from server.serving.once import Given, Once
from server.serving.questions import Question, ScoreQuestion
from server.serving.releases import Served, fixed
from server.serving.routing import Routing
from server.serving.rulebooks import Rulebook, always
from server.serving.shadow import Shadow
from tests.unit.server.serving.world import (
    limit_request,
    make_release,
    make_rulebook,
    policy_table,
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
    return LimitQuestion("platform", limit_request("r0"), always(make_rulebook()))


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


def _strict_rulebook() -> Rulebook:
    """Return a policy that gives the applicant of these tests less: all of the band's limits."""
    table = policy_table()
    for band in table["segments"]["CONSUMER"]["bands"][:-1]:  # type: ignore[index]
        band["limit_minor"] = 125_000
    return make_rulebook(name="strict", segments=table["segments"])


def _decided(journal: Journal, method: str) -> list[decisions.LimitDecision]:
    found = journal.list("platform", method, after=0, limit=99)
    return [decisions.DecideLimitResponse.FromString(record.answer).decision for record in found]


def _limits(count: int, *, subject: str = "") -> list[Question]:
    asked = [limit_request(f"r{number}", 200_000 + 2_500 * number) for number in range(count)]
    requests = [request.model_copy(update={"subject": subject}) for request in asked]
    return [LimitQuestion("platform", request, always(make_rulebook())) for request in requests]


def test_what_a_challenger_policy_would_have_decided_is_in_the_journal(journal: Journal) -> None:
    challenger = _strict_rulebook()
    shadow = Shadow(lambda: _served(None), journal, lambda: NOW, challenger=challenger)
    once = Once(lambda: _served(None), journal, lambda: NOW, offer=shadow.offer)
    questions = _limits(3)
    once.answer(questions, once.standing(questions))
    shadow.close()
    given, beside = _decided(journal, "DecideLimit"), _decided(journal, "Shadow-Policy")
    assert [one.request_id for one in beside] == [one.request_id for one in given]
    assert {one.policy_digest for one in beside} == {challenger.policy.digest}
    assert {one.policy_digest for one in given} == {make_rulebook().policy.digest}
    for one, other in zip(given, beside, strict=True):
        assert (one.p_default, one.points) == (other.p_default, other.points)
        assert one.release_digest == other.release_digest
        assert one.features_digest == other.features_digest
        assert one.limit_minor > other.limit_minor == 125_000
        assert one.decision_id != other.decision_id
    assert shadow.left_out == 0


def test_a_challenger_policy_decides_by_the_release_that_answered(journal: Journal) -> None:
    served = dataclasses.replace(
        fixed(make_release()),
        challenger=OTHER,
        routing=Routing(
            champion=make_release().digest.hex(),
            challenger=OTHER.digest.hex(),
            challenger_percent=100,
        ),
    )
    shadow = Shadow(lambda: served, journal, lambda: NOW, challenger=_strict_rulebook())
    shadow.offer(_limits(1, subject="somebody"))
    shadow.close()
    assert [one.release_digest for one in _decided(journal, "Shadow-Policy")] == [OTHER.digest]


def test_a_challenger_policy_changes_no_byte_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for name, challenger in (("without", None), ("with", _strict_rulebook())):
        numbers = itertools.count()
        # The only thing about an answer that is drawn.
        monkeypatch.setattr(limit_question, "new_answer_id", lambda _, n=numbers: f"d{next(n)}")
        journal = open_journal(tmp_path / f"{name}.sqlite")
        shadow = Shadow(lambda: _served(None), journal, lambda: NOW, challenger=challenger)
        once = Once(lambda: _served(None), journal, lambda: NOW, offer=shadow.offer)
        questions = _limits(20)
        given = once.answer(questions, once.standing(questions))
        shadow.close()
        beside = journal.list("platform", "Shadow-Policy", after=0, limit=99)
        assert len(beside) == (20 if challenger else 0)
        assert all(isinstance(one, Given) for one in given)
        answers.append(given)
        again = once.answer(questions, once.standing(questions))
        assert [one.answer for one in again if isinstance(one, Given)] == [
            one.answer for one in given if isinstance(one, Given)
        ]
        journal.close()
    assert answers[0] == answers[1]


def test_scores_are_nothing_to_a_challenger_policy(journal: Journal) -> None:
    shadow = Shadow(lambda: _served(None), journal, lambda: NOW, challenger=_strict_rulebook())
    shadow.offer([_score(0)])
    shadow.close()
    assert (journal.verify(), shadow.left_out) == (0, 0)


def test_release_and_policy_can_decide_along_together(journal: Journal) -> None:
    shadow = Shadow(lambda: _served(OTHER), journal, lambda: NOW, challenger=_strict_rulebook())
    shadow.offer([_score(0), _limit()])
    shadow.close()
    for method in ("Shadow-Score", "Shadow-DecideLimit", "Shadow-Policy"):
        assert len(journal.list("platform", method, after=0, limit=9)) == 1
    assert shadow.left_out == 0


def test_what_a_challenger_policy_refuses_is_counted(journal: Journal) -> None:
    dear = policy_table()
    for band in dear["segments"]["CONSUMER"]["bands"][:-1]:  # type: ignore[index]
        band["annual_rate"] = "0.9"  # above the law's cap
    challenger = make_rulebook(segments=dear["segments"])
    shadow = Shadow(lambda: _served(None), journal, lambda: NOW, challenger=challenger)
    shadow.offer(_limits(2))
    shadow.close()
    assert (journal.verify(), shadow.left_out) == (0, 2)


def test_under_overload_a_challenger_policy_leaves_questions_out(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    monkeypatch.setattr(Journal, "commit", lambda *_: held.wait(20))
    shadow = Shadow(lambda: _served(None), journal, lambda: NOW, challenger=_strict_rulebook())
    begun = time.monotonic()
    shadow.offer([_limit()] * 10_500)
    assert time.monotonic() - begun < 5
    assert 0 < shadow.left_out <= 500
    held.set()
    shadow._waiting.queue.clear()
    shadow.close()
