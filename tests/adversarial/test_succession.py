"""A charter after a charter: the log goes on, budgets go on, and nobody takes another's place."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w

import server.release
import server.renewal
from clients.auditor.cli import main as audit_command
from protocols.contracts.features import read_toml
from protocols.contracts.orders import Reply
from protocols.errors import (
    ConfigError,
    RoundError,
    RunPausedError,
    SignatureError,
    SuccessionError,
    VerificationError,
)
from protocols.ledger.audit import Audit
from protocols.ledger.envelope import key_id, parse_envelope
from protocols.ledger.export import read_export
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import (
    SIGNATURES_NAME,
    load_charter,
    parse_signatures,
    sign_charter_file,
)
from protocols.ledger.verify import verify_log
from server.config import load_settings
from server.federation import open_federation
from server.ledger.handed_over import take_handed_over
from server.registry import Registry
from server.renewal import adopt
from server.run_state import unfinished_runs
from tests.simulator import World, found_world

OTHERS = ("p1/keys", "p2/keys", "auditor")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = found_world(tmp_path / "world", sizes=(300, 200, 200), run_epsilon_micro=1_000_000)
    yield world
    world.close()


def _spent(audit: Audit, name: str = "p0") -> int:
    return next(row.spent.released_micro for row in audit.partners if row.name == name)


def test_budgets_and_log_go_on_under_the_next_charter(world: World) -> None:
    world.train("run-1")
    before = world.audit()
    world.adopt(world.renew(new_keys=["p0", "auditor"]))
    world.train("run-2")
    after = world.audit()
    assert before.findings == after.findings == ()
    assert [row.index for row in after.charters] == [0, before.size]
    assert [row.runs for row in after.partners] == [2, 2, 2]
    assert _spent(after) > _spent(before) > 0
    # Two runs of one plan: mu^2 adds up, so that epsilon is more than for one, and less than twice.
    assert 1.3 * _spent(before) < _spent(after) < 2 * _spent(before)
    for name, node in world.nodes.items():
        assert node.book.spent.released_micro == _spent(after, name)
    world.adopt(world.renew(new_keys=["p0"]))
    assert world.audit().findings == ()


def test_a_new_charter_gives_no_new_budget(world: World) -> None:
    world.adopt(world.renew(epsilon_micro=1_200_000))
    world.train("run-1")
    world.adopt(world.renew())
    with pytest.raises(RoundError, match="0 partners authorised"):
        world.train("run-2")
    events = (world.server / "runs" / "run-2" / "events.jsonl").read_text()
    assert events.count("budget-exhausted") == 3
    world.adopt(world.renew(epsilon_micro=3_000_000))
    world.train("run-3")
    assert world.audit().findings == ()


def test_a_cap_below_what_is_spent_cannot_be_agreed_on(world: World) -> None:
    world.train("run-1")
    with pytest.raises(SuccessionError, match="may have spent more than this charter allows"):
        world.renew(epsilon_micro=300_000)
    assert not (world.folder / "charter-2").exists()


def test_who_leaves_stays_priced_and_who_comes_begins_at_nothing(tmp_path: Path) -> None:
    world = found_world(tmp_path / "world", sizes=(200,) * 4, run_epsilon_micro=500_000)
    world.nodes.pop("p3").book.close_file()
    world.adopt(world.renew(names=["p0", "p1", "p2"]))
    world.train("run-1")
    world.adopt(world.renew(names=["p0", "p1", "p2", "p3"]))
    world.nodes.pop("p2").book.close_file()
    world.adopt(world.renew(names=["p0", "p1", "p3"]))
    world.restart("p3")
    world.train("run-2")
    audit = world.audit()
    assert audit.findings == ()
    assert [(row.name, row.runs) for row in audit.partners] == [
        ("p0", 2), ("p1", 2), ("p3", 1), ("p2", 1),
    ]  # fmt: skip
    assert [row.name for row in audit.witnesses] == ["p0", "p1", "p3", "auditor"]
    world.close()


def test_everybody_must_have_signed_and_the_key_before_too(world: World) -> None:
    folder = world.renew(new_keys=["p0"])
    path = folder / SIGNATURES_NAME
    signed = parse_signatures(path.read_bytes())
    path.unlink()
    with pytest.raises(ConfigError, match="every party must sign"):
        world.adopt(folder)
    old = key_id(load_key(world.settings("p0").keys / "identity.pem").public_key())
    kept = tuple(item for item in signed.signatures if item[0] != old)
    path.write_bytes(replace(signed, signatures=kept).to_bytes())
    with pytest.raises(SignatureError, match=re.escape("p0 (key before)")):
        world.adopt(folder)
    assert len(world.audit().charters) == 1


def test_a_key_that_changes_hands_without_the_key_before_is_refused(world: World) -> None:
    """Everybody else together, with the coordinator and the auditor, cannot take p0's place."""
    folder = world.renew(new_keys=["p0"])
    table = read_toml(folder / "charter.toml")
    table["partners"][0].pop("identity_key_before")
    (folder / "charter.toml").write_text(tomli_w.dumps(table))
    (folder / SIGNATURES_NAME).unlink()
    taken = load_key(world.settings("p0").keys / "identity-2.pem")
    others = [load_key(world.folder / name / "identity.pem") for name in OTHERS]
    sign_charter_file(folder / "charter.toml", taken, *others)
    with pytest.raises(SuccessionError, match="the key before has not signed"):
        world.adopt(folder)


