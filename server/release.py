"""From a trained model to a published release: manifest, log entry, files."""

from collections.abc import Collection
from dataclasses import asdict

from model.artifacts import tensor_bytes
from model.descent import Trained
from model.metrics import Estimate
from model.scorecard import Scorecard
from protocols.contracts.features import read_toml
from protocols.contracts.release import (
    Calibration,
    Evaluation,
    Interval,
    PartnerPrivacy,
    ReleaseManifest,
    ScoreBand,
    SegmentReport,
)
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.entry import ReleaseEntry
from server.federation import Federation
from server.model_card import card_files, model_card
from server.registry import Registry, proof_of


def publish_release(
    federation: Federation, run: str, cohort: Collection[str], trained: Trained
) -> ReleaseManifest:
    """Log a release and write it to the registry; killed in between, ``finish_release`` does it.

    Args:
        federation: Charter, contract, log and settings.
        run: The run that trained it.
        cohort: The partners that took part.
        trained: What training ended with.

    Returns:
        The manifest; its digest names the release.
    """
    settings, scribe = federation.settings, federation.scribe
    scorecard = Scorecard(
        contract=federation.contract,
        encoding=trained.encoding,
        weights=trained.weights,
        bin_shares=trained.bin_shares,
        link=trained.link,
        scaling=settings.scaling,
    )
    tensors = tensor_bytes(scorecard, trained.reference)
    evaluation = _evaluation(scorecard, trained)
    manifest = _manifest(federation, run, cohort, trained, evaluation, digest(tensors).hex())
    name = manifest.digest.hex()
    registry = Registry(settings.releases, federation.terms)
    registry.stage(manifest.to_bytes(), tensors, name=name)
    entry = ReleaseEntry(
        link=scribe.link(run), manifest_digest=name, not_closed_by=scribe.not_closed_by(run)
    )
    leaf = scribe.sign(entry).to_bytes()
    scribe.append([leaf])
    finish_release(federation, leaf, name=name)
    return manifest


def finish_release(federation: Federation, leaf: bytes, *, name: str) -> None:
    """Put a release that the log holds already into the registry, its model card beside it.

    Args:
        federation: Log and settings.
        leaf: The release entry as logged.
        name: Digest of the manifest, hex.

    Raises:
        ReleaseError: Its files are gone.
    """
    log, registry = federation.scribe.log, Registry(federation.settings.releases, federation.terms)
    leaves = tuple(log.leaves())
    index = leaves.index(leaf)
    proof = proof_of(leaf, index, log.tree.inclusion_path(index), log.note)
    # Written before the release is in its place: a run that has its release is not taken up again.
    card = model_card(registry.staged(name), leaves[: index + 1])
    registry.finish(proof, name=name, beside=card_files(card))


def _evaluation(scorecard: Scorecard, trained: Trained) -> Evaluation:
    """Say in points what the hold-outs say of logits: the higher those, the fewer the points."""
    quality = trained.quality
    edges = [
        f"{points:.2f}" for points in scorecard.exact_points(trained.score_edges[1:-1]).tolist()
    ]
    return Evaluation(
        auc=_interval(quality.auc),
        ks=_interval(quality.ks),
        brier=_interval(quality.brier),
        calibration_error=_interval(quality.calibration_error),
        bad_rate=_interval(quality.bad_rate),
        bands=tuple(
            ScoreBand(
                least_points=least, share=f"{band.share:.6f}", bad_rate=_interval(band.bad_rate)
            )
            for least, band in zip([*edges, None], quality.bands, strict=True)
        ),
        segments=tuple(
            SegmentReport(
                field=segment.field,
                level=segment.level,
                share=f"{segment.share:.6f}",
                stated=f"{segment.quality.stated:.6f}",
                bad_rate=_interval(segment.quality.bad_rate),
                auc=_interval(segment.quality.auc),
                calibration_error=_interval(segment.quality.calibration_error),
            )
            for segment in trained.segments
        ),
    )


def _manifest(
    federation: Federation,
    run: str,
    cohort: Collection[str],
    trained: Trained,
    evaluation: Evaluation,
    tensors: str,
) -> ReleaseManifest:
    terms = federation.terms
    position = open_checkpoint(federation.scribe.log.note, terms.log)
    return ReleaseManifest(
        schema=2,
        federation=federation.charter.federation,
        run=run,
        charter_digest=terms.charter.hex(),
        contract_digest=federation.charter.contract_digest,
        contract=read_toml(federation.settings.contract),
        encoding=trained.encoding.bins,
        tensors_digest=tensors,
        clip_norm=federation.charter.privacy.gradient_clip_norm,
        calibration=Calibration(
            intercept=f"{trained.link.intercept:.6f}", slope=f"{trained.link.slope:.6f}"
        ),
        scaling=federation.settings.scaling,
        evaluation=evaluation,
        privacy=_privacy(federation, cohort),
        log_size=position.size,
        log_root=position.root.hex(),
    )


def _privacy(federation: Federation, cohort: Collection[str]) -> tuple[PartnerPrivacy, ...]:
    terms = federation.terms
    return tuple(
        PartnerPrivacy(
            partner=name,
            **asdict(price),
            released_cap_micro=terms.released_cap_micro,
            worst_cap_micro=terms.worst_cap_micro,
        )
        for name, price in sorted(federation.scribe.prices(cohort).items())
    )


def _interval(estimate: Estimate) -> Interval:
    return Interval(
        estimate=f"{estimate.value:.6f}", low=f"{estimate.low:.6f}", high=f"{estimate.high:.6f}"
    )
