"""The auditor cosigns one log only, and its reports stand in the log in the order it made them."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.auditor.cli import main as audit
from clients.auditor.memory import memory_of
from protocols.ledger.audit import Audit
from protocols.ledger.entry import NO_ENTRY, AuditReport, Link, Pin, sign_entry
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import load_charter
from protocols.ledger.terms import Terms
from protocols.lock import only_process
from server.commands import run as run_server
from tests.adversarial.ledger import honest
from tests.adversarial.ledger.honest import key_for
from tests.simulator import World, found_world

Server = Callable[..., int]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = found_world(tmp_path_factory.mktemp("trained"), sizes=(20, 20, 20))
    world.train()
    world.close()
    return world


@pytest.fixture
def world(trained: World, tmp_path: Path) -> World:
    """Return a copy of the trained federation, whose auditor has not yet vouched for anything."""
    shutil.copytree(trained.folder, tmp_path / "world")
    return World(tmp_path / "world")


@pytest.fixture
def server(world: World, monkeypatch: pytest.MonkeyPatch) -> Server:
    def run(command: str, *words: object) -> int:
        config = ("--config", world.server / "server.toml")
        monkeypatch.setattr(sys, "argv", [*map(str, ("fedscore-server", command, *words, *config))])
        try:
            return run_server()
        except SystemExit as left:
            return int(left.code or 0)

    return run


def _words(world: World, folder: Path | None = None) -> list[str]:
    log = folder or world.export()
    home = world.folder / "auditor"
    return [str(log), "--charter", str(world.server / "charter.toml"), "--home", str(home)]


def _cosign(world: World, folder: Path | None = None, out: str = "cosigned.note") -> int:
    return audit(["cosign", *_words(world, folder), "--out", str(world.folder / out)])


def _report(world: World, out: str, folder: Path | None = None) -> int:
    return audit(["report", *_words(world, folder), "--out", str(world.folder / f"{out}.html")])


def _size_of(audited: Audit, witness: str) -> int:
    return next(row.size for row in audited.witnesses if row.name == witness)


def test_a_cosignature_of_the_auditor_stands_in_the_next_export(
    world: World, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _size_of(world.audit(), "auditor") == 0
    assert _cosign(world) == 0
    assert "fedscore-server receive" in capsys.readouterr().out
    assert server("receive", world.folder / "cosigned.note") == 0
    assert "kept, with a quorum" in capsys.readouterr().out
    audited = world.audit()
    assert audited.is_true
    assert _size_of(audited, "auditor") == audited.witnessed == audited.size


def test_a_cosignature_of_what_no_quorum_has_seen_is_not_kept(
    world: World, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(world, "one") == 0
    assert server("receive", world.folder / "one.entry.json") == 0
    assert _cosign(world) == 0
    assert server("receive", world.folder / "cosigned.note") == 0
    assert "not kept: it makes no quorum" in capsys.readouterr().out
    assert _size_of(world.audit(), "auditor") == 0


def test_reports_are_logged_in_their_order_and_only_once(world: World, server: Server) -> None:
    for name in ("one", "two"):
        assert _report(world, name) == 0
    one, two = (world.folder / f"{name}.entry.json" for name in ("one", "two"))
    assert server("receive", two) == 1
    assert server("receive", one) == 0
    assert server("receive", one) == 1
    assert server("receive", two) == 0
    audited = world.audit()
    assert audited.is_true
    assert [row.findings for row in audited.reports] == [0, 0]
    assert [row.size for row in audited.reports] == [audited.size - 2] * 2


def test_a_signed_report_names_the_record_that_was_handed_over(world: World) -> None:
    assert _report(world, "one") == 0
    leaf = json.loads((world.folder / "one.entry.json").read_text())
    assert leaf["payloadType"] == AuditReport.payload_type
    unsigned = ["report", *_words(world)[:3], "--out", str(world.folder / "plain.html")]
    assert audit(unsigned) == 0
    plain, signed = (world.folder / f"{name}.json" for name in ("plain", "one"))
    assert plain.read_bytes() == signed.read_bytes()
    assert not (world.folder / "plain.entry.json").exists()


def test_no_second_branch_is_cosigned(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert _cosign(world) == 0
    first = (world.folder / "log").rename(world.folder / "first")
    for path in world.server.glob("log.sqlite*"):
        path.unlink()
    world.export()  # the same charter, and nothing else: a log that begins again
    assert _cosign(world, world.folder / "log", out="second.note") == 1
    assert "keep all files" in capsys.readouterr().err
    assert not (world.folder / "second.note").exists()
    assert _report(world, "second", world.folder / "log") == 1
    assert not (world.folder / "second.entry.json").exists()
    assert _cosign(world, first, out="again.note") == 0


def test_a_home_that_was_set_back_signs_no_report(
    world: World, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    home = world.folder / "auditor"
    shutil.copytree(home, world.folder / "copy")
    assert _report(world, "one") == 0
    assert server("receive", world.folder / "one.entry.json") == 0
    shutil.rmtree(home)
    (world.folder / "copy").rename(home)
    assert _report(world, "two") == 1
    assert "restore the home's latest copy" in capsys.readouterr().err


def test_a_report_that_the_auditor_does_not_know_of_stops_it(
    world: World, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    # By a thief of its key: nobody else can have made it.
    (world.folder / "stolen.json").write_bytes(_signed(world, "auditor"))
    assert server("receive", world.folder / "stolen.json") == 0
    assert _report(world, "one") == 1
    assert "the log has 1 reports of auditor" in capsys.readouterr().err


def _terms(world: World) -> Terms:
    return load_charter(world.server / "charter.toml")[1]


BAD: dict[str, Callable[[World], bytes]] = {
    "no note": lambda _: b"hello",
    "no text": lambda _: b"\xff\xfe",
    "an entry that is none": lambda _: b"{}",
    "a report by another key": lambda w: _signed(w, "auditor", key="mallory"),
    "a report in a partner's name": lambda w: _signed(w, "p0", key="mallory"),
    "a report under another charter": lambda w: _signed(w, "auditor", charter="0" * 64),
    "the log's own checkpoint": lambda w: (w.export() / "checkpoint").read_bytes(),
}


def _signed(world: World, signer: str, *, key: str = "", charter: str = "") -> bytes:
    own = load_key(world.folder / "auditor" / "identity.pem")
    charter = charter or _terms(world).charter.hex()
    link = Link(charter, signer, 0, "0" * 64, Pin(0, "0" * 64), 1, "-")
    entry = AuditReport(link, 0, "0" * 64)
    return sign_entry(entry, key_for(key) if key else own).to_bytes()


@pytest.mark.parametrize("name", BAD)
def test_what_the_auditor_did_not_say_is_not_taken(name: str, world: World, server: Server) -> None:
    file = world.folder / "handed"
    file.write_bytes(BAD[name](world))
    before = world.audit()
    assert server("receive", file) == 1
    assert world.audit() == before


def test_nothing_is_received_while_a_run_writes_the_log(world: World, server: Server) -> None:
    assert _cosign(world) == 0
    with only_process(world.server, "log"):
        assert server("receive", world.folder / "cosigned.note") == 2
    assert server("receive", world.folder / "absent") == 2
    (world.folder / "large").write_bytes(bytes(100_000))
    assert server("receive", world.folder / "large") == 2


def test_the_key_must_be_the_charters(world: World, tmp_path: Path) -> None:
    audit(["init", "--home", str(tmp_path / "other"), "--name", "auditor"])
    words = _words(world)[:3]
    out = str(tmp_path / "out")
    assert audit(["cosign", *words, "--home", str(tmp_path / "other"), "--out", out]) == 2
    assert audit(["cosign", *words, "--home", str(tmp_path / "none"), "--out", out]) == 2
    assert not Path(out).exists()


def test_an_auditor_that_follows_another_begins_its_own_chain(tmp_path: Path) -> None:
    world = honest.trained()
    world.report()
    card = {
        "name": "second",
        "identity_key": honest.public("second"),
        "cosign_key": honest.public("second w"),
    }
    world.succeed({"auditor": card})
    (tmp_path / "home").mkdir()
    with memory_of(tmp_path / "home", world.terms) as memory:
        link = memory.next_link(world.audit(), at=0)
    assert (link.signer, link.seq, link.prev) == ("second", 0, NO_ENTRY)
