"""A partner's settings are read once, strictly, and its own policy is never looser."""

import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from clients.partner.config import OwnPolicy, load_partner_settings
from clients.partner.startup import load_signed_charter
from model.queries.answer import MOST_ENTRIES
from protocols.contracts.features import contract_from_table
from protocols.errors import ConfigError
from tests.simulator import CONTRACT, World

WHOLE = 'name = "p0"\ncoordinator = "example.org:8700"\ndata = "loans.csv"\n'


def _settings(folder: Path, text: str) -> Path:
    path = folder / "partner.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file_and_not_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _settings(tmp_path, WHOLE + 'keys = "/etc/keys"\n')
    monkeypatch.chdir("/")
    settings = load_partner_settings(path)
    assert settings.data == tmp_path / "loans.csv"
    assert settings.charter == tmp_path / "charter.toml"
    assert settings.keys == Path("/etc/keys")


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDSCORE_DATA", "other.parquet")
    monkeypatch.setenv("FEDSCORE_POLICY__RELEASED_CAP_MICRO", "7")
    settings = load_partner_settings(_settings(tmp_path, WHOLE))
    assert settings.data == tmp_path / "other.parquet"
    assert settings.policy.released_cap_micro == 7


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (WHOLE.replace('name = "p0"\n', ""), "name"),
        (WHOLE.replace("p0", "p 0"), "name"),
        (WHOLE.replace(":8700", ""), "coordinator"),
        (WHOLE.replace("loans.csv", "") + 'colour = "red"\n', "colour"),
        (WHOLE + "[policy]\nreleased_cap_micro = 0\n", "policy.released_cap_micro"),
        (WHOLE + '[policy]\nminimum_noise_multiplier = "0"\n', "policy.minimum_noise_multiplier"),
        (WHOLE + "[policy]\nminimum_noise = 1\n", "policy.minimum_noise"),
    ],
)
def test_a_broken_setting_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=rf"^partner\.toml: .*{place}: "):
        load_partner_settings(_settings(tmp_path, text))


def test_no_file_and_no_toml_are_settings_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.toml: not found; say with --config"):
        load_partner_settings(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match=r"^partner\.toml: not TOML in UTF-8"):
        load_partner_settings(_settings(tmp_path, "name = "))


def test_of_two_limits_the_stricter_holds(founded: World) -> None:
    _, terms = load_signed_charter(founded.settings("p0"))
    assert OwnPolicy().stricter(terms) == terms
    loose = OwnPolicy(
        released_cap_micro=50_000_000,
        worst_cap_micro=50_000_000,
        minimum_noise_multiplier="0.000001",
    )
    assert loose.stricter(terms) == terms
    strict = OwnPolicy(
        released_cap_micro=1, worst_cap_micro=2, minimum_noise_multiplier="12345.5"
    ).stricter(terms)
    assert (strict.released_cap_micro, strict.worst_cap_micro) == (1, 2)
    assert strict.minimum_noise == Fraction("12345.5")


def test_a_policy_that_is_no_number_does_not_parse() -> None:
    for wrong in ("1e3", "-1", "NaN", ""):
        with pytest.raises(ValidationError):
            OwnPolicy(minimum_noise_multiplier=wrong)


def test_memory_bounds_the_rows_that_are_read_and_the_entries_of_a_pass(founded: World) -> None:
    usual = founded.settings("p0")
    little = usual.model_copy(update={"memory_mib": 32})
    contract = contract_from_table(tomllib.loads(CONTRACT), where="test")
    assert usual.rows_at_once(contract) > 7 * little.rows_at_once(contract) > 0
    assert little.most_entries < usual.most_entries == MOST_ENTRIES
    assert little.most_entries * 8 * 5 <= 32 * 2**20
