"""``fedscore-server doctor``: parse, look, say what is wrong and what to do next."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from server.founding import SETTINGS_NAME
from server.serving.options import (
    AccessFile,
    AnyCaller,
    ChallengerPolicy,
    ClientCa,
    Config,
    CoreName,
    Host,
    JournalPlace,
    MetricsHost,
    MetricsPort,
    PolicyBook,
    Port,
    ReceiptsFolder,
    ServeOptions,
    SharePort,
    TraceTo,
)


def doctor(  # noqa: PLR0913, PLR0917  # the options of `serve`, and three more
    config: Config = Path(SETTINGS_NAME),
    policies: PolicyBook = Path("policies"),
    host: Host = "127.0.0.1",
    port: Port = 50051,
    access: AccessFile = None,
    client_ca: ClientCa = None,
    any_caller: AnyCaller = False,
    journal: JournalPlace = "journal.sqlite",
    core: CoreName = "fast",
    share_port: SharePort = False,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
    trace_to: TraceTo = None,
    receipts: ReceiptsFolder = None,
    challenger_policy: ChallengerPolicy = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Of a caller, to ask a running server how it is.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what would keep `serve` with these options from serving; run it as the same user."""
    from server.doctor.checks import CHECKS  # here: other commands need none of these
    from server.doctor.report import Installation, examine, report_text

    options = ServeOptions(
        policies,
        host,
        port,
        access,
        client_ca,
        any_caller,
        journal,
        core,
        share_port,
        metrics_port,
        metrics_host,
        trace_to,
        receipts,
        challenger_policy,
    )
    asked = Installation(config, options, datetime.now(UTC), certificate, key)
    findings = examine(asked, CHECKS)
    said = json.dumps([asdict(item) for item in findings]) if as_json else report_text(findings)
    typer.echo(said)
    if not all(item.is_ok for item in findings):
        raise typer.Exit(1)
