"""The watcher verifies what changed, keeps what it knew, and calls no half-written log false."""

import threading
from pathlib import Path

from clients.auditor.page.source import FolderSource
from clients.auditor.page.state import Snapshot, Watcher
from tests.adversarial.ledger.honest import World, started
from tests.unit.clients.auditor.page.conftest import (
    Clock,
    FakeSource,
    absent,
    no_price,
    watcher_of,
    write_log,
)


def test_nothing_is_known_before_the_first_look(watcher: Watcher) -> None:
    assert watcher.snapshot() == Snapshot()


def test_a_look_verifies_the_log(watcher: Watcher, world: World) -> None:
    watcher.look()
    now = watcher.snapshot()
    assert now.audit == world.audit()
    assert now.checkpoint is not None
    assert now.checkpoint.size == len(world.leaves)
    assert now.pricing == no_price(world.audit())
    assert (now.lost_since, now.problem, now.is_verifying) == (None, "", False)


def test_an_unchanged_log_is_seen_again_and_not_verified_again(watcher: Watcher) -> None:
    watcher.look()
    first = watcher.snapshot()
    watcher.look()
    assert watcher.snapshot().audit is first.audit
    assert watcher.snapshot().verified_at == first.verified_at
    assert watcher.snapshot().seen_at != first.seen_at


def test_a_grown_log_is_verified_again(watcher: Watcher, log: Path, world: World) -> None:
    write_log(log, world.files(world.leaves[:20]))
    watcher.look()
    write_log(log, world.files())
    watcher.look()
    assert watcher.snapshot().audit == world.audit()


def test_a_lost_log_keeps_the_last_state_and_says_since_when(watcher: Watcher, log: Path) -> None:
    watcher.look()
    known = watcher.snapshot()
    log.rename(log.with_name("away"))
    watcher.look()
    lost = watcher.snapshot()
    watcher.look()
    assert lost.audit is known.audit
    assert lost.seen_at == known.seen_at
    assert "no such folder" in lost.problem
    assert watcher.snapshot().lost_since == lost.lost_since is not None
    log.with_name("away").rename(log)
    watcher.look()
    assert watcher.snapshot().lost_since is None


def test_a_log_that_was_never_there_is_lost_too(world: World) -> None:
    watcher = watcher_of(world, FakeSource(absent()))
    watcher.look()
    assert watcher.snapshot().audit is None
    assert watcher.snapshot().lost_since is not None


def test_an_altered_log_is_false(watcher: Watcher, log: Path) -> None:
    (entries,) = (log / "tile" / "entries" / "000.p").iterdir()
    entries.write_bytes(entries.read_bytes().replace(b"a", b"b", 1))
    watcher.look()
    audit = watcher.snapshot().audit
    assert audit is not None
    assert not audit.is_true


def test_a_half_written_log_is_not_called_false(world: World) -> None:
    half, whole = world.files(), world.files()
    (path,) = (path for path in half if path.startswith("tile/entries/"))
    half[path] = half[path][:-100]
    source = FakeSource(half)
    source.then = lambda: setattr(source, "given", whole)
    watcher = watcher_of(world, source)
    watcher.look()
    assert watcher.snapshot().audit == world.audit()


def test_a_log_that_goes_back_is_a_finding_until_it_goes_on(world: World) -> None:
    source = FakeSource(world.files())
    watcher = watcher_of(world, source)
    watcher.look()
    source.given = world.files(world.leaves[:-1])
    watcher.look()
    audit = watcher.snapshot().audit
    assert audit is not None
    found = {item.where: item.kind for item in audit.findings}
    assert found["saved checkpoint 1"] == "RollbackError"
    source.given = world.files()
    watcher.look()
    assert watcher.snapshot().audit == world.audit()


def test_another_true_history_of_the_same_charter_is_a_finding(world: World) -> None:
    source = FakeSource(world.files())
    watcher = watcher_of(world, source)
    watcher.look()
    source.given = started("run-other").files()
    watcher.look()
    audit = watcher.snapshot().audit
    assert audit is not None
    assert not audit.is_true


def test_a_note_that_does_not_open_leaves_no_checkpoint(watcher: Watcher, log: Path) -> None:
    (log / "checkpoint").write_bytes(b"\xff")
    watcher.look()
    assert watcher.snapshot().checkpoint is None


def test_a_fault_of_our_own_is_shown_and_does_not_end_the_watch(world: World) -> None:
    source = FakeSource(ValueError("boom"))
    watcher = watcher_of(world, source)
    watcher.look()
    assert "check itself failed" in watcher.snapshot().problem
    assert "boom" not in watcher.snapshot().problem


def test_a_watch_ends_when_it_is_told(watcher: Watcher) -> None:
    thread = threading.Thread(target=watcher.run, args=(0.01,))
    thread.start()
    watcher.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_the_verdict_is_there_before_the_prices(log: Path, world: World) -> None:
    seen: list[Snapshot] = []
    watcher = Watcher(
        FolderSource(log),
        terms=world.terms,
        signatures=world.signatures,
        price=lambda audit: (seen.append(watcher.snapshot()), no_price(audit))[1],
        clock=Clock(),
        settle_s=0.0,
    )
    watcher.look()
    assert seen[0].audit is not None
    assert seen[0].pricing is None
