"""A release loads only as the whole that its manifest names."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from model.artifacts import MANIFEST, TENSORS, load_release, release_from_bytes, tensor_bytes
from model.drift import Reference
from model.evaluator import Evaluator
from model.link import Link
from model.queries.evaluation import SCORE_BINS
from model.scorecard import Scorecard
from protocols.contracts.features import contract_digest
from protocols.contracts.release import (
    Calibration,
    Evaluation,
    Interval,
    PartnerPrivacy,
    ReleaseManifest,
    Scaling,
)
from protocols.errors import ReleaseError
from protocols.ledger.canonical import digest
from tests.unit.model.world import make_contract, make_encoding

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)
TABLE: dict[str, object] = CONTRACT.model_dump(mode="json", by_alias=True)
SCALING = Scaling(base_points=600, base_odds=50, points_to_double=20)
REFERENCE = Reference(
    score_edges=torch.linspace(-3, 1, SCORE_BINS + 1, dtype=torch.float64),
    shares=torch.full((ENCODING.width - 1 + SCORE_BINS,), 0.1, dtype=torch.float64),
    deviations=torch.full((ENCODING.width - 1 + SCORE_BINS,), 0.01, dtype=torch.float64),
)
HALF = Interval(estimate="0.5", low="0", high="1")


def _scorecard() -> Scorecard:
    weights = torch.linspace(-1, 1, ENCODING.width, dtype=torch.float64)
    return Scorecard(CONTRACT, ENCODING, weights, weights.abs(), link=Link(), scaling=SCALING)


def _manifest(tensors: bytes, **changes: object) -> bytes:
    manifest = ReleaseManifest(
        schema=2,
        federation="test",
        run="run-1",
        charter_digest="00" * 32,
        contract_digest=contract_digest(TABLE).hex(),
        contract=TABLE,
        encoding=ENCODING.bins,
        tensors_digest=digest(tensors).hex(),
        clip_norm="0.5",
        calibration=Calibration(intercept="0", slope="1"),
        scaling=SCALING,
        evaluation=Evaluation(
            auc=HALF,
            ks=HALF,
            brier=HALF,
            calibration_error=HALF,
            bad_rate=HALF,
            bands=(),
            segments=(),
        ),
        privacy=(
            PartnerPrivacy(
                partner="one",
                released_micro=1,
                worst_micro=1,
                person_micro=(1,) * 5,
                person_worst_micro=(1,) * 5,
                released_cap_micro=2,
                worst_cap_micro=2,
            ),
        ),
        log_size=3,
        log_root="11" * 32,
    )
    return manifest.model_copy(update=changes).to_bytes()


def _write(folder: Path, manifest: bytes, tensors: bytes) -> Path:
    (folder / MANIFEST).write_bytes(manifest)
    (folder / TENSORS).write_bytes(tensors)
    return folder


def test_a_release_comes_back_as_it_was_written(tmp_path: Path) -> None:
    tensors = tensor_bytes(_scorecard(), REFERENCE)
    manifest = _manifest(tensors)
    release = load_release(_write(tmp_path, manifest, tensors))
    assert release.digest == digest(manifest)
    assert torch.equal(release.scorecard.weights, _scorecard().weights)
    assert torch.equal(release.scorecard.bin_shares, _scorecard().bin_shares)
    assert release.scorecard.encoding == ENCODING
    assert release.scorecard.contract == CONTRACT
    assert release.scorecard.link == Link()
    for name, tensor in vars(REFERENCE).items():
        assert torch.equal(vars(release.reference)[name], tensor)


@pytest.mark.parametrize("gone", [MANIFEST, TENSORS])
def test_a_missing_file_is_no_release(tmp_path: Path, gone: str) -> None:
    tensors = tensor_bytes(_scorecard(), REFERENCE)
    (_write(tmp_path, _manifest(tensors), tensors) / gone).unlink()
    with pytest.raises(ReleaseError, match="missing"):
        load_release(tmp_path)


def test_other_weights_than_the_manifest_names_are_refused(tmp_path: Path) -> None:
    tensors = tensor_bytes(_scorecard(), REFERENCE)
    manifest = _manifest(tensors)
    other = bytearray(tensors)
    other[-1] ^= 1
    with pytest.raises(ReleaseError, match="not those"):
        load_release(_write(tmp_path, manifest, bytes(other)))


@pytest.mark.parametrize("raw", [b"", b"{}", b"not json", b'{"schema":2}'])
def test_a_manifest_that_does_not_parse_is_no_release(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(ReleaseError):
        load_release(_write(tmp_path, raw, tensor_bytes(_scorecard(), REFERENCE)))


def test_an_encoding_of_another_contract_is_no_release(tmp_path: Path) -> None:
    tensors = tensor_bytes(_scorecard(), REFERENCE)
    # As many bins, so that only the cells tell.
    other = (ENCODING.bins[0][:-1], *ENCODING.bins[1:])
    manifest = _manifest(tensors, encoding=other)
    with pytest.raises(ReleaseError, match="other cells"):
        load_release(_write(tmp_path, manifest, tensors))


WEIGHTS = _scorecard().weights
ALL = load(tensor_bytes(_scorecard(), REFERENCE))


@pytest.mark.parametrize(
    "tensors",
    [
        b"not safetensors",
        *(save({name: tensor for name, tensor in ALL.items() if name != gone}) for gone in ALL),
        save(ALL | {"weights": WEIGHTS[:-1].clone()}),
        save(ALL | {"reference_shares": WEIGHTS.clone()}),
        save(ALL | {"weights": WEIGHTS.to(torch.float32)}),
        save(ALL | {"weights": WEIGHTS / 0}),
        save(ALL | {"bin_shares": WEIGHTS * float("nan")}),
    ],
    ids=[
        "not safetensors",
        *(f"without {gone}" for gone in ALL),
        "short",
        "as many as weights",
        "float32",
        "infinite",
        "not a number",
    ],
)
def test_weights_of_another_form_are_refused_even_under_their_digest(tensors: bytes) -> None:
    with pytest.raises(ReleaseError):
        release_from_bytes(_manifest(tensors), tensors)


def test_weights_that_contradict_a_direction_are_refused() -> None:
    fields = [dict(field) for field in TABLE["fields"]]  # type: ignore[attr-defined]
    fields[0]["direction"] = "falling"
    table = {**TABLE, "fields": fields}
    tensors = tensor_bytes(_scorecard(), REFERENCE)  # whose weights rise
    manifest = _manifest(tensors, contract=table, contract_digest=contract_digest(table).hex())
    with pytest.raises(ReleaseError, match=f"contradict the direction of: {fields[0]['name']}"):
        release_from_bytes(manifest, tensors)


def test_a_release_whose_tables_answer_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tensors = tensor_bytes(_scorecard(), REFERENCE)
    bent = Evaluator.of(replace(_scorecard(), link=Link(0.01)))
    monkeypatch.setattr(Evaluator, "of", lambda _: bent)
    with pytest.raises(ReleaseError, match="differ from the scorecard"):
        release_from_bytes(_manifest(tensors), tensors)
