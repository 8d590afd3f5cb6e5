"""A run as its operator sees it: the link up, the run started, progress, an end."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
from server.federation import Federation, open_federation
from server.link import Link, LinkSettings
from server.purpose import DriftPurpose, read_purpose, report_path, write_purpose
from server.run_state import run_state, unfinished_runs

_LOOK_S = 0.1


def operate_run(  # what a command line may say
    config: Path,
    run: str,
    *,
    is_new: bool,
    purpose: DriftPurpose | None = None,
    abandon: str | None = None,
    show: Callable[[Event], None],
    bundle: bytes | None = None,
) -> None:
    """Open the link, run one campaign in a ServerApp, and close the link.

    Args:
        config: The coordinator's settings.
        run: Name of the run.
        is_new: Whether the name must be unused; else the run is taken up where it stopped.
        purpose: What a new run is for; it trains if left out. One that is taken up again stays what
            it is, and must be of the same kind.
        abandon: Another run that may be left unfinished: its partners close it when this begins.
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
    federation = open_federation(settings)  # what does not fit fails here, before it costs anything
    if is_new:
        charter = federation.terms.charter.hex()
        unfinished = unfinished_runs(federation.scribe.entries(), charter=charter)
        _check_unused(settings.runs / run, unfinished, abandon=abandon)
        if purpose is not None:
            write_purpose(settings.runs / run, purpose)
    else:
        _check_resumable(federation, settings.runs / run, trains=purpose is None)
    events = EventReader(settings.runs / run / "events.jsonl")
    partners = federation.charter.partners
    link_settings = LinkSettings(
        home=settings.runs / run / "link",
        server_cert=settings.server_cert,
        server_key=settings.server_key,
        nodes={item.name: item.node_key.encode("ascii") for item in partners},
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
        command = "train" if read_purpose(settings.runs / run) is None else "drift"
        again = f"fedscore-server {command} --config {config} --resume {run}"
        raise _failure(again, endings, state.details)


def check_run_name(run: str) -> None:
    """Raise ``ConfigError`` unless a run may have this name: it becomes a folder."""
    try:
        check_name(run, "name")
    except EntryError as err:
        raise ConfigError(str(err)) from err
    if not run.strip("."):
        raise ConfigError("name: expected more than dots")


def _check_unused(folder: Path, unfinished: Collection[str], *, abandon: str | None) -> None:
    """Raise unless a new run may begin: it would close every other that is still open."""
    if folder.exists():
        raise ConfigError(f"run {folder.name} exists already; choose another name, or --resume it")
    if others := sorted(set(unfinished) - {abandon}):
        raise ConfigError(
            f"run {others[0]} is unfinished, and a new one would end it: take it up with --resume "
            f"{others[0]}, or give it up with --abandon {others[0]}; what it spent stays spent"
        )


def _check_resumable(federation: Federation, folder: Path, *, trains: bool) -> None:
    """Raise unless there is such a run, of this kind, and it has no result yet."""
    if not folder.exists():
        raise ConfigError(f"there is no run {folder.name} to resume")
    state = run_state(federation.scribe.entries(), folder.name)
    if state.release is not None or report_path(folder).exists():
        raise ConfigError(f"run {folder.name} is complete; there is nothing to resume")
    if trains != (read_purpose(folder) is None):
        other = "drift" if trains else "train"
        raise ConfigError(f"take run {folder.name} up with: fedscore-server {other} --resume")


def _failure(again: str, events: Mapping[object, Event], details: str) -> ScoringError:
    """Return why a run did not end with its result."""
    reason = details.removeprefix("ServerApp failed with exception: ")
    if "paused" in events:
        paused = events["paused"]["reason"]
        return RunPausedError(f"{paused}. Then: {again}")
    if "missing-noise" in events:
        return MissingNoiseError(reason)
    return RoundError(reason or "the run failed; see its link/serverapp.log")


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
