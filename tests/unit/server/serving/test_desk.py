"""The desk: every question of a drain by itself, whichever form it came in and whoever asked."""

import dataclasses
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]

from model.artifacts import Release
from protocols.contracts.applicants import PackedApplicant
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.scores import ScoreRequest
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.serving.access import Access
from server.serving.calls import Call, Peer, Reply, close
from server.serving.desk import MOST_QUESTIONS, ScoringDesk
from server.serving.methods import (
    BATCH,
    DECISIONS,
    HEALTH,
    MOST_OF_BATCH,
    SCORING,
    Methods,
)
from server.serving.once import Once
from server.serving.questions import new_answer_id
from server.serving.rulebooks import always
from server.serving.streams import MOST_STREAMS
from tests.property.test_formulas import CONTRACT as COMPUTING
from tests.property.test_formulas import SCORECARD as COMPUTED
from tests.unit.server.serving.world import (
    ACCESS_TOML,
    applicant,
    limit_request,
    make_release,
    make_rulebook,
    score_request,
    serving,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PLATFORM, RIVAL = Peer(("platform.example",)), Peer(("rival.example",))
DECIDE = f"/{DECISIONS}/DecideLimit"
CODES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclasses.dataclass
class World:
    """A desk and its journal."""

    desk: ScoringDesk
    journal: Journal

    def ask(self, method: str, message: Any, peer: Peer = PLATFORM) -> Reply:
        """Return the reply to one call; Any: a message of any type."""
        (reply,) = self.drain([Call(method, message.SerializeToString(), peer)])
        return reply

    def drain(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Return the replies to calls that came together, their messages read."""
        replies = self.desk.answer(calls)
        return [reply._replace(messages=tuple(reply.messages)) for reply in replies]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from _world(tmp_path, make_release())


def _world(folder: Path, release: Release) -> Iterator[World]:
    (folder / "access.toml").write_text(ACCESS_TOML)
    journal = open_journal(folder / "journal.sqlite")
    access = Access.from_file(folder / "access.toml")
    rulebook = make_rulebook(currency=release.scorecard.contract.currency)
    served = serving(release)
    once = Once(served, journal, lambda: NOW)
    methods = Methods(served, journal, always(rulebook))
    desk = ScoringDesk(once, access, methods.table(), streams={BATCH})
    yield World(desk, journal)
    journal.close()


def _said(reply: Reply) -> str:
    return "OK" if reply.status is None else CODES[reply.status.code]


def _score(reply: Reply) -> scoring.ScoreResponse:
    assert reply.status is None
    return scoring.ScoreResponse.FromString(b"".join(reply.messages))


def _decision(reply: Reply) -> decisions.LimitDecision:
    assert reply.status is None
    return decisions.DecideLimitResponse.FromString(b"".join(reply.messages)).decision


def _packed(request_id: str = "packed", **changes: object) -> ScoreRequest:
    digest = bytes.fromhex(make_release().manifest.contract_digest)
    numbers = applicant().numbers
    features = PackedApplicant(
        contract_digest=digest,
        numbers=tuple(numbers[name] for name in ("income", "utilisation", "inquiries")),
        codes=(1, 3),  # rent; the term is missing
    ).model_copy(update=changes)
    return ScoreRequest(request_id=request_id, features=features)


def test_both_forms_of_features_get_the_same_answer(world: World) -> None:
    named = _score(world.ask(f"/{SCORING}/Score", score_request_to_wire(score_request("named"))))
    packed = _score(world.ask(f"/{SCORING}/Score", score_request_to_wire(_packed())))
    for name in ("score_id", "request_id", "journal_position"):
        named.ClearField(name)
        packed.ClearField(name)
    assert named.SerializeToString() == packed.SerializeToString()
    assert [reason.is_missing for reason in packed.reasons if reason.field == "term"] in (
        [True],
        [],
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contract_digest": bytes(32)}, "packed.contract_digest"),
        ({"contract_digest": b"short"}, "packed.contract_digest"),
        ({"numbers": (1.0,)}, "packed.numbers"),
        ({"codes": (1,)}, "packed.codes"),
        ({"codes": (1, 4)}, "packed.codes"),
    ],
)
def test_packed_features_that_do_not_fit_the_contract_are_refused(
    world: World, changes: dict[str, object], field: str
) -> None:
    reply = world.ask(f"/{SCORING}/Score", score_request_to_wire(_packed(**changes)))
    assert _said(reply) == "INVALID_ARGUMENT"
    assert reply.status.message.startswith(f"{field}: ")
    assert world.journal.verify() == 0


def test_one_of_the_two_forms_must_be_chosen(world: World) -> None:
    message = score_request_to_wire(score_request())
    message.packed.CopyFrom(score_request_to_wire(_packed()).packed)
    reply = world.ask(f"/{SCORING}/Score", message)
    assert (_said(reply), reply.status.message) == (
        "INVALID_ARGUMENT",
        "packed: excludes features; give one of them",
    )


def test_an_answer_says_which_values_lay_beyond_the_bounds(world: World) -> None:
    message = limit_request_to_wire(limit_request())
    message.features.numbers["income"] = 250_000.5
    message.features.numbers["utilisation"] = 1.5  # the bound itself
    message.features.numbers["inquiries"] = -9.0  # a special code
    assert _decision(world.ask(DECIDE, message)).clipped_fields == ["income"]
    message.request_id = "second"
    message.features.numbers["income"] = -1.0
    message.features.numbers["utilisation"] = float("inf")
    assert _decision(world.ask(DECIDE, message)).clipped_fields == ["income", "utilisation"]


def test_of_many_each_is_answered_or_refused_by_itself(world: World) -> None:
    asked = [score_request_to_wire(score_request(f"r{number}")) for number in range(4)]
    asked[1].features.numbers["salary"] = 1.0
    asked[2].MergeFromString(b"\xf8\x07\x01")  # a field that only a newer caller knows
    asked.append(asked[0])
    reply = world.ask(f"/{SCORING}/ScoreMany", scoring.ScoreManyRequest(requests=asked))
    results = scoring.ScoreManyResponse.FromString(b"".join(reply.messages)).results
    assert [item.HasField("score") for item in results] == [True, False, False, True, True]
    assert results[1].problem.violations[0].field == "features.numbers.salary"
    assert "does not know" in results[2].problem.message
    assert [item.is_replayed for item in results] == [False, False, False, False, True]
    assert results[4].score == results[0].score
    assert world.journal.verify() == 2


def test_more_than_a_commit_s_worth_is_for_a_stream(world: World) -> None:
    asked = [
        score_request_to_wire(score_request(f"r{number}")) for number in range(MOST_QUESTIONS + 1)
    ]
    reply = world.ask(f"/{SCORING}/ScoreMany", scoring.ScoreManyRequest(requests=asked))
    assert (_said(reply), reply.status.message) == (
        "INVALID_ARGUMENT",
        f"requests: must be at most {MOST_QUESTIONS}",
    )
    streamed = world.ask(BATCH, scoring.BatchScoreRequest(requests=asked))
    messages = [scoring.BatchScoreResponse.FromString(raw) for raw in streamed.messages]
    assert [item.result.score.request_id for item in messages] == [
        f"r{number}" for number in range(MOST_QUESTIONS + 1)
    ]
    assert world.journal.verify() == MOST_QUESTIONS + 1


def test_a_stream_goes_no_further_than_it_is_read(world: World) -> None:
    asked = [score_request_to_wire(score_request(f"r{number}")) for number in range(300)]
    raw = scoring.BatchScoreRequest(requests=asked).SerializeToString()
    (reply,) = world.desk.answer([Call(BATCH, raw, PLATFORM)])
    next(iter(reply.messages))
    assert world.journal.verify() == MOST_QUESTIONS


def test_many_limits_are_decided_as_one_is(world: World) -> None:
    alone = _decision(world.ask(DECIDE, limit_request_to_wire(limit_request("alone"))))
    asked = [limit_request_to_wire(limit_request(name)) for name in ("alone", "new")]
    asked.append(limit_request_to_wire(limit_request("wrong")))
    asked[2].currency = "EUR"
    reply = world.ask(f"/{DECISIONS}/DecideMany", decisions.DecideManyRequest(requests=asked))
    results = decisions.DecideManyResponse.FromString(b"".join(reply.messages)).results
    assert (results[0].decision, results[0].is_replayed) == (alone, True)
    assert (results[1].decision.limit_minor, results[1].is_replayed) == (alone.limit_minor, False)
    assert results[2].problem.violations[0].rule == "must be USD"


def test_a_release_says_what_is_asked_and_in_which_order(world: World) -> None:
    reply = world.ask(f"/{SCORING}/GetRelease", scoring.GetReleaseRequest())
    release = scoring.GetReleaseResponse.FromString(b"".join(reply.messages)).release
    expected = make_release()
    assert release.release_digest == expected.digest
    assert release.contract_digest.hex() == expected.manifest.contract_digest
    assert [(item.name, item.is_numeric) for item in release.inputs] == [
        ("income", True),
        ("utilisation", True),
        ("inquiries", True),
        ("home", False),
        ("term", False),
    ]
    assert release.inputs[3].levels == ["own", "rent", "mortgage"]
    by_digest = scoring.GetReleaseRequest(release_digest=expected.digest)
    assert world.ask(f"/{SCORING}/GetRelease", by_digest).messages == reply.messages
    listed = world.ask(f"/{SCORING}/ListReleases", scoring.ListReleasesRequest())
    releases = scoring.ListReleasesResponse.FromString(b"".join(listed.messages)).releases
    assert list(releases) == [release]
    other = scoring.GetReleaseRequest(release_digest=bytes(32))
    assert _said(world.ask(f"/{SCORING}/GetRelease", other)) == "UNAVAILABLE"


def test_decisions_are_listed_page_by_page_to_their_own_tenant(world: World) -> None:
    for number in range(5):
        world.ask(DECIDE, limit_request_to_wire(limit_request(f"r{number}")))
    seen, token = [], ""
    while True:
        asked = decisions.ListDecisionsRequest(page_size=2, page_token=token)
        page = _page(world.ask(f"/{DECISIONS}/ListDecisions", asked))
        seen += [item.request_id for item in page.decisions]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"r{number}" for number in range(5)]
    everything = _page(world.ask(f"/{DECISIONS}/ListDecisions", decisions.ListDecisionsRequest()))
    assert len(everything.decisions) == 5
    rival = world.ask(f"/{DECISIONS}/ListDecisions", decisions.ListDecisionsRequest(), RIVAL)
    assert not _page(rival).decisions


@pytest.mark.parametrize("token", ["x", "-1", "1.0", "9" * 19, "²"])
def test_a_page_token_that_was_never_given_is_refused(world: World, token: str) -> None:
    asked = decisions.ListDecisionsRequest(page_token=token)
    assert _said(world.ask(f"/{DECISIONS}/ListDecisions", asked)) == "INVALID_ARGUMENT"


def _page(reply: Reply) -> decisions.ListDecisionsResponse:
    assert reply.status is None
    return decisions.ListDecisionsResponse.FromString(b"".join(reply.messages))


def test_a_tenant_learns_nothing_of_another_s_decisions(world: World) -> None:
    message = limit_request_to_wire(limit_request("shared"))
    ours = _decision(world.ask(DECIDE, message))
    theirs = _decision(world.ask(DECIDE, message, RIVAL))
    assert ours.decision_id != theirs.decision_id
    asked = decisions.GetDecisionRequest(decision_id=ours.decision_id)
    unknown = decisions.GetDecisionRequest(decision_id="none")
    refused = world.ask(f"/{DECISIONS}/GetDecision", asked, RIVAL)
    assert refused == world.ask(f"/{DECISIONS}/GetDecision", unknown, RIVAL)
    assert _said(refused) == "NOT_FOUND"
    assert _said(world.ask(f"/{DECISIONS}/GetDecision", asked)) == "OK"


def test_who_may_not_ask_is_told_before_the_request_is_read(world: World) -> None:
    for peer, said in ((Peer(()), "UNAUTHENTICATED"), (RIVAL, "PERMISSION_DENIED")):
        (reply,) = world.drain([Call(f"/{SCORING}/Score", b"\xff", peer)])
        assert _said(reply) == said
    assert world.journal.verify() == 0


def test_questions_about_one_person_are_counted_but_replays_are_not(world: World) -> None:
    def ask(number: int) -> str:
        request = limit_request(f"r{number}").model_copy(update={"subject": "person-1"})
        return _said(world.ask(DECIDE, limit_request_to_wire(request), RIVAL))

    assert [ask(number) for number in (1, 2, 3, 1, 2, 3)] == ["OK"] * 6
    assert ask(4) == "RESOURCE_EXHAUSTED"
    assert ask(1) == "OK"


def test_questions_that_could_not_be_stored_are_not_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(number: int) -> str:
        request = limit_request(f"r{number}").model_copy(update={"subject": "person-1"})
        return _said(world.ask(DECIDE, limit_request_to_wire(request), RIVAL))

    def fail(_: object) -> None:
        raise JournalError("the journal cannot be read or written now")

    assert ask(1) == "OK"
    with monkeypatch.context() as broken:
        broken.setattr(world.journal, "commit_offers", fail)
        assert [ask(2) for _ in range(5)] == ["UNAVAILABLE"] * 5
    assert [ask(number) for number in (2, 3, 4)] == ["OK", "OK", "RESOURCE_EXHAUSTED"]


def test_a_stream_of_more_questions_than_are_allowed_is_refused(world: World) -> None:
    empty = scoring.BatchScoreRequest(requests=[scoring.ScoreRequest()] * (MOST_OF_BATCH + 1))
    reply = world.ask(BATCH, empty)
    assert (_said(reply), reply.messages) == ("INVALID_ARGUMENT", ())
    del empty.requests[0]
    assert len(tuple(world.ask(BATCH, empty).messages)) == MOST_OF_BATCH


def test_a_tenant_that_reads_none_of_its_streams_gets_no_more_of_them(world: World) -> None:
    asked = scoring.BatchScoreRequest(requests=[score_request_to_wire(score_request("r1"))])
    call = Call(BATCH, asked.SerializeToString(), PLATFORM)
    opened = world.desk.answer([call] * (MOST_STREAMS + 1))
    assert [_said(reply) for reply in opened] == ["OK"] * MOST_STREAMS + ["RESOURCE_EXHAUSTED"]
    assert len(list(opened[0].messages)) == 1  # read to its end
    assert _said(world.desk.answer([call])[0]) == "OK"
    close(iter(opened[1].messages))  # given up unread, and twice
    close(iter(opened[1].messages))
    assert [_said(reply) for reply in world.desk.answer([call] * 2)] == ["OK", "RESOURCE_EXHAUSTED"]


def test_a_name_of_a_release_that_is_no_digest_is_refused(world: World) -> None:
    for digest, said in ((b"short", "INVALID_ARGUMENT"), (bytes(32), "UNAVAILABLE")):
        asked = scoring.GetReleaseRequest(release_digest=digest)
        assert _said(world.ask(f"/{SCORING}/GetRelease", asked)) == said


def test_the_subject_is_part_of_what_is_asked_and_is_never_stored(world: World) -> None:
    request = limit_request().model_copy(update={"subject": "person-17"})
    reply = world.ask(DECIDE, limit_request_to_wire(request))
    assert b"person-17" not in b"".join(reply.messages)
    assert _said(world.ask(DECIDE, limit_request_to_wire(limit_request()))) == "ALREADY_EXISTS"
    assert "person-17" not in str(world.journal.list("platform", "DecideLimit", after=0, limit=9))


def test_one_that_fails_in_a_drain_fails_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LimitRequest.body_digest

    def fails(request: LimitRequest) -> bytes:
        if request.request_id == "r1":
            raise RuntimeError("a bug")
        digest: bytes = original.fget(request)  # type: ignore[attr-defined]  # a property's own
        return digest

    monkeypatch.setattr(LimitRequest, "body_digest", property(fails))
    raws = [
        limit_request_to_wire(limit_request(f"r{number}")).SerializeToString()
        for number in range(3)
    ]
    calls = [Call(DECIDE, raw, PLATFORM) for raw in (*raws, b"\xff")]
    said = [_said(reply) for reply in world.drain(calls)]
    assert said == ["OK", "INTERNAL", "OK", "INVALID_ARGUMENT"]
    assert world.journal.verify() == 2


@pytest.mark.parametrize("method", ["find", "commit_offers"])
def test_without_its_journal_nothing_is_answered_and_with_it_again_all_is(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def gone(*_: object) -> None:
        raise JournalError("the journal cannot be read or written now")

    message = limit_request_to_wire(limit_request())
    with monkeypatch.context() as broken:
        broken.setattr(Journal, method, gone)
        reply = world.ask(DECIDE, message)
        many = world.ask(
            f"/{DECISIONS}/DecideMany", decisions.DecideManyRequest(requests=[message])
        )
    assert (_said(reply), list(reply.messages)) == ("UNAVAILABLE", [])
    (result,) = decisions.DecideManyResponse.FromString(b"".join(many.messages)).results
    assert result.problem.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert _said(world.ask(DECIDE, message)) == "OK"


def test_a_tampered_record_is_the_fault_of_its_own_question_alone(
    world: World, tmp_path: Path
) -> None:
    messages = [limit_request_to_wire(limit_request(f"r{number}")) for number in range(3)]
    for message in messages[:2]:
        world.ask(DECIDE, message)
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("UPDATE journal_answers SET answer = X'00' WHERE position = 1")
    connection.close()
    calls = [Call(DECIDE, message.SerializeToString(), PLATFORM) for message in messages]
    said = [_said(reply) for reply in world.drain(calls)]
    assert said == ["DATA_LOSS", "OK", "OK"]


def test_what_is_refused_for_itself_is_so_without_a_journal_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise JournalError("the journal cannot be read or written now")

    asked = [score_request_to_wire(score_request(f"r{number}")) for number in range(2)]
    asked[1].request_id = ""
    monkeypatch.setattr(Journal, "find", gone)
    reply = world.ask(f"/{SCORING}/ScoreMany", scoring.ScoreManyRequest(requests=asked))
    results = scoring.ScoreManyResponse.FromString(b"".join(reply.messages)).results
    codes = [CODES[item.problem.code] for item in results]
    assert codes == ["UNAVAILABLE", "INVALID_ARGUMENT"]


def test_health_is_that_of_the_journal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise JournalError("the journal cannot be read or written now")

    check = health_pb2.HealthCheckRequest(service=SCORING)
    assert _said(world.ask(f"/{HEALTH}/Check", check)) == "OK"
    monkeypatch.setattr(Journal, "list", gone)
    assert _said(world.ask(f"/{HEALTH}/Check", check)) == "UNAVAILABLE"


def test_computed_fields_are_computed_for_an_applicant_as_in_training(tmp_path: Path) -> None:
    release = dataclasses.replace(make_release(), scorecard=COMPUTED)
    for world in _world(tmp_path, release):
        numbers = {"income": 2_000.0, "usage": 30.0, "other_usage": 130.0}
        message = scoring.ScoreRequest(request_id="r")
        message.features.numbers.update(numbers)
        message.features.categories["housing"] = "own"
        score = _score(world.ask(f"/{SCORING}/Score", message))
        columns = {name: [value] for name, value in numbers.items()} | {"housing": ["own"]}
        (expected,) = release.scorecard.score(columns)
        assert (score.points, score.p_default) == (expected.points, expected.p_default)
        assert score.clipped_fields == ["other_usage"]
        assert [item.name for item in COMPUTING.inputs] == [
            "income",
            "usage",
            "other_usage",
            "housing",
        ]


def test_answer_ids_are_uuids_that_rise_with_time() -> None:
    times = [NOW + timedelta(milliseconds=step) for step in range(50)]
    ids = [new_answer_id(at) for at in times for _ in range(3)]
    assert sorted(ids, key=lambda text: text[:13]) == ids
    assert len(set(ids)) == 150
    for text, at in zip(ids[::3], times, strict=True):
        answer = uuid.UUID(text)
        assert (answer.version, answer.variant) == (7, uuid.RFC_4122)
        assert answer.int >> 80 == round(at.timestamp() * 1_000)


def test_what_is_asked_in_packed_form_has_one_digest_of_its_own() -> None:
    plain = _packed()
    digest = plain.features.contract_digest  # type: ignore[union-attr]
    others = [
        plain.model_copy(update={"subject": "person"}),
        _packed(numbers=(1.0, 2.0, 3.0)),
        _packed(numbers=(41_234.5678, 0.777123, 3.0, 0.0)),
        _packed(codes=(1, 2)),
        _packed(contract_digest=b"person\n" + digest[7:]),
        LimitRequest(
            request_id="packed",
            features=plain.features,
            requested_amount_minor=1,
            currency="USD",
        ),
    ]
    digests = [item.body_digest for item in (plain, *others)]
    assert len(set(digests)) == len(digests)
    assert plain.model_copy(update={"request_id": "other"}).body_digest == plain.body_digest
