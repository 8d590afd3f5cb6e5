"""Progress of scoring: a bar on a terminal, plain lines elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server.batch.work import Done, Outcome


class ScoringView:
    """Shows how far it is; use as a context manager."""

    def __init__(self, console: Console, *, files: int) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("scoring"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files, {task.fields[rows]:,} rows"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._rows = 0
        self._ahead = 0  # rows of files that are not finished
        self._task = self._bar.add_task("", total=files, rows=0)

    def __enter__(self) -> "ScoringView":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, rows: int) -> None:
        """Show that some more rows of a file are scored."""
        self._ahead += rows
        self._bar.update(self._task, rows=self._rows + self._ahead)

    def show(self, outcome: Outcome) -> None:
        """Show that a file is finished, or why it will not be."""
        self._ahead = 0
        if isinstance(outcome, Done):
            self._rows += outcome.rows
            said = f"{outcome.source.name}: {outcome.rows:,} rows"
        else:
            said = f"not scored: {outcome.reason}"
        self._bar.update(self._task, advance=1, rows=self._rows)
        if not (self._console.is_terminal and isinstance(outcome, Done)):
            self._console.print(said, highlight=False, markup=False, soft_wrap=True)
