"""Progress of a backtest: a bar over applicants on a terminal, nothing elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class BacktestView:
    """Shows how far it is; use as a context manager."""

    def __init__(self, console: Console, *, rows: int | None) -> None:
        self._bar = Progress(
            TextColumn("deciding again"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} applicants"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=rows)

    def __enter__(self) -> "BacktestView":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, rows: int) -> None:
        """Show that so many applicants more are decided."""
        self._bar.advance(self._task, rows)
