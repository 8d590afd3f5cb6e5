"""``fedscore-server init-receipts``: begin a decision log; parse, call, print."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.contracts.charter import load_charter_model
from server.config import load_settings
from server.founding import SETTINGS_NAME


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