def _pause(world: World, run: str) -> None:
    """Begin a run whose first sum is opened, and that then waits for a partner."""
    world.bend = lambda name, delivery: (
        None if name == "p2" and b"round-open" in delivery.order and world.deliveries else delivery
    )
    with pytest.raises(RunPausedError):
        world.train(run)
    world.bend = lambda _, delivery: delivery


def test_a_run_ends_with_its_charter(world: World) -> None:
    _pause(world, "run-1")
    folder = world.renew()
    with pytest.raises(ConfigError, match="run run-1 is unfinished"):
        world.adopt(folder)
    world.adopt(folder, abandon="run-1")
    with pytest.raises(ConfigError, match="of an earlier charter"):
        world.train("run-1")
    assert unfinished(world) == ()
    world.train("run-2")
    audit = world.audit()
    assert audit.findings == ()
    assert [(row.run, row.not_closed_by) for row in audit.unreleased] == [("run-1", ())]


def unfinished(world: World) -> tuple[str, ...]:
    """Return the runs that can be taken up again."""
    federation = open_federation(load_settings(world.server / "server.toml"))
    charter = federation.terms.charter.hex()
    return unfinished_runs(federation.scribe.entries(), charter=charter)


def test_what_a_partner_signed_under_the_last_charter_is_logged_under_the_next(
    world: World,
) -> None:
    lost: list[str] = []

    def lose_closing(name: str, reply: Reply) -> Reply | None:
        is_closing = name == "p1" and b"run-close" in b"".join(map(payload, reply.leaves.split()))
        lost.extend([name] * is_closing)
        return None if is_closing else reply

    world.bend_reply = lose_closing
    world.train("run-1")
    assert lost
    assert world.audit().releases[0].not_closed_by == ("p1",)
    world.bend_reply = lambda _, reply: reply
    world.adopt(world.renew(new_keys=["p1"]))
    world.train("run-2")
    audit = world.audit()
    assert audit.findings == ()
    assert [row.not_closed_by for row in audit.releases] == [(), ()]


def payload(leaf: bytes) -> bytes:
    """Return a leaf's type."""
    return parse_envelope(leaf).payload_type.encode()


def test_a_node_that_has_not_got_the_next_charter_refuses_and_loses_nothing(world: World) -> None:
    world.train("run-1")
    folder = world.renew()
    files = {path.name: path.read_bytes() for path in world.server.glob("*.*") if path.is_file()}
    adopt(load_settings(world.server / "server.toml"), folder)
    spent = world.nodes["p0"].book.spent
    with pytest.raises(RoundError, match="0 partners authorised"):
        world.train("run-2")
    assert world.nodes["p0"].book.spent == spent
    for name in world.nodes:
        world.restart(name)
    world.train("run-3")
    # And who has worked under the next one does not go back.
    for name in ("charter.toml", SIGNATURES_NAME):
        (world.server / name).write_bytes(files[name])
    with pytest.raises(ConfigError, match="not this charter's book"):
        world.restart("p0")
    with pytest.raises(VerificationError, match="goes on under a later charter"):
        open_federation(load_settings(world.server / "server.toml"))


