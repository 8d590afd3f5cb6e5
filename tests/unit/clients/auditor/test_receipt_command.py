"""The auditor's command says what was decided and when, or which part of a receipt is wrong."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.auditor.cli import main
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.scores import ScoreRequest
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.export import write_export
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.receipt import Receipt
from protocols.ledger.tree import Tree
from protocols.ledger.verifier import print_verifier
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.record import START, Draft, Key, place, to_micros

KEY = Ed25519PrivateKey.from_private_bytes(b"\3" * 32)
LOG = LogKey("regional/decisions", KEY.public_key().public_bytes_raw())
AT = datetime(2026, 7, 1, 12, 30, 0, 250_000, tzinfo=UTC)
REQUEST = {
    "requested_amount_minor": 700_000,
    "currency": "USD",
    "features": {"income": 41_234.5, "home": "rent", "utilisation": None},
}


def _body_digest() -> bytes:
    features = {"numbers": {"income": 41_234.5}, "categories": {"home": "rent"}}
    table = {"request_id": "r1", "requested_amount_minor": 700_000, "currency": "USD"}
    return LimitRequest.model_validate({**table, "features": features}).body_digest


def _response(**changes: object) -> bytes:
    response = decisions.DecideLimitResponse()
    decision = response.decision
    decision.decision_id, decision.request_id = "d1", "r1"
    decision.outcome, decision.limit_minor = decisions.OUTCOME_DECLINE, 0
    decision.requested_amount_minor, decision.currency = 700_000, "USD"
    decision.release_digest, decision.policy_digest = b"\xaa" * 32, b"\xbb" * 32
    decision.decided_at.FromMicroseconds(to_micros(AT))
    decision.reasons.add(code="R.INCOME", sentence="Your income cost points.")
    decision.journal_position = 1
    for name, value in changes.items():
        setattr(decision, name, value)
    return response.SerializeToString()


def _receipt(
    answer: bytes, *, method: str = "DecideLimit", body_digest: bytes | None = None
) -> Receipt:
    key = Key("platform", method, "r1")
    record = place(Draft(key, body_digest or _body_digest(), "d1", lambda _: answer, AT), 1, START)
    tree = Tree([leaf_hash(record.digest), leaf_hash(b"next")])
    return Receipt(
        position=1,
        answered_at_micros=to_micros(AT),
        tenant="platform",
        method=method,
        request_id="r1",
        answer_id="d1",
        answer=answer,
        salt=record.salt,
        body_digest=record.body_digest,
        content_digest=record.content_digest,
        record_digest=record.digest,
        path=tuple(tree.inclusion_path(0)),
        checkpoint=sign_checkpoint(Checkpoint(LOG.origin, 2, tree.root), KEY),
    )


Check = Callable[..., int]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    (tmp_path / "log.pub").write_text(print_verifier(LOG) + "\n")

    def checked(receipt: Receipt | bytes, *words: str) -> int:
        raw = receipt if isinstance(receipt, bytes) else receipt.to_bytes()
        (tmp_path / "receipt.json").write_bytes(raw)
        file, key = str(tmp_path / "receipt.json"), str(tmp_path / "log.pub")
        return main(["receipt", file, "--key", key, *words])

    return checked


def test_what_was_decided_when_and_by_what_is_said(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(_receipt(_response())) == 0
    said = capsys.readouterr().out
    for line in (
        "receipt  d1 of tenant platform",
        "asked    as r1, by DecideLimit",
        "given    2026-07-01 12:30:00.250000 UTC, by the server's clock",
        "log      regional/decisions: record 1 of 2",
        "answer   outcome DECLINE",
        "answer   limit_minor 0",
        f"answer   release_digest {'aa' * 32}",
        f"answer   policy_digest {'bb' * 32}",
        "answer   decided_at 2026-07-01T12:30:00.250000+00:00",
        "answer   reasons.0.code R.INCOME",
    ):
        assert line in said.splitlines()
    assert "\nTRUE: " in said
    assert "cannot show that the answer was right" in said


def test_it_is_said_in_chinese_too(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(_receipt(_response()), "--language", "zh") == 0
    said = capsys.readouterr().out
    assert "回执  租户 platform 的 d1" in said
    assert "属实：" in said


def test_as_json_it_is_for_programs(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(_receipt(_response()), "--json") == 0
    table: dict[str, Any] = json.loads(capsys.readouterr().out)  # Any: whatever JSON holds
    assert (table["is_true"], table["log"], table["size"]) == (True, "regional/decisions", 2)
    assert table["answer"]["outcome"] == "DECLINE"
    assert table["answered_at"] == table["answer"]["decided_at"]
    assert table["is_request_same"] is None


def test_a_score_says_what_it_is(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    answer = scoring.ScoreResponse(score_id="d1", request_id="r1", points=612, journal_position=1)
    assert check(_receipt(answer.SerializeToString(), method="Score")) == 0
    assert "answer   points 612" in capsys.readouterr().out


def test_the_request_that_was_answered_is_told_from_others(
    check: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    assert check(_receipt(_response()), "--request", str(path)) == 0
    assert "request  the file is what was asked" in capsys.readouterr().out
    path.write_text(json.dumps({**REQUEST, "requested_amount_minor": 700_001}))
    assert check(_receipt(_response()), "--request", str(path)) == 1
    assert "request.json: not the request that was answered" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": 1}', '{"features": {"a": [1]}}'])
def test_a_file_that_is_no_request_is_exit_status_two(
    check: Check, tmp_path: Path, text: str
) -> None:
    (tmp_path / "request.json").write_text(text)
    assert check(_receipt(_response()), "--request", str(tmp_path / "request.json")) == 2


def test_a_score_s_request_is_compared_without_an_amount(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    answer = scoring.ScoreResponse(
        score_id="d1", request_id="r1", journal_position=1
    ).SerializeToString()
    features = {"numbers": {"income": 41_234.5}, "categories": {"home": "rent"}}
    asked = ScoreRequest.model_validate({"request_id": "any", "features": features})
    receipt = _receipt(answer, method="Score", body_digest=asked.body_digest)
    assert check(receipt, "--request", str(path)) == 0
    assert check(_receipt(answer, method="Score"), "--request", str(path)) == 1
    assert check(_receipt(b"", method="Override"), "--request", str(path)) == 2


def test_which_part_is_wrong_is_said(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    raw = _receipt(_response()).to_bytes()
    for bent, words in (
        (raw.replace(b'"tenant":"platform"', b'"tenant":"platforn"'), "ChainError: receipt: pos"),
        (raw.replace(b'"answer":"C', b'"answer":"D'), "ChainError: receipt: answer"),
        (raw.replace(b"regional/decisions\\n2", b"regional/decisions\\n3"), "CheckpointError"),
        (raw[:-1], "EntryError: not canonical JSON"),
    ):
        assert bent != raw
        assert check(bent) == 1
        captured = capsys.readouterr()
        assert words in captured.err
        assert captured.out == ""


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"journal_position": 2}, "journal_position"),
        ({"request_id": "r2"}, "request_id"),
        ({"decision_id": "d2"}, "decision_id"),
    ],
)
def test_an_answer_that_says_otherwise_than_its_record_is_not_true(
    check: Check, capsys: pytest.CaptureFixture[str], changes: dict[str, object], name: str
) -> None:
    assert check(_receipt(_response(**changes))) == 1
    assert f"the answer says another {name} than its record" in capsys.readouterr().err


def test_bytes_that_are_no_answer_are_not_true(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(_receipt(b"\xff")) == 1
    assert "the answer is none of its method" in capsys.readouterr().err
    late = scoring.ScoreResponse()
    late.scored_at.seconds = 10**15
    assert check(_receipt(late.SerializeToString(), method="Score")) == 1


def test_what_a_later_version_added_is_not_hidden(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = _response()[3:] + b"\xf8\x3f\x01"  # field 1023 of the decision
    later = b"\x0a" + bytes([len(inner) % 128 + 128, len(inner) // 128]) + inner
    for receipt in (_receipt(later), _receipt(b"anything", method="Override")):
        assert check(receipt) == 0
        assert "only a later version of fedscore can show" in capsys.readouterr().out


def test_without_packages_it_is_verified_all_the_same(
    check: Check,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("clients.auditor.given", "clients.auditor.asked"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "google.protobuf.message", None)
    assert check(_receipt(_response())) == 0
    said = capsys.readouterr().out
    assert 'needs google.protobuf.message: pip install "fedscore[audit]"' in said
    assert "\nTRUE: " in said
    monkeypatch.setitem(sys.modules, "protocols.contracts.applicants", None)
    with pytest.raises(ModuleNotFoundError):  # one of ours is a bug, and no hint
        check(_receipt(_response()), "--request", str(tmp_path / "request.json"))


def test_it_is_held_to_the_exported_log(
    check: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = _receipt(_response())
    leaves = [receipt.record_digest, b"next", b"later"]
    for last, status in ((b"next", 0), (b"nexT", 1)):
        leaves[1] = last
        tree = Tree(map(leaf_hash, leaves))
        note = sign_checkpoint(Checkpoint(LOG.origin, 3, tree.root), KEY)
        write_export(tmp_path / "log", note=note, witnessed=None, leaves=leaves)
        assert check(receipt, "--log", str(tmp_path / "log")) == status
    captured = capsys.readouterr()
    assert "log      the exported one of 3 records begins with all" in captured.out
    assert "SplitViewError" in captured.err


def test_another_key_is_not_believed_and_no_key_is_exit_status_two(
    check: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = LogKey(LOG.origin, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    (tmp_path / "log.pub").write_text(print_verifier(other))
    assert check(_receipt(_response())) == 1
    assert "CheckpointError" in capsys.readouterr().err
    for raw in (b"", b"\xff", b"a+b+c"):
        (tmp_path / "log.pub").write_bytes(raw)
        assert check(_receipt(_response())) == 2
