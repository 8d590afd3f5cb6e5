"""One entry is shown to somebody who has the charter, and nothing else of the log."""

from pathlib import Path

import pytest

from clients.auditor.cli import main
from tests.adversarial.ledger.honest import (
    GRADIENT,
    PARTNERS,
    World,
    charter_toml,
    renewed,
    trained,
)

_WORLD = trained()


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return _write(_WORLD, tmp_path)


def _write(world: World, folder: Path) -> Path:
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    world.write(folder / "log")
    return folder


def _prove(case: Path, entry: int) -> int:
    words = ["prove", str(case / "log"), "--charter", str(case / "charter.toml")]
    return main([*words, "--entry", str(entry), "--out", str(case / "one.tlog-proof")])


def _check(case: Path) -> int:
    charter = str(case / "charter.toml")
    return main(["check-proof", str(case / "one.tlog-proof"), "--charter", charter])


def test_every_entry_can_be_shown_alone(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for entry in range(len(_WORLD.leaves)):
        assert _prove(case, entry) == 0
        capsys.readouterr()
        assert _check(case) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"entry    {entry} of test/log, application/vnd.fedscore.")
        assert f"saw it among {len(_WORLD.leaves)} entries" in said


def test_a_spend_says_by_whom_it_is_and_what_it_cost(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _prove(case, 8) == 0
    capsys.readouterr()
    _check(case)
    said = capsys.readouterr().out
    assert "fedscore.spend+json" in said
    assert "signed   by north\n" in said
    assert '"released_micro"' in said


def test_every_changed_byte_of_a_proof_shows(case: Path) -> None:
    assert _prove(case, 8) == 0
    file = case / "one.tlog-proof"
    raw = file.read_bytes()
    end = raw.index("— test/log".encode())  # cosignatures of others than a quorum may be lost
    for place in range(0, end, 41):
        bent = bytes([raw[place] ^ 1])
        file.write_bytes(raw[:place] + bent + raw[place + 1 :])
        assert _check(case) == 1, f"byte {place}"


def test_what_no_quorum_has_seen_is_not_shown(tmp_path: Path) -> None:
    world = trained()
    seen = len(world.leaves)
    world.order("run-3", (1, 1), GRADIENT, PARTNERS)
    case = _write(world, tmp_path)
    assert _prove(case, seen) == 2
    assert _prove(case, -1) == 2
    assert _prove(case, seen - 1) == 0
    (case / "log" / "witnessed").unlink()
    assert _prove(case, 1) == 1


def test_an_entry_under_an_earlier_charter_is_shown_with_that_charter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = renewed()
    case = _write(world, tmp_path)
    earlier = tmp_path / "earlier.toml"
    earlier.write_text(charter_toml(_WORLD.table), encoding="utf-8")
    proof, charter = case / "one.tlog-proof", case / "charter.toml"
    for entry in (0, 8, len(_WORLD.leaves), len(world.leaves) - 1):
        words = ["--charter", str(charter), "--earlier", str(earlier)]
        place = ["--entry", str(entry), "--out", str(proof)]
        assert main(["prove", str(case / "log"), *words, *place]) == 0
        assert main(["check-proof", str(proof), *words]) == 0
        alone = main(["check-proof", str(proof), "--charter", str(charter)])
        assert alone == (1 if entry < len(_WORLD.leaves) else 0)
    assert "which is not one of this log's" in capsys.readouterr().err


def test_what_is_absent_exits_2(case: Path) -> None:
    assert _check(case) == 2
    assert _prove(case / "none", 1) == 2
