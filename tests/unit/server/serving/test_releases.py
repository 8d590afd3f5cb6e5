"""What is served: chosen by subject, replaced as a whole, and kept when what is new is no good."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from model.artifacts import Release
from protocols.errors import ConfigError, ReleaseError
from server.serving.releases import Releases
from server.serving.routing import Routing, is_in_share, write_routing
from tests.unit.server.serving.world import make_release

NEVER_S = 3_600.0
FIRST, SECOND, THIRD = (make_release(seed) for seed in (1, 2, 3))


def _name(release: Release) -> str:
    return release.digest.hex()


def _in_another_currency() -> Release:
    card = FIRST.scorecard
    changed = replace(card, contract=card.contract.model_copy(update={"currency": "EUR"}))
    return replace(FIRST, digest=b"\xee" * 32, scorecard=changed)


def _with_another_contract() -> Release:
    changed = FIRST.manifest.model_copy(update={"contract_digest": "ff" * 32})
    return replace(FIRST, digest=b"\xcc" * 32, manifest=changed)


@dataclass
class FakeShelf:
    """Releases in memory, some of which do not open."""

    releases: list[Release]
    broken: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    fault: Exception | None = None

    def latest(self) -> str:
        return _name(self.releases[-1])

    def open(self, name: str) -> Release:
        self.opened.append(name)
        if self.fault is not None:
            raise self.fault
        for release in self.releases:
            if _name(release) == name and name not in self.broken:
                return release
        raise ReleaseError(f"release {name}: a file is missing or unreadable")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "routing.toml"


@pytest.fixture
def shelf() -> FakeShelf:
    return FakeShelf([FIRST, SECOND])


Start = Callable[..., Releases]


@pytest.fixture
def start(shelf: FakeShelf, path: Path) -> Iterator[Start]:
    """Opens releases that look only when a test says so."""
    started: list[Releases] = []

    def begin(routing: Routing | None = None, *, look_every_s: float = NEVER_S) -> Releases:
        if routing is not None:
            write_routing(path, routing)
        started.append(Releases(shelf, path, look_every_s=look_every_s))
        return started[-1]

    yield begin
    for releases in started:
        releases.close()


def _problems(caplog: pytest.LogCaptureFixture) -> list[object]:
    return [vars(record)["problem"] for record in caplog.records if record.levelname == "ERROR"]


def test_the_latest_release_answers_where_nothing_else_is_said(start: Start) -> None:
    releases = start()
    assert releases.chosen("anna") is SECOND
    assert releases.all() == (SECOND,)
    assert releases.shadow is None
    assert releases.problem is None


def test_a_pinned_release_answers_whatever_is_published(start: Start, shelf: FakeShelf) -> None:
    releases = start(Routing(champion=_name(FIRST)))
    shelf.releases.append(THIRD)
    releases.look()
    assert releases.chosen("anna") is FIRST


def test_a_new_release_is_taken_and_named_in_the_log(
    start: Start, shelf: FakeShelf, caplog: pytest.LogCaptureFixture
) -> None:
    releases = start()
    shelf.releases.append(THIRD)
    with caplog.at_level(logging.INFO):
        releases.look()
    assert releases.chosen("anna") is THIRD
    assert [vars(record)["champion"] for record in caplog.records] == [_name(THIRD)]


def test_what_is_served_is_not_opened_again(start: Start, shelf: FakeShelf, path: Path) -> None:
    releases = start()
    releases.look()
    write_routing(path, Routing(champion=_name(SECOND), shadow=_name(FIRST)))
    releases.look()
    assert shelf.opened == [_name(SECOND), _name(FIRST)]
    assert releases.chosen("anna") is SECOND


def test_going_back_is_naming_the_earlier_one(start: Start, path: Path) -> None:
    releases = start()
    write_routing(path, Routing(champion=_name(FIRST)))
    releases.look()
    assert releases.chosen("anna") is FIRST
    path.unlink()
    releases.look()
    assert releases.chosen("anna") is SECOND


def test_a_challenger_answers_its_share_of_subjects_and_the_champion_the_rest(
    start: Start,
) -> None:
    routing = Routing(champion=_name(FIRST), challenger=_name(SECOND), challenger_percent=30)
    releases = start(routing)
    chosen = {f"s{number}": releases.chosen(f"s{number}") for number in range(500)}
    assert {_name(release) for release in chosen.values()} == {_name(FIRST), _name(SECOND)}
    for subject, release in chosen.items():
        assert (release is SECOND) == is_in_share(subject, SECOND.digest, percent=30)


@pytest.mark.parametrize(("percent", "expected"), [(0, FIRST), (100, SECOND)])
def test_a_challenger_of_all_or_nothing(start: Start, percent: int, expected: Release) -> None:
    routing = Routing(champion=_name(FIRST), challenger=_name(SECOND), challenger_percent=percent)
    assert start(routing).chosen("anna") is expected


def test_without_a_subject_the_champion_answers(start: Start) -> None:
    routing = Routing(champion=_name(FIRST), challenger=_name(SECOND), challenger_percent=100)
    assert start(routing).chosen("") is FIRST


def test_those_that_answer_are_found_by_digest_and_a_shadow_is_not(
    start: Start, shelf: FakeShelf
) -> None:
    shelf.releases.append(THIRD)
    routing = Routing(
        champion=_name(FIRST),
        challenger=_name(SECOND),
        challenger_percent=10,
        shadow=_name(THIRD),
    )
    releases = start(routing)
    assert releases.all() == (FIRST, SECOND)
    assert [releases.get(each.digest) for each in (FIRST, SECOND)] == [FIRST, SECOND]
    assert releases.shadow is THIRD
    with pytest.raises(ReleaseError, match="not served now"):
        releases.get(THIRD.digest)


def test_a_challenger_that_is_published_as_latest_is_there_once(start: Start) -> None:
    routing = Routing(champion="latest", challenger=_name(SECOND), challenger_percent=10)
    assert start(routing).all() == (SECOND,)


@pytest.mark.parametrize("role", ["champion", "challenger", "shadow"])
def test_all_that_is_named_must_load_at_start(role: str, start: Start, shelf: FakeShelf) -> None:
    shelf.broken.add(_name(SECOND))
    with pytest.raises(ReleaseError, match=_name(SECOND)):
        start(Routing(**{"champion": _name(FIRST), role: _name(SECOND)}))


def test_a_routing_file_with_a_typo_stops_the_start(start: Start, path: Path) -> None:
    path.write_text('champoin = "latest"')
    with pytest.raises(ConfigError, match="champoin"):
        start()


@pytest.mark.parametrize("role", ["champion", "challenger", "shadow"])
def test_a_release_that_does_not_load_is_not_taken_and_is_named(
    role: str, start: Start, shelf: FakeShelf, path: Path
) -> None:
    releases = start(Routing(champion=_name(FIRST)))
    shelf.broken.add(_name(SECOND))
    write_routing(path, Routing(**{"champion": _name(FIRST), role: _name(SECOND)}))
    releases.look()
    assert releases.chosen("anna") is FIRST
    assert releases.all() == (FIRST,)
    assert releases.problem is not None
    assert _name(SECOND) in releases.problem


def test_a_routing_file_with_a_typo_changes_nothing_and_is_named(start: Start, path: Path) -> None:
    releases = start()
    path.write_text('champoin = "latest"')
    releases.look()
    assert releases.chosen("anna") is SECOND
    assert releases.problem is not None
    assert "routing.toml" in releases.problem


def test_a_release_that_is_put_right_is_taken_though_nothing_names_it_anew(
    start: Start, shelf: FakeShelf, caplog: pytest.LogCaptureFixture
) -> None:
    releases = start()
    shelf.releases.append(THIRD)
    shelf.broken.add(_name(THIRD))
    releases.look()
    shelf.broken.clear()
    with caplog.at_level(logging.INFO):
        releases.look()
    assert releases.chosen("anna") is THIRD
    assert releases.problem is None
    assert "releases are as named again" in caplog.messages


def test_one_cause_is_logged_once_and_another_again(
    start: Start, shelf: FakeShelf, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    releases = start()
    shelf.broken.add(_name(FIRST))
    write_routing(path, Routing(champion=_name(FIRST)))
    for _ in range(3):
        releases.look()
    path.write_text("champion = 1")
    for _ in range(3):
        releases.look()
    said = _problems(caplog)
    assert len(said) == 2
    assert _name(FIRST) in str(said[0])
    assert "routing.toml: champion" in str(said[1])


def test_an_unexpected_fault_ends_nothing_and_its_text_is_not_repeated(
    start: Start, shelf: FakeShelf, caplog: pytest.LogCaptureFixture
) -> None:
    releases = start()
    shelf.releases.append(THIRD)
    shelf.fault = ValueError("income 41234")
    releases.look()
    assert releases.chosen("anna") is SECOND
    assert releases.problem == "unexpected error: ValueError"
    assert "41234" not in caplog.text
    shelf.fault = None
    releases.look()
    assert releases.chosen("anna") is THIRD


def test_a_champion_in_another_currency_is_refused(start: Start, shelf: FakeShelf) -> None:
    releases = start()
    shelf.releases.append(_in_another_currency())
    releases.look()
    assert releases.chosen("anna") is SECOND
    assert releases.problem is not None
    assert "expected currency USD" in releases.problem


def test_a_champion_with_another_contract_is_taken(start: Start, shelf: FakeShelf) -> None:
    releases = start()
    shelf.releases.append(_with_another_contract())
    releases.look()
    assert releases.chosen("anna") is shelf.releases[-1]


@pytest.mark.parametrize("role", ["challenger", "shadow"])
def test_a_release_beside_the_champion_must_have_its_contract(
    role: str, start: Start, shelf: FakeShelf
) -> None:
    shelf.releases.append(_with_another_contract())
    with pytest.raises(ReleaseError, match=f"the {role} has another feature contract"):
        start(Routing(**{"champion": _name(FIRST), role: "cc" * 32}))


def test_a_snapshot_stays_as_it_was(start: Start, shelf: FakeShelf) -> None:
    releases = start()
    before = releases.now
    shelf.releases.append(THIRD)
    releases.look()
    assert before.chosen("anna") is SECOND
    assert releases.now.chosen("anna") is THIRD


def test_a_thread_of_its_own_looks_until_it_is_closed(start: Start, shelf: FakeShelf) -> None:
    releases = start(look_every_s=0.01)
    shelf.releases.append(THIRD)
    end = time.monotonic() + 10
    while releases.chosen("anna") is not THIRD and time.monotonic() < end:
        time.sleep(0.01)
    assert releases.chosen("anna") is THIRD
    releases.close()
    assert not [each for each in threading.enumerate() if each.name == "releases"]
    assert releases.chosen("anna") is THIRD


def test_a_look_without_a_change_replaces_nothing(start: Start) -> None:
    releases = start()
    before = releases.now
    releases.look()
    assert releases.now is before


def test_one_that_answers_no_more_is_found_on_the_shelf_and_read_once(
    start: Start, shelf: FakeShelf
) -> None:
    releases = start()
    shelf.opened.clear()
    assert releases.find(SECOND.digest) is SECOND  # it answers
    assert [releases.find(FIRST.digest) for _ in range(2)] == [FIRST, FIRST]
    assert shelf.opened == [_name(FIRST)]


def test_one_that_is_not_there_or_not_proven_is_not_found(start: Start, shelf: FakeShelf) -> None:
    releases = start()
    shelf.broken.add(_name(FIRST))
    assert releases.find(FIRST.digest) is None
    assert releases.find(THIRD.digest) is None


def test_the_last_few_that_were_found_are_kept(start: Start, shelf: FakeShelf) -> None:
    releases = start()
    found = [replace(THIRD, digest=bytes([number]) * 32) for number in range(1, 10)]
    shelf.releases[:0] = found
    for release in found:
        releases.find(release.digest)
    shelf.opened.clear()
    assert releases.find(found[-1].digest) is found[-1]
    assert releases.find(found[0].digest) is found[0]
    assert shelf.opened == [_name(found[0])]
