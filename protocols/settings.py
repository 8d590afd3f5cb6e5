"""Settings of a process: one TOML file, read once, paths relative to it; the environment wins."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from protocols.contracts.features import describe, read_toml
from protocols.errors import ConfigError, ContractError


class FileSettings(BaseSettings):
    """Frozen settings; unknown keys are errors."""

    model_config = SettingsConfigDict(
        env_prefix="FEDSCORE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment first, then the file."""
        return env_settings, init_settings


Kind = TypeVar("Kind", bound=FileSettings)


def read_settings(kind: type[Kind], path: Path) -> Kind:
    """Read settings, with every path made absolute from the file's folder.

    Raises:
        ConfigError: The file is missing or breaks a rule; says where.
    """
    if not path.exists():
        raise ConfigError(f"{path.name}: not found; say with --config where it is")
    try:
        settings = kind(**read_toml(path))  # type: ignore[arg-type]  # pydantic checks
    except ValidationError as err:
        raise ConfigError(f"{path.name}: {describe(err)}") from err
    except ContractError as err:
        raise ConfigError(str(err)) from err
    folder = path.absolute().parent
    paths = {name: folder / value for name, value in settings if isinstance(value, Path)}
    return settings.model_copy(update=paths)
