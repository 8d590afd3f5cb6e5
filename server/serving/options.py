"""The options of ``serve``, which ``doctor`` takes too, and the settings that they make."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError

from protocols.contracts.features import describe
from protocols.errors import ConfigError
from server.config import CoordinatorSettings

if TYPE_CHECKING:
    from server.serving.main import ServingSettings

Config = Annotated[Path, typer.Option(help="The coordinator's settings.")]
PolicyBook = Annotated[
    Path,
    typer.Option(
        "--policies",
        envvar="FEDSCORE_POLICIES",
        help="The policy book's folder; it is followed.",
    ),
]
ChallengerPolicy = Annotated[
    Path | None, typer.Option(help="Another policy, which decides along and never answers.")
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port there.")]
AccessFile = Annotated[
    Path | None, typer.Option(help="Who may ask what, by the names in their certificates.")
]
ClientCa = Annotated[Path | None, typer.Option(help="Who signs callers' certificates, in PEM.")]
AnyCaller = Annotated[
    bool, typer.Option(help="Ask no certificate: whoever reaches the port may ask all.")
]
JournalPlace = Annotated[
    str,
    typer.Option(
        envvar="FEDSCORE_JOURNAL", help="The journal of decisions: a file, or a database's URL."
    ),
]
CoreName = Annotated[
    Literal["fast", "public"], typer.Option(help="fast, or public: gRPC's public interface alone.")
]
SharePort = Annotated[
    bool, typer.Option("--share-port", help="Let other processes listen there too.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(help="Show metrics to Prometheus there, each process its own."),
]
MetricsHost = Annotated[str, typer.Option(help="Address for metrics; they go in plain text.")]
TraceTo = Annotated[
    str | None, typer.Option(help="Send traces there by OTLP: http(s)://HOST:4317.")
]
ReceiptsFolder = Annotated[
    Path | None,
    typer.Option("--receipts", help="The decision log's folder: callers may get receipts."),
]


@dataclass(frozen=True)
class ServeOptions:
    """What ``serve`` was told; see the options above."""

    policies: Path
    host: str
    port: int
    access: Path | None
    client_ca: Path | None
    any_caller: bool
    journal: str
    core: Literal["fast", "public"]
    share_port: bool
    metrics_port: int | None
    metrics_host: str
    trace_to: str | None
    receipts: Path | None
    challenger_policy: Path | None

    def settings(self, coordinator: CoordinatorSettings) -> "ServingSettings":
        """Return the settings of a server with the coordinator's certificate.

        Raises:
            ConfigError: The options do not fit one another.
        """
        from server.serving.main import ServingSettings  # here: it loads torch

        try:
            return ServingSettings(
                host=self.host,
                port=self.port,
                journal=self.journal,
                policies_path=self.policies,
                certificate_path=coordinator.server_cert,
                key_path=coordinator.server_key,
                client_ca_path=self.client_ca,
                access_path=self.access,
                any_caller=self.any_caller,
                core=self.core,
                is_port_shared=self.share_port,
                metrics_host=self.metrics_host,
                metrics_port=self.metrics_port,
                trace_to=self.trace_to,
                receipts=self.receipts,
                challenger_policy_path=self.challenger_policy,
            )
        except ValidationError as err:
            raise ConfigError(f"serve: {describe(err).removeprefix('table: ')}") from err
