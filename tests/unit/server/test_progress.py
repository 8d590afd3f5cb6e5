"""What the operator of a run is shown."""

import io

import pytest
from rich.console import Console

from server.events import Event
from server.progress import ProgressView


def _shown(*events: Event, is_terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=200, color_system=None)
    with ProgressView(console) as view:
        for event in events:
            view.show(event)
    return file.getvalue()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"event": "listening", "address": "[::1]:1"}, "listening for partners at [::1]:1"),
        ({"event": "waiting", "partners": ["p0", "p1"], "rounds": 9}, "waiting for p0, p1"),
        ({"event": "not-connected", "reason": "p2 is late"}, "p2 is late"),
        ({"event": "authorised", "partners": ["p0"]}, "authorised by p0"),
        ({"event": "refused", "partner": "p1", "reason": "signature"}, "p1 refused: signature"),
        (
            {"event": "void", "round": 2, "attempt": 1, "missing": {"p1": "no-reply"}},
            "round 2, attempt 1 is void: p1 (no-reply)",
        ),
        (
            {"event": "void", "round": 2, "attempt": 1, "missing": {}, "fault": "gross-error"},
            "round 2, attempt 1 is void: gross-error",
        ),
        ({"event": "missing-noise", "round": 4}, "round 4: the sum holds less noise"),
        ({"event": "paused", "run": "r", "reason": "too few"}, "run r is paused: too few"),
        ({"event": "closed", "partners": []}, "closed by "),
        ({"event": "released", "digest": "ab"}, "released ab"),
        ({"event": "round", "round": 3, "query": "gradient", "seconds": 0.2}, "round 3 gradient"),
    ],
)
def test_every_event_is_a_line(event: Event, line: str) -> None:
    assert _shown(event).strip().startswith(line.strip())


def test_an_event_that_is_not_known_is_not_shown() -> None:
    assert _shown({"event": "news"}) == ""


def test_markup_in_a_reason_is_shown_as_it_is() -> None:
    assert "[bold]x" in _shown({"event": "not-connected", "reason": "[bold]x"})


def test_a_terminal_gets_a_bar_that_counts_rounds() -> None:
    rounds: list[Event] = [
        {"event": "round", "round": number, "query": "gradient", "seconds": 0.1}
        for number in (1, 2)
    ]
    text = _shown({"event": "waiting", "partners": ["p0"], "rounds": 3}, *rounds, is_terminal=True)
    assert "2/3" in text
