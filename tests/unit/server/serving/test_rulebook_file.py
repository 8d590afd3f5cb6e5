"""A policy file is read with the profile that it names, or refused by name."""

from pathlib import Path

import pytest

from protocols.errors import ContractError
from server.serving.rulebook_file import read_rulebook
from tests.unit.server.serving.world import POLICY_TOML, make_policy


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_policy_comes_with_its_profile(tmp_path: Path) -> None:
    found = read_rulebook(_written(tmp_path, POLICY_TOML), currency="USD")
    assert found.policy == make_policy()
    assert found.profile.name == "us"


def test_another_currency_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"^policy\.toml: currency must be EUR, as in"):
        read_rulebook(_written(tmp_path, POLICY_TOML), currency="EUR")


def test_a_profile_that_there_is_not_is_refused(tmp_path: Path) -> None:
    moon = POLICY_TOML.replace('profile = "us"', 'profile = "moon"')
    with pytest.raises(ContractError, match=r"^policy\.toml: profile: there is none"):
        read_rulebook(_written(tmp_path, moon))
