"""``fedscore-server policy backtest`` and ``challenge-report``: parse, compare, print."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.contracts.charter import load_charter_model
from protocols.errors import ConfigError, ContractError
from server.config import load_settings

if TYPE_CHECKING:  # other commands need none of these
    from model.artifacts import Release

_LATEST = "latest"


def backtest(  # noqa: PLR0913, PLR0917  # one option each; typer makes a command of them
    policy: Annotated[Path, typer.Option(help="A: the policy on trial, in TOML.")],
    against: Annotated[Path, typer.Option(help="B: the policy that it is compared with.")],
    data: Annotated[Path, typer.Option(help="Past applicants: .parquet or .csv, or a folder.")],
    out: Annotated[Path | None, typer.Option(help="Write a page with plots: NAME.html.")] = None,
    release: Annotated[str, typer.Option(help="Digest, or latest.")] = _LATEST,
    on: Annotated[
        str | None, typer.Option(help="The day of decision, where the data do not say it.")
    ] = None,
    requested_minor: Annotated[
        int | None, typer.Option(help="What was asked for, where the data do not say it.")
    ] = None,
    config: Annotated[Path, typer.Option(help="The coordinator's settings.")] = Path("server.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Decide past applicants again by two policies, and say what would differ."""
    from rich.console import Console  # here: other commands need none of these

    from server.backtest.columns import Supposed
    from server.backtest.figures import report_of
    from server.backtest.page import check_page_name, write_page
    from server.backtest.printed import backtest_json, backtest_text
    from server.backtest.run import backtest as run_backtest
    from server.backtest.view import BacktestView
    from server.serving.rulebook_file import read_rulebook

    if out is not None:
        check_page_name(out)
    supposed = Supposed(requested_minor, _day(on))
    rulebooks = (read_rulebook(policy), read_rulebook(against))
    opened = open_release(config, release)
    console = Console(stderr=True)
    tried = run_backtest(
        data,
        opened,
        rulebooks,
        supposed,
        make_view=lambda rows: BacktestView(console, rows=rows),
    )
    report = report_of(tried.comparison, tried.a.policy, tried.b.policy)
    if out is not None:
        write_page(tried, report, out)
    typer.echo(backtest_json(tried, report) if as_json else backtest_text(tried, report))
    if not report.total.count:
        raise ContractError("no applicant was decided by both policies")


def challenge_report(
    export: Annotated[Path, typer.Argument(help="What journal export wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say how often a challenger policy decided otherwise than what was answered."""
    from server.backtest.challenge import challenge_facts, challenge_text, challenges

    found = challenges(export)
    if as_json:
        typer.echo(json.dumps([challenge_facts(*item) for item in found.items()], indent=2))
    elif found:
        typer.echo("\n\n".join(challenge_text(*item) for item in found.items()))
    else:
        typer.echo("No question was answered and decided by a challenger policy too.")


def open_release(config: Path, name: str) -> "Release":
    """Return a release by digest, or the latest, once the log is shown to hold it."""
    from server.registry import Registry  # here: see above

    settings = load_settings(config)
    _, terms = load_charter_model(settings.charter)
    return Registry(settings.releases, terms).open(None if name == _LATEST else name)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as err:
        raise ConfigError("--on: expected a day, as 2026-11-20") from err
