"""One training run as its operator sees it: the link up, a run started, progress, an end."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from protocols.contracts.charter import load_charter_model
from protocols.errors import (
    ConfigError,
    EntryError,
    MissingNoiseError,
    RoundError,
    RunPausedError,
    ScoringError,
)
from protocols.ledger.codec import check_name
from server.bundle import build_bundle
from server.config import load_settings
from server.events import Event, EventReader
from server.federation import open_federation
from server.link import Link, LinkSettings

_LOOK_S = 0.1


def train_run(
    config: Path,
    run: str,
    *,
    is_new: bool,
    show: Callable[[Event], None],
    bundle: bytes | None = None,
) -> None:
    """Open the link, run one campaign in a ServerApp, and close the link.

    Args:
        config: The coordinator's settings.
        run: Name of the run.
        is_new: Whether the name must be unused; else the run is taken up where it stopped.
        show: Called with every event as it happens.
        bundle: The ServerApp; that of ``server.app`` if left out.

    Raises:
        ConfigError, ContractError, VerificationError: A file is missing or does not fit.
        RunPausedError: Too few partners are left; the run can be resumed.
        MissingNoiseError: The sums held less noise than they should; the run is over.
        RoundError: The run failed; says why. What was spent stays spent.
    """
    check_run_name(run)
    settings = load_settings(config)
    if is_new and (settings.runs / run).exists():
        raise ConfigError(f"run {run} exists already; choose another name, or --resume it")
    if not is_new and not (settings.runs / run).exists():
        raise ConfigError(f"there is no run {run} to resume")
    open_federation(settings)  # what does not fit fails here, before partners are bothered
    charter, _ = load_charter_model(settings.charter)
    events = EventReader(settings.runs / run / "events.jsonl")
    link_settings = LinkSettings(
        home=settings.runs / run / "link",
        server_cert=settings.server_cert,
        server_key=settings.server_key,
        nodes={partner.name: partner.node_key.encode("ascii") for partner in charter.partners},
        public_host=settings.public_host,
        public_port=settings.public_port,
    )
    with _flower_logs_to(settings.runs / run / "superlink.log"), Link(link_settings) as link:
        show({"event": "listening", "at": round(time.time(), 3), "address": link.public_address})
        run_id = link.start_run(run, config=config, bundle=bundle or build_bundle())
        endings: dict[object, Event] = {}
        while True:
            state = link.run_state(run_id)
            for event in events.read():
                show(event)
                endings[event["event"]] = event
            if state.is_finished:
                break
            time.sleep(_LOOK_S)
    if not state.is_completed:
        raise _failure(run, endings, state.details)


def check_run_name(run: str) -> None:
    """Raise ``ConfigError`` unless a run may have this name: it becomes a folder."""
    try:
        check_name(run, "name")
    except EntryError as err:
        raise ConfigError(str(err)) from err
    if not run.strip("."):
        raise ConfigError("name: expected more than dots")


def _failure(run: str, events: Mapping[object, Event], details: str) -> ScoringError:
    """Return why a run did not end with a release."""
    if "paused" in events:
        reason = events["paused"]["reason"]
        return RunPausedError(f"{reason}. Then: fedscore-server train --resume {run}")
    if "missing-noise" in events:
        return MissingNoiseError(f"run {run} is over: {details}")
    return RoundError(f"run {run} failed: {details or 'see its link/serverapp.log'}")


@contextmanager
def _flower_logs_to(path: Path) -> Iterator[None]:
    """Keep Flower's own log lines off the operator's screen, and in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger, file = logging.getLogger("flwr"), logging.FileHandler(path)
    handlers, logger.handlers = logger.handlers, [file]
    try:
        yield
    finally:
        logger.handlers = handlers
        file.close()
