"""The auditor's command: what it prints, what it writes, and how it exits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clients.auditor.cli import main
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import sign_charter_file
from tests.adversarial.ledger.honest import World, charter_table, charter_toml, key_for, trained

_WORLD = trained()


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Return a folder with charter, signatures and an exported log, all true."""
    return _write(_WORLD, tmp_path)


def _write(world: World, folder: Path) -> Path:
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    (folder / "signatures.json").write_bytes(world.signatures)
    (folder / "log").mkdir()
    world.write(folder / "log")
    return folder


def _verify(case: Path, *more: str) -> int:
    return main(["verify", str(case / "log"), "--charter", str(case / "charter.toml"), *more])


def test_a_true_log_exits_0(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(case) == 0
    assert "\nTRUE: " in capsys.readouterr().out


def test_programs_read_json(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(case, "--json") == 0
    assert json.loads(capsys.readouterr().out)["is_true"] is True


def test_signatures_may_lie_elsewhere(case: Path) -> None:
    elsewhere = case / "elsewhere.json"
    (case / "signatures.json").rename(elsewhere)
    assert _verify(case) == 2
    assert _verify(case, "--signatures", str(elsewhere)) == 0


@pytest.mark.parametrize("name", ["checkpoint", "witnessed", "tile/0/000.p/59"])
def test_an_altered_log_exits_1(case: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = case / "log" / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert _verify(case) == 1
    assert "FINDING" in capsys.readouterr().out


def test_a_missing_or_additional_file_exits_1(case: Path) -> None:
    (case / "log" / "notes").mkdir()
    assert _verify(case) == 1
    (case / "log" / "notes").rmdir()
    assert _verify(case) == 0
    (case / "log" / "checkpoint").unlink()
    assert _verify(case) == 1


def test_a_log_over_its_cap_exits_1(tmp_path: Path) -> None:
    world = World(charter_table(released_cap_micro=100_000))
    world.authorise("north", "run-1")
    assert _verify(_write(world, tmp_path)) == 1


def test_a_malformed_charter_or_signature_exits_1(case: Path) -> None:
    (case / "signatures.json").write_bytes(b"{}\n")
    assert _verify(case) == 1
    (case / "charter.toml").write_bytes(b"=")
    assert _verify(case) == 1


@pytest.mark.parametrize("name", ["log", "charter.toml", "signatures.json"])
def test_what_is_absent_exits_2(case: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (case / name).rename(case / "gone")
    assert _verify(case) == 2
    assert name in capsys.readouterr().err


def test_absent_signatures_are_said_to_be_expected_beside_the_charter(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case / "signatures.json").unlink()
    assert _verify(case) == 2
    said = "signatures.json: absent or unreadable; expected beside charter.toml\n"
    assert capsys.readouterr().err == f"fedscore-audit: ConfigError: {said}"
    assert _verify(case, "--signatures", str(case / "other.json")) == 2
    assert capsys.readouterr().err.endswith("other.json: absent or unreadable\n")


def test_a_folder_in_place_of_a_file_is_a_finding(case: Path) -> None:
    (case / "log" / "checkpoint").unlink()
    (case / "log" / "checkpoint").mkdir()
    assert _verify(case) == 1


def test_no_command_exits_2() -> None:
    with pytest.raises(SystemExit) as exited:
        main([])
    assert exited.value.code == 2


def test_init_makes_a_key_and_a_card_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "auditor"
    assert main(["init", "--home", str(home), "--name", "auditor", "--json"]) == 0
    card = (home / "auditor-card.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == card
    assert sorted(json.loads(card)) == ["cosign_key", "identity_key", "name"]
    key = home / "identity.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert main(["init", "--home", str(home), "--name", "auditor"]) == 2
    assert (key.read_bytes(), (home / "auditor-card.json").read_text()) == (before, card)


def test_init_and_card_say_which_file_goes_to_the_coordinator(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = case / "home"
    assert main(["init", "--home", str(home), "--name", "auditor"]) == 0
    said = f"Made {home}. Send auditor-card.json to the coordinator; keep everything else.\n"
    assert capsys.readouterr().out == said
    words = ["card", "--home", str(home), "--charter", str(case / "charter.toml")]
    assert main(words) == 0
    path = home / "auditor-card.json"
    said = f"Wrote {path}. Send it to the coordinator for fedscore-server renew.\n"
    assert capsys.readouterr().out == said
    assert main([*words, "--json"]) == 0
    assert capsys.readouterr().out == path.read_text(encoding="utf-8")


def test_init_says_what_is_wrong_with_its_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    assert main(["init", "--home", str(tmp_path / "a"), "--name", "two words"]) == 2
    assert list((tmp_path / "a").iterdir()) == []
    (tmp_path / "file").write_text("")
    assert main(["init", "--home", str(tmp_path / "file"), "--name", "auditor"]) == 2
    assert "no folder can be made" in capsys.readouterr().err
    (tmp_path / "b" / "auditor-card.json").mkdir(parents=True)
    assert main(["init", "--home", str(tmp_path / "b"), "--name", "auditor"]) == 2


def test_the_auditor_is_shown_the_terms_and_signs_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["init", "--home", str(tmp_path / "home"), "--name", "auditor", "--json"])
    card = json.loads(capsys.readouterr().out)
    table = charter_table()
    table["auditor"] = card
    charter = tmp_path / "charter.toml"
    charter.write_text(charter_toml(table), encoding="utf-8")
    assert main(["sign", str(charter), "--home", str(tmp_path / "home")]) == 0
    said = capsys.readouterr().out
    assert "partners north, south, west" in said
    assert (
        "mode     local, cohort at least 2, noise shares 1, colluders at most 0, lenders per "
        "borrower at most 1\n"
    ) in said
    assert "released epsilon at most 1.000000, worst at most 1.000000, delta 0.00001\n" in said
    assert "clip norm 0.5, of one borrower's gradient at one partner\n" in said
    assert said.endswith("signed   auditor\nwaiting  north, south, west\n")
    for name in ("north", "south", "west"):
        sign_charter_file(charter, key_for(name))
    assert main(["sign", str(charter), "--home", str(tmp_path / "home")]) == 0
    assert capsys.readouterr().out.endswith("signed   auditor, north, south, west\n")
    load_key(tmp_path / "home" / "identity.pem")


@pytest.mark.parametrize("name", ["federation", "gradient_clip_norm"])
def test_a_charter_whose_terms_cannot_all_be_shown_is_not_signed(
    case: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["init", "--home", str(case / "home"), "--name", "auditor", "--json"])
    table = {**charter_table(), "auditor": json.loads(capsys.readouterr().out)}
    lines = charter_toml(table).splitlines(keepends=True)
    charter = case / "new" / "charter.toml"
    charter.parent.mkdir()
    charter.write_text("".join(line for line in lines if not line.startswith(f"{name} = ")))
    assert main(["sign", str(charter), "--home", str(case / "home")]) == 1
    assert capsys.readouterr().err == f"fedscore-audit: EntryError: charter: {name} is missing\n"
    assert list(charter.parent.iterdir()) == [charter]


def test_a_charter_that_names_another_auditor_is_not_signed(case: Path) -> None:
    main(["init", "--home", str(case / "home"), "--name", "auditor"])
    before = (case / "signatures.json").read_bytes()
    assert main(["sign", str(case / "charter.toml"), "--home", str(case / "home")]) == 1
    assert (case / "signatures.json").read_bytes() == before


def test_signing_without_a_key_exits_2(case: Path) -> None:
    assert main(["sign", str(case / "charter.toml"), "--home", str(case)]) == 2


def test_the_command_needs_nothing_but_the_standard_library_and_cryptography(case: Path) -> None:
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from clients.auditor.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "names = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(names - sys.stdlib_module_names), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "verify", "log", "--charter", "charter.toml"],
        cwd=case,
        env={"PYTHONPATH": str(Path(__file__).parents[4])},
        capture_output=True,
        text=True,
        check=False,
    )
    # The last two come with cryptography.
    allowed = {"clients", "protocols", "cryptography", "_cffi_backend", "_openssl"}
    assert set(done.stderr.split()) <= allowed
    assert done.returncode == 0


def test_the_auditors_own_memory_is_held_against_a_log(case: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert main(["init", "--home", str(home), "--name", "auditor"]) == 0
    assert _verify(case, "--home", str(home)) == 0
    (kept,) = (home / "logs").iterdir()
    (kept / "checkpoint").write_text(_WORLD.note([b"other"] * 3, 3), encoding="utf-8")
    assert _verify(case, "--home", str(home)) == 1
    assert _verify(case, "--home", str(tmp_path / "none")) == 2
