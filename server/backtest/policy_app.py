"""``fedscore-server policy``: what a policy would do, by past applicants or beside another."""

import typer

from server.backtest.commands import backtest, challenge_report

app = typer.Typer(help="Say what a limit policy would do.", no_args_is_help=True)


app.command()(backtest)
app.command("challenge-report")(challenge_report)
