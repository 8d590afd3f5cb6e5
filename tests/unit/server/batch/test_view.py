"""What is shown while files are scored."""

import io
from pathlib import Path

from rich.console import Console

from server.batch.sources import Source
from server.batch.view import ScoringView
from server.batch.work import Done, Failed

ONE = Source(Path("a.parquet"), "a.parquet", 1, 1)
OUTCOMES = (Done(ONE, 1_234_567, 1, ""), Failed(ONE, "[b].csv: no such file"))


def _shown(*, is_terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=200, color_system=None)
    with ScoringView(console, files=2) as view:
        view.advance(1_000_000)
        for outcome in OUTCOMES:
            view.show(outcome)
    return file.getvalue()


def test_without_a_terminal_every_file_is_a_line() -> None:
    assert _shown(is_terminal=False).splitlines() == [
        "a.parquet: 1,234,567 rows",
        "not scored: [b].csv: no such file",
    ]


def test_on_a_terminal_there_is_a_bar_and_what_went_wrong() -> None:
    shown = _shown(is_terminal=True)
    assert "not scored: [b].csv" in shown
    assert "2/2 files, 1,234,567 rows" in shown
    assert "a.parquet: 1" not in shown
