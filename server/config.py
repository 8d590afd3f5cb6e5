"""The coordinator's settings: one TOML file, read once."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from protocols.contracts.features import describe, read_toml
from protocols.contracts.release import Scaling
from protocols.errors import ConfigError, ContractError


class CoordinatorSettings(BaseSettings):
    """Where things are and how long to wait. Paths are relative to the settings file.

    Attributes:
        charter, contract: TOML files; the charter's signatures lie beside it.
        order_key, log_key: The coordinator's private keys.
        server_cert, server_key: TLS files of the public listener.
        log: The log's SQLite file.
        runs, releases: Folders.
        public_host, public_port: Where partners connect.
        connect_s: Longest wait for partners to connect.
        deadline_s: Longest wait for contributions to one attempt.
        run_epsilon_micro: What one run may cost each partner's borrowers, taken by itself.
        scaling: Points at the base odds, and points that double them.
    """

    model_config = SettingsConfigDict(
        env_prefix="FEDSCORE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    charter: Path = Path("charter.toml")
    contract: Path = Path("contract.toml")
    order_key: Path = Path("keys/order.pem")
    log_key: Path = Path("keys/log.pem")
    server_cert: Path = Path("tls/server.crt")
    server_key: Path = Path("tls/server.key")
    log: Path = Path("log.sqlite")
    runs: Path = Path("runs")
    releases: Path = Path("releases")
    public_host: str = "127.0.0.1"
    public_port: int = Field(default=0, ge=0, le=65_535)
    connect_s: float = Field(default=60.0, gt=0)
    deadline_s: float = Field(default=10.0, gt=0)
    run_epsilon_micro: int = Field(ge=10_000, le=50_000_000)
    scaling: Scaling = Scaling(base_points=600, base_odds=50, points_to_double=20)

    @classmethod
    def settings_customise_sources(  # the environment wins over the file
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment first, then the file."""
        return env_settings, init_settings

    def beside(self, settings_file: Path) -> "CoordinatorSettings":
        """Return the settings with every path made absolute, from the settings file's folder."""
        folder = settings_file.absolute().parent
        paths = {name: folder / value for name, value in self if isinstance(value, Path)}
        return self.model_copy(update=paths)


def load_settings(path: Path) -> CoordinatorSettings:
    """Read the settings.

    Raises:
        ConfigError: The file is missing or breaks a rule; says where.
    """
    try:
        return CoordinatorSettings(**read_toml(path)).beside(path)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as err:
        raise ConfigError(f"{path.name}: {describe(err)}") from err
    except ContractError as err:
        raise ConfigError(str(err)) from err
