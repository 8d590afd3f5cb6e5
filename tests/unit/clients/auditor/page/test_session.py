"""Who may look: one token, in constant time, with longer and longer waits after wrong ones."""

from pathlib import Path

import pytest

from clients.auditor.page.session import SESSION_S, Login, Sessions, load_token
from protocols.errors import ConfigError

TOKEN = "t" * 43


class Clock:
    """A monotonic clock that tests turn."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(TOKEN, clock=clock)


def test_the_token_opens_a_session(sessions: Sessions) -> None:
    session = sessions.log_in(TOKEN, peer="a").session
    assert sessions.is_open(session)


@pytest.mark.parametrize("token", ["", "t" * 42, "t" * 44, "T" * 43, "\udcff"])
def test_another_token_opens_none(sessions: Sessions, token: str) -> None:
    assert sessions.log_in(token, peer="a") == Login()


@pytest.mark.parametrize("session", ["", TOKEN, "x"])
def test_a_session_that_nobody_opened_is_not_open(sessions: Sessions, session: str) -> None:
    assert not sessions.is_open(session)


def test_a_session_ends_by_itself(sessions: Sessions, clock: Clock) -> None:
    session = sessions.log_in(TOKEN, peer="a").session
    clock.now += SESSION_S
    assert not sessions.is_open(session)


def test_a_session_ends_when_its_holder_says_so(sessions: Sessions) -> None:
    one, two = (sessions.log_in(TOKEN, peer="a").session for _ in range(2))
    sessions.log_out(one)
    sessions.log_out("unknown")
    assert (sessions.is_open(one), sessions.is_open(two)) == (False, True)


def test_the_oldest_session_makes_room(sessions: Sessions) -> None:
    opened = [sessions.log_in(TOKEN, peer="a").session for _ in range(257)]
    assert not sessions.is_open(opened[0])
    assert sessions.is_open(opened[1])


def test_waits_grow_after_five_wrong_tokens(sessions: Sessions, clock: Clock) -> None:
    waits = []
    for _ in range(13):
        wait_s = sessions.log_in("wrong", peer="a").wait_s
        waits.append(wait_s)
        clock.now += wait_s
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_while_waiting_not_even_the_right_token_is_looked_at(
    sessions: Sessions, clock: Clock
) -> None:
    for _ in range(5):
        sessions.log_in("wrong", peer="a")
    assert sessions.log_in(TOKEN, peer="a") == Login(wait_s=2)
    assert sessions.log_in(TOKEN, peer="b").session
    clock.now += 1
    assert sessions.log_in(TOKEN, peer="a").session
    assert sessions.log_in("wrong", peer="a") == Login()


def test_only_so_many_wrong_peers_are_remembered(sessions: Sessions) -> None:
    for _ in range(5):
        sessions.log_in("wrong", peer="first")
    for number in range(1024):
        sessions.log_in("wrong", peer=str(number))
    assert sessions.log_in(TOKEN, peer="first").session


def test_a_token_is_made_for_its_owner_only_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = load_token(path)
    assert len(token) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_token(path) == token


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        load_token(path)


@pytest.mark.parametrize("raw", [b"short\n", b"\xff" * 43])
def test_a_weak_or_unreadable_token_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(raw)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="expected a token"):
        load_token(path)
