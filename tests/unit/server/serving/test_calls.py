"""What stands between a desk and both cores, without a network."""

import logging
from collections.abc import Sequence

import pytest

from server.serving.calls import INTERNAL, LATE, Call, Peer, Reply, ask, close, peer_of


class Desk:
    methods = frozenset({"/Echo"})
    streams: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.drains, self.asked = 0, list[bytes]()

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        self.drains += 1
        self.asked += [call.body for call in calls]
        return [Reply((call.body,)) for call in calls]


def _call(body: bytes, deadline_s: float | None = None) -> Call:
    return Call("/Echo", body, Peer(()), (), deadline_s)


def test_a_call_past_its_deadline_is_not_shown_to_the_desk_and_the_others_keep_their_answers() -> (
    None
):
    desk = Desk()
    calls = [_call(b"a"), _call(b"late", -0.1), _call(b"b", 0.1), _call(b"now", 0.0), _call(b"c")]
    assert ask(desk, calls) == [Reply((b"a",)), LATE, Reply((b"b",)), LATE, Reply((b"c",))]
    assert desk.asked == [b"a", b"b", b"c"]


@pytest.mark.parametrize("calls", [[], [_call(b"late", 0.0)]])
def test_a_desk_is_not_asked_nothing(calls: list[Call]) -> None:
    desk = Desk()
    assert list(ask(desk, calls)) == [LATE] * len(calls)
    assert desk.drains == 0


def test_a_desk_that_fails_costs_those_it_was_asked_about_only() -> None:
    class Broken(Desk):
        def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
            raise ValueError

    assert ask(Broken(), [_call(b"a"), _call(b"late", 0.0)]) == [INTERNAL, LATE]


def test_names_come_before_uris_and_one_that_is_no_text_matches_none() -> None:
    assert peer_of([b"a.example", b"\xff"], [b"spiffe://a"]).names == (
        "a.example",
        "\\xff",
        "spiffe://a",
    )


def test_a_stream_that_cannot_even_be_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck:
        def __iter__(self) -> "Stuck":
            return self

        def __next__(self) -> bytes:
            return b""

        def close(self) -> None:
            raise ValueError("a secret")

    close(iter([b"no close here"]))
    assert not caplog.records
    close(Stuck())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "secret" not in caplog.text
