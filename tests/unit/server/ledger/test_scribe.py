"""The scribe: an index of the log that a restart rebuilds, and proofs of what it holds."""

from pathlib import Path

import pytest

from protocols.errors import VerificationError
from protocols.ledger.entry import COORDINATOR, NO_ENTRY, parse_entry
from protocols.ledger.evidence import parse_evidence, verify_evidence
from protocols.ledger.policy import policy_envelope
from server.ledger.log import Log
from server.ledger.scribe import Scribe
from server.ledger.store import SqliteLogStore
from tests.adversarial.ledger.honest import PARTNERS, World, charter_table, key_for, trained

WORLD = trained()


def _scribe(path: Path, world: World = WORLD) -> Scribe:
    log = Log(SqliteLogStore(path), key=key_for("log"), origin="test/log")
    policy = policy_envelope(world.terms, world.signatures)
    return Scribe(log, terms=world.terms, policy=policy, key=key_for("order"), clock=lambda: 7.9)


def _of(partner: str) -> list[bytes]:
    return [leaf for leaf in WORLD.leaves[1:] if parse_entry(leaf)[1].link.signer == partner]


def test_a_new_log_begins_with_the_signed_charter(tmp_path: Path) -> None:
    scribe = _scribe(tmp_path / "log")
    assert list(scribe.log.leaves()) == WORLD.leaves[:1]
    link = scribe.link("run-1")
    assert (link.signer, link.seq, link.prev, link.at) == (COORDINATOR, 0, NO_ENTRY, 7)
    assert [scribe.last_seq(name) for name in PARTNERS] == [-1] * 3


def test_a_log_of_another_charter_is_refused(tmp_path: Path) -> None:
    _scribe(tmp_path / "log")
    with pytest.raises(VerificationError, match="another charter"):
        _scribe(tmp_path / "log", World(charter_table(spare_attempts=1)))


def test_a_restarted_scribe_goes_on_where_the_log_is(tmp_path: Path) -> None:
    first = _scribe(tmp_path / "log")
    assert first.append(WORLD.leaves[1:]) == 1
    again = _scribe(tmp_path / "log")
    assert again.link("run-3") == first.link("run-3")
    for name in PARTNERS:
        assert again.last_seq(name) == first.last_seq(name) == len(_of(name)) - 1
        assert again.new_from(name, b"\n".join(_of(name))) == []
    assert again.prices(PARTNERS) == first.prices(PARTNERS)
    assert again.prices(["north"])["north"].released_micro == WORLD.spent_micro("north")


def test_evidence_proves_what_is_logged_and_only_that(tmp_path: Path) -> None:
    scribe = _scribe(tmp_path / "log")
    scribe.append(WORLD.leaves[1:10])
    mine = _of("north")
    evidence = parse_evidence(scribe.evidence("north", b"\n".join(mine)))
    logged = [leaf for leaf in mine if leaf in WORLD.leaves[:10]]
    assert 0 < len(logged) < len(mine)
    assert [item.seq for item in evidence.inclusions] == list(range(len(logged)))
    checkpoint = verify_evidence(evidence, leaf_of=lambda seq: mine[seq], log=WORLD.terms.log)
    assert checkpoint.size == 10
