"""Founding: one charter that fits, private keys, certificates that name the host; or nothing."""

import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clients.auditor.cli import main as audit
from clients.partner.keys import create_partner_keys
from protocols.contracts.charter import PartnerCard, load_charter_model
from protocols.contracts.features import contract_digest, read_toml
from protocols.errors import ConfigError, ContractError, ScoringError
from protocols.ledger.epsilons import epsilons_of
from protocols.ledger.price import largest_mu_squared
from protocols.ledger.sharing import usual_sharing
from server.config import load_settings
from server.founding import Proposal, found
from tests.simulator import CONTRACT

CODE = "c0" * 32


def _card(name: str, home: Path) -> PartnerCard:
    public = create_partner_keys(home)
    return PartnerCard(
        name=name,
        identity_key=public.identity_key,
        cosign_key=public.cosign_key,
        node_key=public.node_key,
        capacity=30,
        code_digest=CODE,
    )


@dataclass
class Founders:
    """What lies on the table before there is a charter."""

    folder: Path
    proposal: Proposal

    @property
    def home(self) -> Path:
        return self.folder / "server"

    def cards(self, count: int) -> list[Path]:
        """Return the cards of so many partners."""
        paths = [self.folder / f"p{number}.json" for number in range(count)]
        for path in paths:
            path.write_text(_card(path.stem, self.folder / path.stem).model_dump_json())
        return paths

    def rewrite_card(self, **changes: object) -> None:
        path = self.proposal.cards[0]
        card = PartnerCard.model_validate_json(path.read_bytes())
        path.write_text(card.model_copy(update=changes).model_dump_json())

    def rewrite_contract(self, old: str, new: str) -> None:
        assert old in CONTRACT
        self.proposal.contract.write_text(CONTRACT.replace(old, new))


@pytest.fixture
def founders(tmp_path: Path) -> Founders:
    (tmp_path / "contract.toml").write_text(CONTRACT)
    cards = []
    for name in ("north", "south", "west"):
        cards.append(tmp_path / f"{name}.json")
        cards[-1].write_text(_card(name, tmp_path / name).model_dump_json())
    assert audit(["init", "--home", str(tmp_path / "auditor"), "--name", "auditor"]) == 0
    proposal = Proposal(
        federation="test",
        contract=tmp_path / "contract.toml",
        cards=cards,
        auditor=tmp_path / "auditor" / "auditor-card.json",
        epsilon_micro=4_000_000,
        run_epsilon_micro=2_000_000,
        delta="0.00001",
        host="lender.example",
        port=8700,
    )
    return Founders(tmp_path, proposal)


def test_the_charter_says_what_the_founders_agreed_on(founders: Founders) -> None:
    charter, terms = load_charter_model(found(founders.home, founders.proposal))
    assert charter.federation == "test"
    assert [partner.name for partner in charter.partners] == ["north", "south", "west"]
    assert charter.contract_digest == contract_digest(read_toml(founders.proposal.contract)).hex()
    assert (charter.code_digest, terms.code_digest) == (CODE, CODE)
    assert (terms.released_cap_micro, terms.minimum_cohort) == (4_000_000, 3)
    assert terms.sharing == usual_sharing(3)


# Partners: mode, shares, tolerated colluders, minimum cohort.
USUAL = {
    1: ("local", 1, 0, 1),
    2: ("local", 1, 0, 2),
    3: ("distributed", 2, 1, 3),
    4: ("distributed", 2, 1, 3),
    5: ("distributed", 3, 1, 4),
    6: ("distributed", 4, 1, 5),
}


