"""The coordinator's settings: strict, safe by default, paths from where the file lies."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError
from server.config import load_settings

LEAST = "run_epsilon_micro = 2000000\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "server.toml"
    path.write_text(LEAST)
    return path


def test_defaults_listen_on_this_machine_alone(file: Path) -> None:
    settings = load_settings(file)
    assert (settings.public_host, settings.public_port) == ("127.0.0.1", 0)


def test_paths_are_relative_to_the_file(file: Path) -> None:
    settings = load_settings(file)
    paths = [value for _, value in settings if isinstance(value, Path)]
    assert paths
    assert all(path.is_absolute() and path.is_relative_to(file.parent) for path in paths)


def test_an_absolute_path_stays(file: Path) -> None:
    file.write_text(LEAST + 'log = "/elsewhere/log.sqlite"\n')
    assert load_settings(file).log == Path("/elsewhere/log.sqlite")


def test_a_file_that_is_elsewhere_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.toml: not found; say with --config where"):
        load_settings(tmp_path / "server.toml")


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDSCORE_PUBLIC_PORT", "9000")
    file.write_text(LEAST + "public_port = 8700\n")
    settings = load_settings(file)
    assert settings.public_port == 9000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run_epsilon_micro = 0",
        "run_epsilon_micro = 50000001",
        'run_epsilon_micro = "many"',
        LEAST + "wish = 1",
        LEAST + "public_port = 65536",
        LEAST + "public_port = -1",
        LEAST + "deadline_s = 0",
        LEAST + "connect_s = -1.0",
        LEAST + "[scaling]\nbase_points = 0",
        "run_epsilon_micro =",
        "\x00",
    ],
)
def test_settings_that_break_a_rule_are_refused(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"server\.toml"):
        load_settings(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.toml"):
        load_settings(tmp_path / "server.toml")
