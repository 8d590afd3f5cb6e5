"""``fedscore-server serve`` and ``issue-caller``: parse, call, print."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from protocols.contracts.charter import load_charter_model
from protocols.logs import log_to_stderr
from server.config import load_settings
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


def issue_caller(
    name: Annotated[str, typer.Argument(help="DNS name of the caller, as in access.toml.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.crt and NAME.key.")],
    authority: Annotated[
        Path, typer.Option(help="Folder of the authority of callers; made where there is none.")
    ] = Path("callers"),
) -> None:
    """Make a certificate by which the server knows a caller, and at first who signs them."""
    from server.callers import issue

    certificate, key, ca = issue(name, out=out, authority=authority)
    typer.echo(f"{certificate} and {key}: give them to {name}. Serve with --client-ca {ca}.")


def serve(  # noqa: PLR0913, PLR0917  # one option each; typer makes a command of them
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
) -> None:
    """Answer over gRPC with TLS, from releases that the log holds: those that ``route`` names."""
    from server.registry import Registry  # here: training does not need torch in this process
    from server.serving.main import serve as serve_releases
    from server.serving.releases import Releases

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
    settings = load_settings(config)
    asked = options.settings(settings)
    _, terms = load_charter_model(settings.charter)
    log_to_stderr()
    with closing(Releases(Registry(settings.releases, terms), settings.routing)) as releases:
        serve_releases(releases, asked)
