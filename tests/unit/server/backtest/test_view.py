"""What is shown while applicants are decided again."""

import io

from rich.console import Console

from server.backtest.view import BacktestView


def _shown(*, is_terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=200, color_system=None)
    with BacktestView(console, rows=9_000) as view:
        view.advance(4_096)
    return file.getvalue()


def test_a_terminal_shows_how_far_it_is_and_anything_else_nothing() -> None:
    assert "4,096 applicants" in _shown(is_terminal=True)
    assert _shown(is_terminal=False).strip() == ""
