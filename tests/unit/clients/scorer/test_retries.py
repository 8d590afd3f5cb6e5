"""Pauses grow, differ, honour the server's word, and end with the deadline."""

from collections.abc import Callable

import grpc
import pytest

from clients.scorer.retries import Attempts
from protocols.errors import ReleaseError
from server.serving.calls import Reply, ending
from server.serving.errors import status_of, status_of_code
from server.serving.rates import RateLimitError


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now_s


class Ended(grpc.RpcError):
    """A call that ended badly."""

    def __init__(self, code: grpc.StatusCode, text: str = "said") -> None:
        self._code, self._text = code, text
        self.trailing: object = ()

    def code(self) -> grpc.StatusCode:
        """Return its status."""
        return self._code

    def details(self) -> str:
        """Return what was said."""
        return self._text

    def trailing_metadata(self) -> object:
        """Return what came last."""
        return self.trailing


def _attempts(
    timeout_s: float, *, draw: Callable[[], float] = lambda: 0.999, hint: str = ""
) -> tuple[Attempts, Clock]:
    clock = Clock()
    return Attempts(timeout_s, clock=clock, draw=draw, hint=hint), clock


def _limited(retry_after_s: float) -> Ended:
    status = status_of(RateLimitError("slow down", retry_after_s=retry_after_s))
    ended = Ended(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down")
    ended.trailing = ending(Reply((), status))[2]
    return ended


AWAY = Ended(grpc.StatusCode.UNAVAILABLE)


def test_the_longest_pause_doubles_up_to_two_seconds() -> None:
    attempts, _ = _attempts(1_000)
    pauses = [attempts.wait_s(AWAY) for _ in range(1_100)]
    expected = [0.999 * most for most in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0)]
    assert pauses[:7] == pytest.approx(expected)
    assert max(pauses) < 2.0


def test_what_a_stopping_server_cancels_is_asked_again() -> None:
    attempts, _ = _attempts(10)
    assert attempts.wait_s(Ended(grpc.StatusCode.CANCELLED)) == pytest.approx(0.0999)
    late, clock = _attempts(10)
    clock.now_s += 11
    with pytest.raises(ReleaseError, match="CANCELLED"):
        late.wait_s(Ended(grpc.StatusCode.CANCELLED))


def test_a_pause_is_anything_up_to_the_longest() -> None:
    draws = iter([0.0, 0.5])
    attempts, _ = _attempts(10, draw=lambda: next(draws))
    assert [attempts.wait_s(AWAY), attempts.wait_s(AWAY)] == pytest.approx([0.0, 0.1])


def test_the_servers_word_is_the_least_pause() -> None:
    attempts, _ = _attempts(10, draw=lambda: 0.5)
    assert attempts.wait_s(_limited(3.0)) == pytest.approx(3.05)


def test_what_is_left_is_the_deadlines_rest_and_never_negative() -> None:
    attempts, clock = _attempts(10)
    clock.now_s += 4
    assert attempts.left_s == pytest.approx(6)
    clock.now_s += 10
    assert attempts.left_s == 0


@pytest.mark.parametrize("error", [AWAY, _limited(0.05)])
def test_a_pause_that_ends_after_the_deadline_is_none(error: Ended) -> None:
    attempts, clock = _attempts(10)
    clock.now_s += 9.95
    with pytest.raises(ReleaseError) as caught:
        attempts.wait_s(error)
    assert caught.value.__cause__ is error


def test_a_deadline_that_has_passed_is_not_tried_again_and_says_what_was_before() -> None:
    attempts, _ = _attempts(10, hint="look there")
    attempts.wait_s(Ended(grpc.StatusCode.UNAVAILABLE, "Socket closed"))
    with pytest.raises(ReleaseError) as caught:
        attempts.wait_s(Ended(grpc.StatusCode.DEADLINE_EXCEEDED, "late"))
    assert str(caught.value) == (
        "no answer from the server (DEADLINE_EXCEEDED: late); "
        "no answer from the server (UNAVAILABLE: Socket closed); "
        "look there; asking again with the same id is safe"
    )


def test_what_the_server_itself_explains_needs_no_hint() -> None:
    error = Ended(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    status = status_of_code(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    error.trailing = ending(Reply((), status))[2]
    attempts, _ = _attempts(0.01, hint="look there")
    with pytest.raises(ReleaseError, match=r"^Socket closed; asking again"):
        attempts.wait_s(error)


@pytest.mark.parametrize("details", [b"\xff", b"\x08\x05"])
def test_details_that_are_none_of_this_status_are_not_believed(details: bytes) -> None:
    error = Ended(grpc.StatusCode.UNAVAILABLE)
    error.trailing = (("grpc-status-details-bin", details),)
    attempts, _ = _attempts(0.01)
    with pytest.raises(ReleaseError, match="no answer from the server"):
        attempts.wait_s(error)
