"""``fedscore-server serve`` and ``issue-caller``: parse, call, print."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from protocols.contracts.charter import load_charter_model
from protocols.contracts.features import describe
from protocols.errors import ConfigError
from protocols.logs import log_to_stderr
from server.config import load_settings
from server.founding import SETTINGS_NAME

Config = Annotated[Path, typer.Option(help="The coordinator's settings.")]


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
    policy: Annotated[Path, typer.Option(help="The limit policy.")],
    config: Config = Path(SETTINGS_NAME),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port there.")] = 50051,
    access: Annotated[
        Path | None, typer.Option(help="Who may ask what, by the names in their certificates.")
    ] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="Who signs callers' certificates, in PEM.")
    ] = None,
    any_caller: Annotated[
        bool, typer.Option(help="Ask no certificate: whoever reaches the port may ask all.")
    ] = False,
    journal: Annotated[
        str,
        typer.Option(
            envvar="FEDSCORE_JOURNAL", help="The journal of decisions: a file, or a database's URL."
        ),
    ] = "journal.sqlite",
    core: Annotated[
        Literal["fast", "public"],
        typer.Option(help="fast, or public: gRPC's public interface alone."),
    ] = "fast",
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Let other processes listen there too.")
    ] = False,
) -> None:
    """Answer over gRPC with TLS, from releases that the log holds: those that ``route`` names."""
    from server.registry import Registry  # here: training does not need torch in this process
    from server.serving.main import ServingSettings
    from server.serving.main import serve as serve_releases
    from server.serving.releases import Releases

    settings = load_settings(config)
    try:
        asked = ServingSettings(
            host=host,
            port=port,
            journal=journal,
            policy_path=policy,
            certificate_path=settings.server_cert,
            key_path=settings.server_key,
            client_ca_path=client_ca,
            access_path=access,
            any_caller=any_caller,
            core=core,
            is_port_shared=share_port,
        )
    except ValidationError as err:
        raise ConfigError(f"serve: {describe(err)}") from err
    _, terms = load_charter_model(settings.charter)
    log_to_stderr()
    with closing(Releases(Registry(settings.releases, terms), settings.routing)) as releases:
        serve_releases(releases, asked)