@pytest.mark.parametrize("partners", USUAL)
def test_noise_and_cohort_follow_from_the_number_of_partners(
    partners: int, founders: Founders
) -> None:
    proposal = replace(founders.proposal, cards=founders.cards(partners))
    charter, terms = load_charter_model(found(founders.home, proposal))
    privacy = charter.privacy
    said = (privacy.mode, privacy.noise_shares, privacy.tolerated_colluders, privacy.minimum_cohort)
    assert said == USUAL[partners]
    assert terms.sharing == usual_sharing(partners)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mode": "local"}, ("local", 1, 0, 5)),
        ({"minimum_cohort": 4}, ("distributed", 3, 1, 4)),
        ({"tolerated_colluders": 3}, ("distributed", 2, 3, 5)),
        ({"minimum_cohort": 3, "tolerated_colluders": 2}, ("distributed", 1, 2, 3)),
        ({"mode": "local", "minimum_cohort": 1}, ("local", 1, 0, 1)),
    ],
)
def test_founders_may_choose_noise_and_cohort_themselves(
    changes: dict[str, object], expected: tuple[object, ...], founders: Founders
) -> None:
    proposal = replace(founders.proposal, cards=founders.cards(6), **changes)  # type: ignore[arg-type]
    privacy = load_charter_model(found(founders.home, proposal))[0].privacy
    said = (privacy.mode, privacy.noise_shares, privacy.tolerated_colluders, privacy.minimum_cohort)
    assert said == expected


@pytest.mark.parametrize("most_lenders", [1, 2])
def test_the_cap_towards_colluders_is_what_the_other_cap_comes_to(
    most_lenders: int, founders: Founders
) -> None:
    proposal = replace(founders.proposal, most_lenders=most_lenders)
    _, terms = load_charter_model(found(founders.home, proposal))
    mu2 = most_lenders**2 * largest_mu_squared(4_000_000, delta=terms.delta)
    at_the_cap = epsilons_of(mu2, delta=terms.delta, sharing=terms.sharing)
    assert terms.sharing.most_lenders == most_lenders
    assert terms.worst_cap_micro == at_the_cap.worst_micro
    assert 0 <= terms.released_cap_micro - at_the_cap.released_micro <= 1


def test_alone_the_two_caps_are_one(founders: Founders) -> None:
    proposal = replace(founders.proposal, mode="local")
    _, terms = load_charter_model(found(founders.home, proposal))
    assert terms.released_cap_micro - terms.worst_cap_micro in (0, 1)


def test_a_cap_that_promises_nothing_towards_colluders_is_refused(founders: Founders) -> None:
    large = replace(founders.proposal, epsilon_micro=49_000_000)
    with pytest.raises(
        ConfigError, match=r"^--epsilon: towards colluders it would be .* --mode local"
    ):
        found(founders.home, large)
    assert not founders.home.exists()
    found(founders.home, replace(large, mode="local"))


def test_the_settings_are_the_ones_of_the_proposal(founders: Founders) -> None:
    found(founders.home, founders.proposal)
    settings = load_settings(founders.home / "server.toml")
    assert (settings.public_host, settings.public_port) == ("lender.example", 8700)
    assert settings.run_epsilon_micro == 2_000_000
    for path in (settings.charter, settings.contract, settings.order_key, settings.log_key):
        assert path.exists()


def test_private_keys_are_for_the_owner_alone(founders: Founders) -> None:
    found(founders.home, founders.proposal)
    for name in ("keys/order.pem", "keys/log.pem", "tls/server.key"):
        assert stat.S_IMODE((founders.home / name).stat().st_mode) == 0o600


def test_no_other_file_holds_a_private_key(founders: Founders) -> None:
    found(founders.home, founders.proposal)
    holding = {
        path.relative_to(founders.home).as_posix()
        for path in founders.home.rglob("*")
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    }
    assert holding == {"keys/order.pem", "keys/log.pem", "tls/server.key"}


def test_founding_a_second_time_changes_nothing(founders: Founders) -> None:
    found(founders.home, founders.proposal)
    before = {path: path.read_bytes() for path in founders.home.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError):
        found(founders.home, founders.proposal)
    assert before == {path: path.read_bytes() for path in before}


