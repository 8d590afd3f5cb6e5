"""A release is named by the bytes of its manifest, and a manifest has one spelling only."""

import tomllib
from typing import Any

import pytest

from protocols.contracts.release import ReleaseManifest, manifest_from_bytes
from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json, digest, parse_canonical
from tests.simulator import CONTRACT

Table = dict[str, Any]  # Any: a test bends any member


def _table() -> Table:
    interval = {"estimate": "0.7", "low": "0.6", "high": "0.8"}
    return {
        "schema": 2,
        "federation": "test",
        "run": "run-1",
        "charter_digest": "0" * 64,
        "contract_digest": "1" * 64,
        "contract": tomllib.loads(CONTRACT),
        "encoding": [[0, 0, 1], [0, 1]],
        "tensors_digest": "2" * 64,
        "clip_norm": "0.5",
        "scaling": {"base_points": 600, "base_odds": 50, "points_to_double": 20},
        "calibration": {"intercept": "0.1", "slope": "1.1"},
        "evaluation": {
            "auc": interval,
            "ks": interval,
            "brier": interval,
            "calibration_error": interval,
            "bad_rate": interval,
            "bands": [],
            "segments": [],
        },
        "privacy": [
            {
                "partner": "p0",
                "released_micro": 1,
                "worst_micro": 2,
                "person_micro": [1, 2, 3, 4, 5],
                "person_worst_micro": [2, 3, 4, 5, 6],
                "released_cap_micro": 3,
                "worst_cap_micro": 4,
            }
        ],
        "log_size": 9,
        "log_root": "3" * 64,
    }


def test_a_manifest_reads_back_as_it_was_written() -> None:
    raw = canonical_json(_table())
    manifest = manifest_from_bytes(raw)
    assert isinstance(manifest, ReleaseManifest)
    assert manifest.to_bytes() == raw
    assert manifest.digest == digest(raw)


def test_another_spelling_of_the_same_manifest_is_refused() -> None:
    raw = canonical_json(_table())
    for other in (raw + b"\n", b" " + raw, raw.replace(b":9", b": 9", 1), raw[:-1], b""):
        with pytest.raises(EntryError):
            manifest_from_bytes(other)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("schema", 3),
        ("run", ""),
        ("tensors_digest", "2" * 63),
        ("clip_norm", "NaN"),
        ("calibration", {"intercept": "0", "slope": "0"}),
        ("calibration", {"intercept": "0", "slope": "-1.1"}),
        ("log_size", 0),
        ("log_size", "9"),
        ("encoding", [["0"]]),
        ("scaling", {"base_points": 600, "base_odds": 50, "points_to_double": 0}),
        ("approved_by", "nobody"),
    ],
)
def test_a_member_that_breaks_its_rule_is_named(member: str, value: object) -> None:
    with pytest.raises(EntryError, match=f"release manifest: {member}"):
        manifest_from_bytes(canonical_json({**_table(), member: value}))


def test_a_release_of_an_earlier_version_says_what_to_do() -> None:
    with pytest.raises(EntryError, match="of an earlier version; train again"):
        manifest_from_bytes(canonical_json({**_table(), "schema": 1, "loss_clip": "0.5"}))


@pytest.mark.parametrize("member", _table())
def test_every_member_is_needed(member: str) -> None:
    table = _table()
    del table[member]
    with pytest.raises(EntryError, match=f"release manifest: {member}"):
        manifest_from_bytes(canonical_json(table))


def test_what_is_no_table_is_no_manifest() -> None:
    for raw in (b"[]", b"1", b'"x"'):
        assert parse_canonical(raw) is not None
        with pytest.raises(EntryError, match="release manifest: table"):
            manifest_from_bytes(raw)
