"""``fedscore-server init-receipts`` and ``export-receipts``: parse, call, print."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.contracts.charter import load_charter_model
from server.config import load_settings
from server.founding import SETTINGS_NAME
from server.serving.options import JournalPlace


def init_receipts(
    folder: Annotated[Path, typer.Argument(help="New folder for the log and its key.")],
    config: Annotated[Path, typer.Option(help="The coordinator's settings.")] = Path(SETTINGS_NAME),
) -> None:
    """Begin a decision log, once for a journal; then: serve --receipts FOLDER."""
    from protocols.ledger.verifier import print_verifier  # here: few commands need these
    from server.receipts.folder import PUBLIC_NAME, ReceiptFolder

    charter, _ = load_charter_model(load_settings(config).charter)
    log = ReceiptFolder(folder).begin(f"{charter.federation}/decisions")
    typer.echo(print_verifier(log))
    typer.echo(
        f"Made {folder}. Give {folder / PUBLIC_NAME}, the line above, to auditors by a way of its "
        "own. Next: fedscore-server serve --receipts ..."
    )


def export_receipts(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    receipts: Annotated[Path, typer.Option(help="The decision log's folder.")],
    journal: JournalPlace = "journal.sqlite",
) -> None:
    """Check the decision log against the whole journal, and write it for auditors."""
    from server.journal.journal import open_journal  # here: few commands need these
    from server.receipts.exporting import export_decisions
    from server.receipts.folder import ReceiptFolder

    opened = open_journal(journal, may_create=False)
    try:
        count = export_decisions(ReceiptFolder(receipts), opened, out)
    finally:
        opened.close()
    typer.echo(f"Wrote {count} leaves. Check: fedscore-audit receipt FILE --key ... --log {out}")