FAULTS: dict[str, tuple[Callable[[Founders], None], type[ScoringError]]] = {
    "a card that is no card": (lambda at: at.proposal.cards[0].write_text("{}"), ConfigError),
    "a card that is no JSON": (lambda at: at.proposal.cards[0].write_bytes(b"\xff"), ConfigError),
    "a card that is not there": (lambda at: at.proposal.cards[0].unlink(), ConfigError),
    "other code at one partner": (lambda at: at.rewrite_card(code_digest="d1" * 32), ConfigError),
    "two partners of one name": (lambda at: at.rewrite_card(name="south"), ContractError),
    "an auditor's card that is none": (lambda at: at.proposal.auditor.write_text("7"), ConfigError),
    "no auditor's card": (lambda at: at.proposal.auditor.unlink(), ConfigError),
    "a contract that is no TOML": (lambda at: at.rewrite_contract("= 1", "="), ContractError),
    "a contract with a gap": (
        lambda at: at.rewrite_contract('name = "test-loans"\n', ""),
        ContractError,
    ),
    "a contract with a word too many": (
        lambda at: at.rewrite_contract("schema = 1", "schema = 1\nwish = 2"),
        ContractError,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_written_when_something_does_not_fit(name: str, founders: Founders) -> None:
    break_it, error = FAULTS[name]
    break_it(founders)
    with pytest.raises(error):
        found(founders.home, founders.proposal)
    assert not founders.home.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"delta": "2"}, "--delta 2: expected at most 0.00001 with 90 borrowers"),
        ({"delta": "0"}, "--delta 0: .* between 0 and 1, such as 0.000001"),
        ({"delta": "1e-6"}, "--delta 1e-6: expected a plain decimal between 0 and 1, such as 0.0"),
        ({"epsilon_micro": 0}, "--epsilon 0.000000: expected 0.000001 to 50"),
        ({"epsilon_micro": 51_000_000}, "--epsilon 51.000000: expected 0.000001 to 50"),
        ({"run_epsilon_micro": 0}, "--run-epsilon 0.000000: expected"),
        ({"run_epsilon_micro": 4_000_001}, "--run-epsilon 4.000001 is above --epsilon 4.000000"),
        ({"federation": "no plain name"}, "federation"),
        ({"host": "lender example"}, "host"),
        ({"host": ""}, "host"),
        ({"cards": []}, "partner"),
        ({"mode": "central"}, "--mode central: expected distributed or local"),
        ({"minimum_cohort": 2}, "--minimum-cohort 2: expected 3 to 3 in mode distributed"),
        ({"minimum_cohort": 4}, "--minimum-cohort 4: expected 3 to 3"),
        ({"mode": "local", "minimum_cohort": 4}, "--minimum-cohort 4: expected 1 to 3 .* local"),
        ({"minimum_cohort": 0}, "--minimum-cohort 0: expected 3"),
        ({"tolerated_colluders": 0}, "--tolerated-colluders 0: .* at least 1"),
        ({"tolerated_colluders": 3}, "--tolerated-colluders 3: .* at most 2 with a cohort of 3"),
        ({"mode": "local", "tolerated_colluders": 1}, "--tolerated-colluders 1: in mode local"),
        ({"most_lenders": 0}, "--most-lenders 0: expected 1 to 3"),
        ({"most_lenders": 4}, "--most-lenders 4: expected 1 to 3"),
    ],
)
def test_nothing_is_written_for_terms_that_break_a_rule(
    changes: dict[str, object], said: str, founders: Founders
) -> None:
    with pytest.raises((ConfigError, ContractError), match=said):
        found(founders.home, replace(founders.proposal, **changes))  # type: ignore[arg-type]
    assert not founders.home.exists()


def test_two_partners_cannot_hide_one_another(founders: Founders) -> None:
    two = replace(founders.proposal, cards=founders.cards(2), mode="distributed")
    said = "distributed needs three partners or more; with 2 say --mode local"
    with pytest.raises(ConfigError, match=said):
        found(founders.home, two)
    found(founders.home, replace(two, mode="local"))


def test_many_borrowers_need_a_smaller_delta(founders: Founders) -> None:
    founders.rewrite_card(capacity=30_000)
    with pytest.raises(ConfigError, match=r"--delta 0.00001: .* 0.000001 with 30060 borrowers"):
        found(founders.home, founders.proposal)
    assert not founders.home.exists()
    found(founders.home, replace(founders.proposal, delta="0.000001"))


def test_only_a_new_or_empty_folder_becomes_the_coordinators(founders: Founders) -> None:
    founders.home.mkdir()
    note = founders.home / "note"
    note.write_text("mine")
    with pytest.raises(ConfigError, match="choose a new or empty folder"):
        found(founders.home, founders.proposal)
    assert list(founders.home.iterdir()) == [note]
    with pytest.raises(ConfigError, match="note: no folder"):
        found(note, founders.proposal)
    with pytest.raises(ConfigError, match="--home inner: cannot be made a folder"):
        found(note / "inner", founders.proposal)
    note.unlink()
    found(founders.home, founders.proposal)
