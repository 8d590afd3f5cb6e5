"""The coordinator's settings: one TOML file, read once."""

from pathlib import Path

from pydantic import Field

from protocols.contracts.release import Scaling
from protocols.settings import FileSettings, read_settings


class CoordinatorSettings(FileSettings):
    """Where things are and how long to wait. Paths are relative to the settings file.

    Attributes:
        charter, contract: TOML files; the charter's signatures lie beside it.
        order_key, log_key: The coordinator's private keys.
        server_cert, server_key: TLS files of the public listener.
        log: The log's SQLite file.
        runs, releases: Folders.
        routing: Which release answers whom; the latest answers all while there is no such file.
        public_host, public_port: Where partners connect.
        connect_s: Longest wait for partners to connect.
        deadline_s: Longest wait for contributions to one attempt.
        run_epsilon_micro: What one run may cost each partner's borrowers, taken by itself.
        scaling: Points at the base odds, and points that double them.
    """

    charter: Path = Path("charter.toml")
    contract: Path = Path("contract.toml")
    order_key: Path = Path("keys/order.pem")
    log_key: Path = Path("keys/log.pem")
    server_cert: Path = Path("tls/server.crt")
    server_key: Path = Path("tls/server.key")
    log: Path = Path("log.sqlite")
    runs: Path = Path("runs")
    releases: Path = Path("releases")
    routing: Path = Path("routing.toml")
    public_host: str = "127.0.0.1"
    public_port: int = Field(default=0, ge=0, le=65_535)
    connect_s: float = Field(default=60.0, gt=0)
    deadline_s: float = Field(default=10.0, gt=0)
    run_epsilon_micro: int = Field(ge=10_000, le=50_000_000)
    scaling: Scaling = Scaling(base_points=600, base_odds=50, points_to_double=20)


def load_settings(path: Path) -> CoordinatorSettings:
    """Read the settings.

    Raises:
        ConfigError: The file is missing or breaks a rule; says where.
    """
    return read_settings(CoordinatorSettings, path)
