"""The partner's command line: answers on stdout, one line per refusal, and nothing half-written."""

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest
import tomli_w

from clients.auditor.cli import main as audit
from clients.partner.commands import run
from clients.partner.keys import create_partner_keys
from clients.partner.startup import open_node
from protocols.contracts.charter import PartnerCard, load_charter_model
from protocols.contracts.features import read_toml
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.messages import Contribution
from protocols.ledger.policy import SIGNATURES_NAME
from protocols.lock import only_process
from tests.adversarial.coordinator import coordinator_of
from tests.simulator import CONTRACT, World

Command = Callable[..., tuple[int, str, str]]
HEADER = "borrower,outcome,income,usage,housing\n"
SECRET = "hunter2"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``fedscore-partner`` and return status, stdout and stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fedscore-partner", *map(str, words)])
        capsys.readouterr()
        try:
            status = run()
        except SystemExit as left:
            status = int(left.code or 0)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return call


def _settings(world: World, name: str = "p0", **changes: object) -> Path:
    home = world.folder / name
    settings = {
        "name": name,
        "coordinator": "127.0.0.1:1",
        "data": "loans.parquet",
        "charter": str(world.server / "charter.toml"),
        "contract": str(world.server / "contract.toml"),
        **changes,
    }
    (home / "partner.toml").write_text(tomli_w.dumps(settings))
    return home / "partner.toml"


def test_init_makes_keys_settings_and_a_card_of_public_things(
    command: Command, tmp_path: Path
) -> None:
    home = tmp_path / "p0"
    status, out, err = command("init", "--name", "p0", "--capacity", 9, "--home", home)
    assert (status, err) == (0, "")
    assert "keep everything else" in out
    card = PartnerCard.model_validate_json((home / "partner-card.json").read_text())
    assert (card.name, card.capacity) == ("p0", 9)
    assert "PRIVATE" not in (home / "partner-card.json").read_text()
    assert tomllib.loads((home / "partner.toml").read_text())["data"] == "loans.parquet"


@pytest.mark.parametrize(
    ("name", "capacity", "coordinator", "said"),
    [
        ("p 0", 9, "h:1", "name"),
        ("p0", 0, "h:1", "capacity"),
        ("p0", 2**50 + 1, "h:1", "capacity"),
        ("p0", 9, "h", "coordinator"),
    ],
)
def test_init_with_bad_options_makes_nothing(
    command: Command, tmp_path: Path, name: str, capacity: int, coordinator: str, said: str
) -> None:
    home = tmp_path / "p0"
    words = ["--name", name, "--capacity", capacity, "--coordinator", coordinator, "--home", home]
    status, out, err = command("init", *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"fedscore-partner: ConfigError: {said}: ")
    assert not home.exists()


def test_init_twice_changes_nothing(command: Command, tmp_path: Path) -> None:
    words = ["init", "--capacity", 9, "--home", tmp_path]
    command(*words, "--name", "p0")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    status, _, err = command(*words, "--name", "p1")
    assert status == 2
    assert "exists already, and is never overwritten" in err
    assert {path: path.read_bytes() for path in before} == before


def test_check_data_counts_by_column_and_rule_and_shows_no_value(
    command: Command, world: World
) -> None:
    loans = world.folder / "p0" / "loans.csv"
    loans.write_text(
        HEADER + f"a,{SECRET},1,777,own\nb,bad,{SECRET},1,{SECRET}\n,bad,1,1,own\nc,bad,1,nan,own\n"
    )
    status, out, err = command("check-data", "--config", _settings(world, data="loans.csv"))
    assert (status, err) == (2, "")
    assert out.splitlines()[:6] == [
        "borrower: 1 not as agreed: every row has a borrower id",
        "outcome: 1 not as agreed: the outcome is one of the two values",
        "income: 1 not as agreed: a number",
        "usage: 1 not as agreed: never missing",
        "usage: 1 not as agreed: from 0 to 100",
        "housing: 1 not as agreed: one of the listed levels",
    ]
    assert out.splitlines()[-1].startswith("4 rows read. Mend what you can; training goes on.")
    status, out, _ = command("check-data", "--json", "--config", _settings(world, data="loans.csv"))
    assert status == 2
    assert [item["count"] for item in json.loads(out) if "rule" in item] == [1] * 6
    assert SECRET not in out


