"""A node does not open unless everything it rests on is there and belongs together."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.partner.keys import create_partner_keys
from clients.partner.startup import open_node
from protocols.errors import (
    CapacityError,
    ConfigError,
    ContractError,
    MissingColumnError,
    PrivacyError,
    ScoringError,
    SignatureError,
    UnreadableDataError,
)
from tests.simulator import World, write_loans


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _other_keys(world: World) -> None:
    shutil.rmtree(world.folder / "p0" / "keys")
    create_partner_keys(world.folder / "p0" / "keys")


def _cut_data(world: World) -> None:
    path = world.folder / "p0" / "loans.parquet"
    path.write_bytes(path.read_bytes()[:-9])


WRONG: dict[str, tuple[Callable[[World], object], type[ScoringError], str]] = {
    "no charter": (
        lambda world: (world.server / "charter.toml").unlink(),
        ContractError,
        "charter.toml: cannot be read",
    ),
    "a contract that was edited": (
        lambda world: _edit(world.server / "contract.toml", '"10000"', '"9000"'),
        ContractError,
        "contract.toml: not the feature contract that the charter names",
    ),
    "a charter edited after it was signed": (
        lambda world: _edit(world.server / "charter.toml", "most_rounds = ", "most_rounds = 1"),
        SignatureError,
        "",
    ),
    "keys of somebody else": (
        _other_keys,
        ConfigError,
        "the identity key is not the one the charter names",
    ),
    "no keys": (
        lambda world: shutil.rmtree(world.folder / "p0" / "keys"),
        ConfigError,
        "holdout.key: cannot be read",
    ),
    "no data": (
        lambda world: (world.folder / "p0" / "loans.parquet").unlink(),
        UnreadableDataError,
        "loans.parquet: no such file",
    ),
    "truncated data": (_cut_data, UnreadableDataError, "loans.parquet: truncated"),
    "more borrowers than capacity": (
        lambda world: write_loans(world.folder / "p0" / "loans.parquet", borrowers=31, seed=1),
        CapacityError,
        "more borrowers than the charter's capacity of 30",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_node_that_does_not_fit_does_not_open_and_makes_no_book(name: str, world: World) -> None:
    break_it, error, expected = WRONG[name]
    break_it(world)
    settings = world.settings("p0")
    with pytest.raises(ScoringError) as raised:
        open_node(settings)
    assert isinstance(raised.value, error)
    assert expected in str(raised.value)
    assert not settings.book.exists()


def test_a_file_without_the_columns_is_refused(world: World) -> None:
    data = world.folder / "p0" / "loans.csv"
    data.write_text("borrower,outcome\nx,bad\n")
    settings = world.settings("p0").model_copy(update={"data": data})
    with pytest.raises(MissingColumnError, match=r"loans\.csv: no column named income, usage"):
        open_node(settings)


def test_a_charter_without_signatures_is_refused(world: World) -> None:
    (path,) = [path for path in world.server.iterdir() if path.name.endswith("signatures.json")]
    path.unlink()
    with pytest.raises(ConfigError, match="every party must sign it"):
        open_node(world.settings("p0"))


def test_a_stranger_to_the_charter_is_refused(world: World) -> None:
    shutil.copytree(world.folder / "p0", world.folder / "p9")
    with pytest.raises(ContractError, match="names no such partner"):
        open_node(world.settings("p9"))


def test_other_code_than_the_charters_does_not_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.partner.startup.code_digest", lambda: "0" * 64)  # the fault
    with pytest.raises(PrivacyError, match="not the code the charter names"):
        open_node(world.settings("p0"))


def test_a_node_that_fits_opens_with_the_stricter_policy(world: World) -> None:
    settings = world.settings("p0")
    policy = settings.policy.model_copy(update={"released_cap_micro": 5})
    node = open_node(settings.model_copy(update={"policy": policy}))
    assert node.terms.released_cap_micro == 5
    assert node.borrowers.reveal().count == 30
    assert settings.book.exists()
