"""``fedscore-server journal``: verify, export, prune and take over; parse, call, print."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.console import Still
from protocols.errors import ConfigError

if TYPE_CHECKING:  # loaded when a command needs them, which few of the coordinator's do
    from server.journal.journal import Journal
    from server.journal.walk import Show

app = typer.Typer(
    help="Look after the journal of answers: check it, copy it out, delete what is too old.",
    no_args_is_help=True,
)

_PATIENCE_S = 60.0  # no caller waits for these commands

Where = Annotated[
    str,
    typer.Option(
        "--journal",
        envvar="FEDSCORE_JOURNAL",
        help="A file, or postgresql+psycopg://... (better in the environment: it has a password).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def verify(journal: Where = "journal.sqlite", as_json: AsJson = False) -> None:
    """Check every record and the chain over them, also while servers write it."""
    with _opened(journal) as opened:
        count = opened.verify(show=_progress("verify"))
    _say(as_json, f"{count} records, and the chain is whole.", records=count)


@app.command()
def export(
    path: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    journal: Where = "journal.sqlite",
    as_json: AsJson = False,
) -> None:
    """Write all records, checked, to a Parquet file."""
    with _opened(journal) as opened:
        count = opened.export(path, show=_progress("export"))
    _say(as_json, f"Wrote {count} records to {path}.", records=count)


@app.command()
def prune(
    older_than_days: Annotated[int, typer.Option(help="Keep what is younger.", min=1)],
    journal: Where = "journal.sqlite",
    as_json: AsJson = False,
) -> None:
    """Delete the answers that are older; their keys stay taken and the chain stays whole."""
    try:
        before = datetime.now(UTC) - timedelta(days=older_than_days)
    except OverflowError as err:
        raise ConfigError("--older-than-days: before the calendar begins") from err
    with _opened(journal) as opened:
        count = opened.prune(before=before, show=_progress("prune"))
    said = f"Deleted {count} answers given before {before:%Y-%m-%d %H:%M} UTC."
    _say(as_json, said, answers=count, before=before.isoformat())


@app.command("import")
def import_command(
    old: Annotated[Path, typer.Argument(help="A journal file of version 1 (fedscore 0.1).")],
    tenant: Annotated[str, typer.Option(help="Whose answers they are, as in access.toml.")],
    journal: Where = "journal.sqlite",
    as_json: AsJson = False,
) -> None:
    """Take over a journal of version 1 into a new one; stop the server first."""
    from server.journal.version_1 import import_version_1  # here: see above

    with _opened(journal, may_create=True) as opened:
        at = datetime.now(UTC)
        count = import_version_1(old, opened, tenant=tenant, at=at, show=_progress("import"))
    said = f"Took over {count} records. Keep {old.name}: it holds the old chain."
    _say(as_json, said, records=count)


@contextmanager
def _opened(where: str, *, may_create: bool = False) -> "Iterator[Journal]":
    from server.journal.journal import open_journal  # here: see above

    journal = open_journal(where, may_create=may_create, patience_s=_PATIENCE_S)
    try:
        yield journal
    finally:
        journal.close()


def _progress(what: str) -> "Show":
    still = Still(what)
    return lambda done, last: still.at(f"{done} of {last} records")


def _say(as_json: bool, text: str, **facts: object) -> None:
    typer.echo(json.dumps(facts) if as_json else text)
