"""``fedscore-server policy``: the group of commands that the backtest is one of."""

import typer

from server.backtest.commands import backtest

app = typer.Typer(help="What a limit policy would do.", no_args_is_help=True)


@app.callback()
def policy() -> None:
    """Make a group of commands, though there is one only."""


app.command()(backtest)