def test_a_coordinator_that_dies_while_it_adopts_does_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.renew()
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(server.renewal, "_take_over", die)
        with pytest.raises(KeyboardInterrupt):
            world.adopt(folder)
    with pytest.raises(VerificationError, match="adopt it again"):
        open_federation(load_settings(world.server / "server.toml"))
    world.adopt(folder)
    world.adopt(folder)
    audit = world.audit()
    assert (audit.findings, len(audit.charters)) == ((), 2)


def test_a_charter_that_nobody_put_in_force_is_not_worked_under(world: World) -> None:
    folder = world.renew()
    for name in ("charter.toml", SIGNATURES_NAME):
        (world.server / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ConfigError, match="not in force yet; see fedscore-server adopt"):
        open_federation(load_settings(world.server / "server.toml"))


def test_who_holds_an_earlier_charter_is_told_first(world: World) -> None:
    _, first = load_charter(world.server / "charter.toml")
    signatures = (world.server / SIGNATURES_NAME).read_bytes()
    world.adopt(world.renew())
    _, second = load_charter(world.server / "charter.toml")
    files = read_export(world.export())
    audit = verify_log(first, signatures=signatures, files=files)
    assert audit.findings[0].kind == "PolicyError"
    assert "goes on under charter" in audit.findings[0].message
    # And who holds one that is not in force yet.
    early = world.renew()
    _, third = load_charter(early / "charter.toml")
    signatures = (early / SIGNATURES_NAME).read_bytes()
    audit = verify_log(third, signatures=signatures, files=files)
    (only,) = audit.findings
    assert (only.kind, only.where) == ("PolicyError", "leaf 1")
    assert f"under charter {second.charter.hex()[:16]} until now" in only.message


def test_the_auditor_remembers_a_log_from_charter_to_charter(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*words: str, out: str) -> Path:
        charter, home = world.server / "charter.toml", world.folder / "auditor"
        done = audit_command(
            [*words, "--charter", str(charter), "--home", str(home), "--out", str(tmp_path / out)]
        )
        assert done == 0, capsys.readouterr()
        return tmp_path / out

    def receive(*paths: Path) -> None:
        scribe = open_federation(load_settings(world.server / "server.toml")).scribe
        for path in paths:
            take_handed_over(scribe, path.read_bytes())

    world.train("run-1")
    for number in (1, 2):
        log = str(world.export())
        note = command("cosign", log, out=f"note-{number}")
        command("report", log, out=f"report-{number}.html")
        receive(note, tmp_path / f"report-{number}.entry.json")
        world.adopt(world.renew(new_keys=["auditor"]))
    audit = world.audit()
    assert audit.findings == ()
    assert [row.auditor for row in audit.reports] == ["auditor"] * 2


def test_a_charter_that_does_not_fit_the_log_is_not_appended(world: World) -> None:
    world.export()
    first = {path: path.read_bytes() for path in world.server.glob("log.sqlite*")}
    world.adopt(world.renew())
    third = world.renew()
    for path in world.server.glob("log.sqlite*"):
        path.unlink()
    with pytest.raises(SuccessionError, match="succeeds 1, and the log holds 0"):
        open_federation(load_settings(world.server / "server.toml"))
    for path in world.server.glob("log.sqlite*"):
        path.unlink()
    for path, raw in first.items():  # restored from before the second
        path.write_bytes(raw)
    with pytest.raises(SuccessionError, match="succeeds 2, and the log holds"):
        world.adopt(third)
    world.adopt(world.folder / "charter-2")
    assert world.audit().findings == ()


def test_a_release_that_was_logged_is_published_under_the_next_charter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(server.release, "finish_release", die)
        with pytest.raises(KeyboardInterrupt):
            world.train("run-1")
    world.adopt(world.renew())
    world.train("run-1")
    federation = open_federation(load_settings(world.server / "server.toml"))
    opened = Registry(federation.settings.releases, federation.terms).open()
    assert opened.manifest.run == "run-1"
    assert world.audit().findings == ()


def test_the_auditor_says_nothing_under_a_charter_that_is_not_in_force(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, early = str(world.export()), world.renew()
    words = ["report", log, "--home", str(world.folder / "auditor"), "--out"]
    out = str(tmp_path / "report.html")
    assert audit_command([*words, out, "--charter", str(early / "charter.toml")]) == 1
    assert "the log is not under this charter now" in capsys.readouterr().err
    assert audit_command([*words, out, "--charter", str(world.server / "charter.toml")]) == 0
