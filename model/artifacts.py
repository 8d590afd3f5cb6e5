"""Releases as files: a manifest and safetensors, named by digest; never a pickle."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from model.drift import Reference
from model.evaluator import Evaluator
from model.features import Encoding
from model.link import Link
from model.parity import check_parity
from model.queries.evaluation import SCORE_BINS
from model.scorecard import Scorecard
from model.shape import contradicted
from protocols.contracts.features import contract_from_table
from protocols.contracts.release import ReleaseManifest, manifest_from_bytes
from protocols.errors import ReleaseError, ScoringError
from protocols.ledger.canonical import digest

MANIFEST = "manifest.json"
TENSORS = "tensors.safetensors"


@dataclass(frozen=True)
class Release:
    """A loaded release: what it says of itself, and the scorecard that answers.

    Attributes:
        reference: Where the borrowers of training lay.
    """

    digest: bytes
    manifest: ReleaseManifest
    scorecard: Scorecard
    reference: Reference

    @cached_property
    def evaluator(self) -> Evaluator:
        """The scorecard as tables, which answer faster."""
        return Evaluator.of(self.scorecard)


def tensor_bytes(scorecard: Scorecard, reference: Reference) -> bytes:
    """Return the safetensors file of a release; its SHA-256 goes into the manifest."""
    return save(
        {
            "bin_shares": scorecard.bin_shares,
            "reference_deviations": reference.deviations,
            "reference_shares": reference.shares,
            "score_edges": reference.score_edges,
            "weights": scorecard.weights,
        }
    )


def load_release(folder: Path) -> Release:
    """Read a release from its folder and check every part against the manifest.

    Raises:
        ReleaseError: A file is missing, or does not match what the manifest says.
    """
    try:
        manifest_raw = (folder / MANIFEST).read_bytes()
        tensors_raw = (folder / TENSORS).read_bytes()
    except OSError as err:
        raise ReleaseError(f"release {folder.name}: a file is missing or unreadable") from err
    try:
        return release_from_bytes(manifest_raw, tensors_raw)
    except ScoringError as err:
        raise ReleaseError(f"release {folder.name}: {err}") from err


def release_from_bytes(manifest_raw: bytes, tensors_raw: bytes) -> Release:
    """Build a release from its two files.

    Raises:
        ReleaseError: Shapes or digests do not match the manifest, or its tables do not answer as
            its scorecard does.
        EntryError, ContractError: The manifest does not parse.
    """
    manifest = manifest_from_bytes(manifest_raw)
    if digest(tensors_raw).hex() != manifest.tensors_digest:
        raise ReleaseError("the weights are not those the manifest names")
    contract = contract_from_table(manifest.contract, where="manifest contract")
    encoding = Encoding(manifest.encoding)
    encoding.check(contract)
    try:
        tensors = load(tensors_raw)
    except SafetensorError as err:
        raise ReleaseError("the weights file is not safetensors") from err
    bins = encoding.width - 1 + SCORE_BINS
    for name, width in (
        ("weights", encoding.width),
        ("bin_shares", encoding.width),
        ("score_edges", SCORE_BINS + 1),
        ("reference_shares", bins),
        ("reference_deviations", bins),
    ):
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != (width,) or tensor.dtype != torch.float64:
            raise ReleaseError(f"{name}: expected {width} float64 numbers")
        if not bool(tensor.isfinite().all()):
            raise ReleaseError(f"{name}: holds a number that is not finite")
    if names := contradicted(tensors["weights"], contract=contract, encoding=encoding):
        raise ReleaseError(f"the weights contradict the direction of: {', '.join(names)}")
    scorecard = Scorecard(
        contract=contract,
        encoding=encoding,
        weights=tensors["weights"],
        bin_shares=tensors["bin_shares"],
        link=Link(
            intercept=float(manifest.calibration.intercept),
            slope=float(manifest.calibration.slope),
        ),
        scaling=manifest.scaling,
    )
    release = Release(
        digest=digest(manifest_raw),
        manifest=manifest,
        scorecard=scorecard,
        reference=Reference(
            score_edges=tensors["score_edges"],
            shares=tensors["reference_shares"],
            deviations=tensors["reference_deviations"],
        ),
    )
    check_parity(scorecard, release.evaluator)
    return release