def test_check_data_of_data_as_agreed_says_so(command: Command, world: World) -> None:
    path = _settings(world)
    few = "few borrowers: noise outweighs them"
    assert command("check-data", "--config", path) == (
        0,
        "Worth knowing, and no reason not to train:\n"
        f"  borrower: {few} (30)\n"
        "30 rows read. Every value is as the contract says.\n",
        "",
    )
    status, out, _ = command("check-data", "--json", "--config", path)
    assert (status, json.loads(out)) == (0, [{"column": "borrower", "note": few, "count": 30}])


def test_check_data_knows_the_capacity_once_there_is_a_charter(
    command: Command, world: World
) -> None:
    rows = "".join(f"b{n},bad,1,1,own\n" for n in range(31))
    (world.folder / "p0" / "loans.csv").write_text(HEADER + rows)
    status, out, _ = command("check-data", "--config", _settings(world, data="loans.csv"))
    assert status == 2
    rule = "at most 30 borrowers, the charter's capacity"
    assert out.startswith(f"borrower: 31 not as agreed: {rule}\nWorth knowing")
    early = _settings(world, data="loans.csv", charter="nowhere.toml")
    assert command("check-data", "--config", early)[0] == 0


def test_check_data_says_that_no_outcome_is_spelled_as_agreed(
    command: Command, world: World
) -> None:
    (world.folder / "p0" / "loans.csv").write_text(HEADER + "a,1,1,1,own\nb,0,1,1,own\n")
    status, out, _ = command("check-data", "--config", _settings(world, data="loans.csv"))
    assert status == 2
    assert out.startswith('outcome: 2 not as agreed: no row has outcome "bad" or "good"\n')


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "no file": ("none.csv", b"", "UnreadableDataError: none.csv: no such file"),
    "a sheet": ("l.xlsx", b"x", "UnreadableDataError: l.xlsx: expected a .parquet or .csv file"),
    "not UTF-8": (
        "l.csv",
        (HEADER + f"{SECRET}\xe9,bad,1,1,own\n").encode("latin-1"),
        "UnreadableDataError: l.csv: truncated, damaged, or not UTF-8; write it again",
    ),
    "a cut row": (
        "l.csv",
        (HEADER + f"{SECRET},bad\n").encode(),
        "UnreadableDataError: l.csv: truncated, damaged, or not UTF-8; write it again",
    ),
    "truncated Parquet": (
        "l.parquet",
        b"PAR1" + SECRET.encode(),
        "UnreadableDataError: l.parquet: truncated, damaged, or not UTF-8; write it again",
    ),
    "a column less": (
        "l.csv",
        f"borrower,outcome,income,usage\n{SECRET},bad,1,1\n".encode(),
        "MissingColumnError: l.csv: no column named housing",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("verb", [("check-data",), ("run", "--dry-run")])
def test_a_bad_file_is_one_line_and_status_2(
    command: Command, world: World, name: str, verb: tuple[str, ...]
) -> None:
    file, raw, expected = BAD_FILES[name]
    if raw:
        (world.folder / "p0" / file).write_bytes(raw)
    status, out, err = command(*verb, "--config", _settings(world, data=file))
    assert (status, out, err) == (2, "", f"fedscore-partner: {expected}\n")
    assert not (world.folder / "p0" / "budget.sqlite").exists()


def test_draft_contract_writes_names_and_no_value_and_never_overwrites(
    command: Command, world: World, tmp_path: Path
) -> None:
    loans, out = world.folder / "p0" / "loans.parquet", tmp_path / "draft.toml"
    assert command("draft-contract", loans, "--out", out)[0] == 0
    fields = tomllib.loads(out.read_text())["fields"]
    assert {field["name"]: field["kind"] for field in fields} == {
        "borrower": "categorical",
        "outcome": "categorical",
        "income": "numeric",
        "usage": "numeric",
        "housing": "categorical",
    }
    values = pyarrow.parquet.read_table(loans).column("borrower").to_pylist()
    assert not any(value in out.read_text() for value in values)
    written = out.read_bytes()
    status, _, err = command("draft-contract", loans, "--out", out)
    assert (status, out.read_bytes()) == (2, written)
    assert "draft.toml: exists already, and is never overwritten" in err


def test_a_draft_of_an_unreadable_file_is_not_begun(command: Command, tmp_path: Path) -> None:
    status, _, err = command("draft-contract", tmp_path / "no.csv", "--out", tmp_path / "c.toml")
    assert (status, err) == (2, "fedscore-partner: UnreadableDataError: no.csv: no such file\n")
    assert not (tmp_path / "c.toml").exists()


def test_a_place_that_cannot_be_written_is_one_line_and_status_2(
    command: Command, world: World, tmp_path: Path
) -> None:
    loans = world.folder / "p0" / "loans.parquet"
    nowhere = tmp_path / "none" / "c.toml"
    status, out, err = command("draft-contract", loans, "--out", nowhere)
    assert (status, out) == (2, "")
    assert err == "fedscore-partner: ConfigError: c.toml: cannot be written\n"
    (tmp_path / "file").write_text("no folder")
    words = ["--name", "p0", "--capacity", 9, "--home", tmp_path / "file"]
    status, out, err = command("init", *words)
    assert (status, out) == (2, "")
    assert err == "fedscore-partner: ConfigError: file: cannot be made a folder\n"


def test_sign_shows_what_is_promised_and_adds_one_signature(command: Command, world: World) -> None:
    charter = world.server / "charter.toml"
    (signatures,) = [p for p in world.server.iterdir() if p.name.endswith("signatures.json")]
    signatures.unlink()
    status, out, _ = command("sign", charter, "--home", world.folder / "p0")
    assert status == 0
    _, terms = load_charter_model(charter)
    assert f"charter  {terms.charter.hex()} of test\n" in out
    assert "partners p0, p1, p2\n" in out
    assert (
        "mode     distributed, cohort at least 3, noise shares 2, colluders at most 1, lenders "
        "per borrower at most 1\n"
    ) in out
    caps = [say_epsilon(micro) for micro in (terms.released_cap_micro, terms.worst_cap_micro)]
    assert f"released epsilon at most {caps[0]}, worst at most {caps[1]}, delta 0.00001\n" in out
    assert "clip norm 0.5, of one borrower's gradient at one partner\n" in out
    assert f"code     {terms.code_digest}\n" in out
    assert signatures.exists()


def test_partner_and_auditor_are_shown_the_same_terms(
    command: Command, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    charter = world.server / "charter.toml"
    _, out, _ = command("sign", charter, "--home", world.folder / "p0")
    shown, _, _ = out.partition("Signed in ")
    assert shown.count("\n") == 8
    assert audit(["sign", str(charter), "--home", str(world.folder / "auditor")]) == 0
    assert capsys.readouterr().out.startswith(f"{shown}signed   ")


def test_a_card_for_the_next_charter_has_the_latest_keys_and_names_the_one_before(
    command: Command, world: World
) -> None:
    settings, home = _settings(world), world.folder / "p0"
    first = PartnerCard.model_validate_json((home / "partner-card.json").read_bytes())

    def renewed(*words: object) -> PartnerCard:
        status, out, _ = command("card", "--config", settings, *words)
        assert (status, "fedscore-server renew" in out) == (0, True)
        return PartnerCard.model_validate_json((home / "partner-card.json").read_bytes())

    assert renewed() == first
    assert renewed("--capacity", 900).capacity == 900
    assert renewed().capacity == 900
    card = renewed("--new-keys")
    assert card.identity_key not in {first.identity_key, None}
    assert card.cosign_key != first.cosign_key
    assert (card.identity_key_before, card.node_key) == (first.identity_key, first.node_key)
    assert renewed() == card
    again = renewed("--new-keys")  # the one in between was in no charter
    assert again.identity_key != card.identity_key
    assert again.identity_key_before == first.identity_key
    open_node(world.settings("p0")).book.close_file()  # goes on with the key that is named


def test_a_card_is_renewed_only_if_there_is_one(command: Command, world: World) -> None:
    settings, card = _settings(world), world.folder / "p0" / "partner-card.json"
    card.write_text("{}")
    assert "not a partner's card" in command("card", "--config", settings)[2]
    card.unlink()
    status, _, err = command("card", "--config", settings)
    assert (status, "cannot be read" in err) == (2, True)


def test_a_charter_that_would_end_the_budget_book_is_not_signed(
    command: Command, world: World
) -> None:
    _settings(world)
    charter, signatures = world.server / "charter.toml", world.server / SIGNATURES_NAME
    at = coordinator_of(world, open_node(world.settings("p0")))
    at.authorise()
    at.node.book.close_file()
    table = read_toml(charter)
    other = world.folder / "other" / "charter.toml"
    other.parent.mkdir()
    other.write_text(tomli_w.dumps({**table, "federation": "fresh"}))
    status, out, err = command("sign", other, "--home", world.folder / "p0")
    assert (status, "charter  " in out) == (2, True)
    assert "your budget book could not go on under it" in err
    assert not other.with_name(SIGNATURES_NAME).exists()
    signatures.unlink()
    assert command("sign", charter, "--home", world.folder / "p0")[0] == 0


def test_sign_of_a_broken_charter_signs_nothing(command: Command, world: World) -> None:
    charter = world.folder / "bad" / "charter.toml"
    charter.parent.mkdir()
    charter.write_text("schema = 2\n")
    status, out, err = command("sign", charter, "--home", world.folder / "p0")
    assert (status, out) == (2, "")
    assert "ContractError: charter.toml: schema" in err
    assert [path.name for path in charter.parent.iterdir()] == ["charter.toml"]


def test_a_dry_run_says_what_would_leave_and_spends_nothing(command: Command, world: World) -> None:
    status, out, err = command("run", "--dry-run", "--config", _settings(world))
    assert (status, err) == (0, "")
    assert "Only these can leave" in out
    assert "p0: 0 attempts paid for" in out


def test_budget_shows_what_is_spent_to_people_and_programs(command: Command, world: World) -> None:
    path = _settings(world)
    status, _, err = command("budget", "--config", path)
    assert (status, err) == (
        2,
        "fedscore-partner: ConfigError: budget.sqlite: there is no budget book yet\n",
    )
    assert not (world.folder / "p0" / "budget.sqlite").exists()
    node = open_node(world.settings("p0"))
    coordinator = coordinator_of(world, node)
    coordinator.authorise()
    coordinator.round()
    node.book.close_file()
    status, out, _ = command("budget", "--config", path)
    assert status == 0
    assert out.startswith("p0: 1 attempts paid for")
    status, out, _ = command("budget", "--json", "--config", path)
    assert (status, json.loads(out)["spends"]) == (0, 1)


def test_unknown_options_leave_with_status_2(command: Command) -> None:
    assert command("budget", "--colour")[0] == 2


def test_a_contract_with_blank_bounds_is_refused_where_it_is_blank(
    command: Command, world: World
) -> None:
    contract = world.folder / "p0" / "contract.toml"
    contract.write_text(CONTRACT.replace('low = "0"', 'low = ""'))
    status, _, err = command("check-data", "--config", _settings(world, contract="contract.toml"))
    assert status == 2
    assert "ContractError: contract.toml: fields.0.low: is blank" in err


def _spent(world: World) -> str:
    """Let the first partner answer one round; return the name of its spend."""
    node = open_node(world.settings("p0"))
    coordinator = coordinator_of(world, node)
    coordinator.authorise()
    answer = coordinator.round()
    assert isinstance(answer, Contribution)
    node.book.close_file()
    return answer.spend


def test_a_spend_is_corrected_and_a_cap_only_passed_when_it_is_said(
    command: Command, world: World
) -> None:
    spend, config = _spent(world), ("--config", _settings(world))
    status, out, _ = command("amend", spend, "--noise-multiplier", "10", *config)
    assert (status, "goes to the log with your node's next answer" in out) == (0, True)
    status, _, err = command("amend", spend, "--noise-multiplier", "15", *config)
    assert (status, "OrderRefusedError" in err) == (3, True)
    status, _, err = command("amend", spend, "--noise-multiplier", "0.01", *config)
    assert (status, "would pass a cap" in err) == (3, True)
    before = json.loads(command("budget", "--json", *config)[1])["spent"]
    said = command("amend", spend, "--noise-multiplier", "0.01", "--over-cap", *config)
    assert said[0] == 0
    after = json.loads(command("budget", "--json", *config)[1])["spent"]
    assert after["released_micro"] > before["released_micro"]


def test_a_second_start_and_a_dry_run_leave_the_key_of_a_run_that_goes_on(
    command: Command, world: World
) -> None:
    # The book says nothing yet of the run whose key is made: another process is just at it.
    _spent(world)
    key = world.settings("p0").state / "masks" / "run-9.key"
    key.write_bytes(b"a secret")
    config = ("--config", _settings(world))
    assert command("run", "--dry-run", *config)[0] == 0
    with only_process(world.settings("p0").state, "node"):
        status, _, err = command("run", *config)
        assert (status, "another process" in err) == (2, True)
        assert command("amend", "0" * 64, "--noise-multiplier", "1", *config)[0] == 2
    assert key.exists()


def _renewed(world: World, **changes: object) -> Path:
    """Write a charter that succeeds the world's, with other first partner's members."""
    charter = world.server / "charter.toml"
    table, (_, terms) = read_toml(charter), load_charter_model(charter)
    partners = [dict(item) for item in table["partners"]]  # type: ignore[attr-defined]
    partners[1] |= changes
    path = world.folder / "next" / "charter.toml"
    path.parent.mkdir(exist_ok=True)
    succeeds = [terms.charter.hex()]
    path.write_text(tomli_w.dumps({**table, "succeeds": succeeds, "partners": partners}))
    return path


def test_nobody_signs_a_partner_s_name_away(
    command: Command, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """All but p1 are asked to sign a charter in which somebody else has p1's name."""
    _settings(world)
    stolen = create_partner_keys(world.folder / "thief")
    keys = {"identity_key": stolen.identity_key, "cosign_key": stolen.cosign_key}
    path = _renewed(world, **keys)
    status, _, err = command("sign", path, "--home", world.folder / "p0")
    assert (status, "p1 has another key, and the key before has not signed" in err) == (1, True)
    words = ["sign", str(path), "--home", str(world.folder / "auditor")]
    assert audit(words) == 2
    assert audit([*words, "--before", str(world.server / "charter.toml")]) == 1
    assert "p1 has another key" in capsys.readouterr().err
    assert not path.with_name(SIGNATURES_NAME).exists()


def test_who_signs_sees_what_changes_against_the_charter_it_holds(
    command: Command, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _settings(world)
    stolen = create_partner_keys(world.folder / "new")
    path = _renewed(world, cosign_key=stolen.cosign_key)
    status, out, _ = command("sign", path, "--home", world.folder / "p0")
    assert (status, "new cosign key of p1\n" in out) == (0, True)
    words = ["sign", str(path), "--home", str(world.folder / "auditor")]
    assert audit([*words, "--before", str(world.server / "charter.toml")]) == 0
    assert "new cosign key of p1\n" in capsys.readouterr().out
    other = _settings(world, charter=str(path))
    assert other == settings
    status, _, err = command("sign", path, "--home", world.folder / "p0")
    assert (status, "does not follow charter" in err) == (1, True)


def test_a_cap_below_what_the_book_promised_is_not_signed(command: Command, world: World) -> None:
    _settings(world)
    at = coordinator_of(world, open_node(world.settings("p0")))
    at.authorise()
    at.node.book.close_file()
    path = _renewed(world)
    table = read_toml(path)
    privacy = {**table["privacy"], "released_cap_micro": 1}  # type: ignore[dict-item]
    path.write_text(tomli_w.dumps({**table, "privacy": privacy}))
    status, _, err = command("sign", path, "--home", world.folder / "p0")
    assert (status, "spent and promised already" in err) == (2, True)
