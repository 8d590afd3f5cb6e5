"""What a rehearsal compares, and what it refuses to judge."""

from pathlib import Path

import pytest

from protocols.errors import ContractError, DataError
from server.rehearsal import NO_PARTY_SEES_THIS, Comparison, rehearsal_text, rehearse
from tests.simulator import CONTRACT, write_loans


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("rehearsal")
    write_loans(folder / "loans.parquet", borrowers=900, seed=1)
    (folder / "contract.toml").write_text(CONTRACT)
    return folder / "loans.parquet", folder / "contract.toml"


@pytest.fixture(scope="module")
def result(files: tuple[Path, Path]) -> Comparison:
    return rehearse(*files, partners=2, epsilon_micro=2_000_000)


def test_a_comparison_says_that_no_party_sees_it(result: Comparison) -> None:
    assert result["label"] == NO_PARTY_SEES_THIS
    assert NO_PARTY_SEES_THIS in rehearsal_text(result)


def test_a_comparison_counts_every_borrower(result: Comparison) -> None:
    borrowers = result["borrowers"]
    assert isinstance(borrowers, dict)
    assert list(borrowers) == ["part-1", "part-2"]
    assert sum(borrowers.values()) == 900
    assert borrowers["part-1"] < borrowers["part-2"]


def test_the_table_has_a_row_for_everything_compared(result: Comparison) -> None:
    lines = rehearsal_text(result).splitlines()[2:]
    starts = ["federated, private", "part-1 alone", "part-2 alone", "all data pooled"]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.strip().startswith(start)


def test_pooling_finds_what_the_data_were_made_with(result: Comparison) -> None:
    pooled = result["pooled_without_privacy"]
    assert isinstance(pooled, dict)
    assert pooled["value"] > 0.7


def test_a_table_that_is_too_small_is_not_judged(files: tuple[Path, Path], tmp_path: Path) -> None:
    write_loans(tmp_path / "few.parquet", borrowers=2, seed=1)
    with pytest.raises(DataError, match="too few borrowers"):
        rehearse(tmp_path / "few.parquet", files[1], partners=5, epsilon_micro=2_000_000)


def test_a_contract_that_is_none_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "contract.toml").write_text("schema = 1")
    with pytest.raises(ContractError):
        rehearse(files[0], tmp_path / "contract.toml", partners=2, epsilon_micro=2_000_000)
