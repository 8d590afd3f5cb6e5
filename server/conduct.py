"""What a run does from beginning to end: it trains and publishes a release, or measures drift."""

from pathlib import Path

from model.accounting import Setting, TrainingPlan, plan_training
from model.descent import train
from protocols.contracts.privacy import PRIVATE_NEWTON
from protocols.ledger.price import parse_decimal
from protocols.lock import only_process
from server.campaign import Campaign, open_campaign
from server.config import load_settings
from server.correspondence import Transport
from server.drift import measure_drift
from server.federation import Federation
from server.purpose import read_purpose
from server.release import finish_release, publish_release


def run_campaign(config: Path, run: str, transport: Transport) -> None:
    """Do what a run is for, with the federation that a settings file describes.

    A run that was begun before is taken up where it stopped.

    Args:
        config: The coordinator's settings.
        run: Name of the run.
        transport: The way to the partners.

    Raises:
        ConfigError, ContractError, VerificationError: A file is missing or does not fit, or the
            run has no plain name, or is over.
        RunPausedError: Too few partners are left; the run can be resumed.
        RoundError: Too few partners, or too many lost attempts. What was spent stays spent.
        MissingNoiseError: The sums hold less noise than they should.
    """
    settings = load_settings(config)
    # One that was killed with its coordinator may take a moment to end.
    with only_process(settings.log.parent, "log", patience_s=10.0):
        _conduct(open_campaign(config, run, transport))


def _conduct(campaign: Campaign) -> None:
    purpose = read_purpose(campaign.federation.settings.runs / campaign.run)
    if purpose is None:
        _train(campaign)
    else:
        measure_drift(campaign, purpose)


def _train(campaign: Campaign) -> None:
    """Train, publish, and have it witnessed."""
    federation, run = campaign.federation, campaign.run
    if campaign.state.release is None:
        plan = training_plan(federation)
        clip_norm = float(parse_decimal(federation.charter.privacy.gradient_clip_norm))
        trained = campaign.conduct(plan, train(federation.contract, plan, clip_norm=clip_norm))
        name = publish_release(federation, run, campaign.state.authorisations, trained).digest.hex()
    else:
        envelope, entry = campaign.state.release
        name = entry.manifest_digest
        finish_release(federation, envelope.to_bytes(), name=name)
    campaign.events.write("released", digest=name)
    campaign.post.gather_witnesses()  # a release that witnesses have seen cannot be taken back


def training_plan(federation: Federation) -> TrainingPlan:
    """Return what a training run asks; settings and charter alone decide it."""
    privacy = federation.charter.privacy
    return plan_training(
        federation.settings.run_epsilon_micro,
        delta=federation.terms.delta,
        spare_attempts=privacy.spare_attempts,
        setting=Setting(
            fields=len(federation.contract.fields),
            segments=len(federation.contract.segments),
            partners=len(federation.charter.partners),
            sharing=federation.terms.sharing,
            capacity=federation.charter.capacity,
            clip_norm=float(parse_decimal(privacy.gradient_clip_norm)),
        ),
        profile=PRIVATE_NEWTON,
    )
