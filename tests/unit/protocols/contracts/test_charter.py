"""The charter parses strictly: keys, parties, delta, clip norm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.contracts.charter import charter_from_table, load_charter_model
from protocols.errors import ContractError
from protocols.ledger.canonical import to_base64

Table = dict[str, Any]  # Any: a test bends any member


def _ed25519() -> str:
    return to_base64(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


def _node(curve: ec.EllipticCurve) -> str:
    public = ec.generate_private_key(curve).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _pem_of_ed25519() -> str:
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _charter() -> Table:
    partners = [
        {
            "name": f"p{number}",
            "identity_key": _ed25519(),
            "cosign_key": _ed25519(),
            "node_key": _node(ec.SECP384R1()),
            "capacity": 10_000,
        }
        for number in range(3)
    ]
    return {
        "schema": 1,
        "federation": "test",
        "contract_digest": "0" * 64,
        "code_digest": "1" * 64,
        "holdout_percent": 20,
        "witness_quorum": 3,
        "coordinator": {
            "name": "c",
            "order_key": _ed25519(),
            "log_key": _ed25519(),
            "log_origin": "example.org/log",
        },
        "auditor": {
            "name": "auditor",
            "identity_key": _ed25519(),
            "cosign_key": _ed25519(),
        },
        "partners": partners,
        "privacy": {
            "unit": "borrower at one partner",
            "adjacency": "zero-out",
            "mode": "distributed",
            "noise_shares": 2,
            "tolerated_colluders": 1,
            "max_lenders_per_borrower": 2,
            "delta": "0.00001",
            "released_cap_micro": 4_000_000,
            "worst_cap_micro": 6_000_000,
            "gradient_clip_norm": "0.5",
            "minimum_noise_multiplier": "1",
            "minimum_cohort": 3,
            "most_cohort_changes": 2,
            "spare_attempts": 2,
            "most_rounds": 40,
        },
    }


def _partner(**change: object) -> Callable[[Table], object]:
    return lambda table: table["partners"][0].update(change)


def _privacy(**change: object) -> Callable[[Table], object]:
    return lambda table: table["privacy"].update(change)


FAULTS: dict[str, tuple[Callable[[Table], object], str]] = {
    "an identity key not in base64": (_partner(identity_key="?"), "expected base64"),
    "a short identity key": (_partner(identity_key="AAAA"), "raw Ed25519 public key of 32 bytes"),
    "a node key not in PEM": (_partner(node_key="pem"), "expected a public key in PEM"),
    "a node key on another curve": (
        _partner(node_key=_node(ec.SECP256R1())),
        "expected a P-384 public key",
    ),
    "a node key of another kind": (
        _partner(node_key=_pem_of_ed25519()),
        "expected a P-384 public key",
    ),
    "no capacity": (_partner(capacity=0), "partners.0.capacity"),
    "a capacity in quotes": (_partner(capacity="9"), "partners.0.capacity"),
    "a name twice": (_partner(name="p1"), "a name, and every purpose a key of its own"),
    "a partner called as the auditor": (
        _partner(name="auditor"),
        "a name, and every purpose a key of its own",
    ),
    "a partner called coordinator": (
        _partner(name="coordinator"),
        "a name, and every purpose a key of its own",
    ),
    "an identity key twice": (
        lambda table: table["partners"][0].update(identity_key=table["coordinator"]["order_key"]),
        "a name, and every purpose a key of its own",
    ),
    "a node key twice": (
        lambda table: table["partners"][0].update(node_key=table["partners"][1]["node_key"]),
        "node key of its own",
    ),
    "a clip norm below a half": (
        _privacy(gradient_clip_norm="0.49"),
        "gradient_clip_norm must be at least 0.5",
    ),
    "a delta of one": (_privacy(delta="1"), "delta must be at most 0.00001"),
    "a delta that is no plain decimal": (_privacy(delta="1e-5"), "privacy.delta"),
    "a cap of nothing": (_privacy(released_cap_micro=0), "privacy.released_cap_micro"),
    "another unit of protection": (_privacy(unit="row"), "privacy.unit"),
    "a cohort larger than the federation": (
        _privacy(minimum_cohort=4),
        "minimum_cohort is larger than the number of partners",
    ),
    "a mode that is none": (_privacy(mode="central"), "privacy.mode"),
    "no share of noise": (_privacy(noise_shares=0), "privacy.noise_shares"),
    "colluders below nothing": (_privacy(tolerated_colluders=-1), "privacy.tolerated_colluders"),
    "no lender": (_privacy(max_lenders_per_borrower=0), "privacy.max_lenders_per_borrower"),
    "many lenders": (_privacy(max_lenders_per_borrower=101), "privacy.max_lenders_per_borrower"),
    "endless cohort changes": (_privacy(most_cohort_changes=101), "privacy.most_cohort_changes"),
    "no colluder where noise is shared": (
        _privacy(tolerated_colluders=0),
        "mode distributed needs noise_shares and tolerated_colluders",
    ),
    "a cohort too small for its shares": (
        _privacy(noise_shares=3),
        "minimum_cohort must be at least 3, and at least noise_shares and tolerated_colluders",
    ),
    "shares where everybody adds all of it": (
        _privacy(mode="local"),
        "in mode local noise_shares is 1 and tolerated_colluders is 0",
    ),
    "most of it held out": (lambda table: table.update(holdout_percent=51), "holdout_percent"),
    "an unknown key": (lambda table: table.update(motto="trust us"), "motto"),
    "no auditor": (lambda table: table.pop("auditor"), "auditor"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_rule_is_named_with_its_place(name: str) -> None:
    bend, expected = FAULTS[name]
    table = _charter()
    bend(table)
    with pytest.raises(ContractError) as raised:
        charter_from_table(table, where="charter.toml")
    assert str(raised.value).startswith("charter.toml: ")
    assert expected in str(raised.value)


def test_a_whole_charter_loads_with_the_terms_of_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    path.write_text(tomli_w.dumps(_charter()))
    charter, terms = load_charter_model(path)
    assert sorted(terms.partners) == [partner.name for partner in charter.partners]
    assert terms.code_digest == charter.code_digest
    assert charter.capacity == 30_000


def test_one_borrower_more_than_a_small_population_needs_a_smaller_delta() -> None:
    table = _charter()
    charter_from_table(table, where="charter")
    table["partners"][0]["capacity"] += 1
    with pytest.raises(ContractError, match=r"delta must be at most 0\.000001 for this many"):
        charter_from_table(table, where="charter")
    table["privacy"]["delta"] = "0.000001"
    charter_from_table(table, where="charter")


def test_sums_over_everybody_must_fit_into_63_bits() -> None:
    table = _charter()
    table["privacy"]["delta"] = "0.000001"
    # The noise of three partners, each at most 40 deviations of 2^44; a borrower counts 2^20.
    most = (2**63 - 1 - 3 * 40 * 2**44) // 2**20
    for partner, capacity in zip(table["partners"], (most - 2, 1, 1), strict=True):
        partner["capacity"] = capacity
    assert charter_from_table(table, where="charter")[0].capacity == most
    table["partners"][1]["capacity"] += 1
    with pytest.raises(ContractError, match="could overflow: lower the capacities"):
        charter_from_table(table, where="charter")


def test_a_fault_that_only_the_ledger_sees_is_a_contract_error_too() -> None:
    table = _charter()
    table["partners"] = tuple(table["partners"])  # never out of TOML, whose lists are lists
    with pytest.raises(ContractError, match="charter: charter: partners are a list of tables"):
        charter_from_table(table, where="charter")


def test_a_partner_is_found_by_name_and_a_stranger_is_not() -> None:
    charter, _ = charter_from_table(_charter(), where="charter")
    assert charter.partner("p2").name == "p2"
    with pytest.raises(ContractError, match="names no such partner"):
        charter.partner("stranger")
