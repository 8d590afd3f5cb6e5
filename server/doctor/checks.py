"""The doctor's checks, in the order of a start; here those of what a server reads."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.contracts.charter import load_charter_model
from protocols.errors import ConfigError, ContractError
from server.doctor.port_checks import PORT_CHECKS
from server.doctor.receipt_checks import RECEIPT_CHECKS
from server.doctor.report import Check, Installation
from server.doctor.tls_checks import TLS_CHECKS
from server.journal.database import parse_database
from server.journal.journal import PATIENCE_S, Journal, open_journal
from server.serving.fast import FastCore
from server.serving.rulebook_file import read_rulebook
from server.serving.transport import doubt_of_fast

NEWEST = 1_000  # records; all of them are for `journal verify`
ROOM_BYTES = 1 << 30

_GIB = 1 << 30


def settings(asked: Installation) -> str:
    """Settings and charter parse."""
    charter, _ = load_charter_model(asked.coordinator.charter)
    return f"{asked.config.name} and the charter of {charter.federation} parse"


def options(asked: Installation) -> str:
    """The options fit one another."""
    asked.options.settings(asked.coordinator)
    if (asked.certificate is None) != (asked.key is None):
        raise ConfigError("--certificate and --key go together")
    if asked.options.any_caller:
        return "fit; whoever reaches the port may ask everything (--any-caller)"
    return "fit; callers show certificates"


def core(asked: Installation) -> str:
    """What was asked for carries the calls."""
    if asked.options.core == "public":
        return "the public core, as asked"
    doubt = doubt_of_fast(FastCore)
    if doubt is not None:
        raise ConfigError(f"the public core would serve, more slowly: {doubt}")
    return "the fast core"


def journal_opens(asked: Installation) -> str:
    """The journal is one of this version, or there is none yet."""
    if _is_new(asked):
        return "none yet; the server makes it at its first start"
    with _opened(asked):
        return "opens, and is of this version"


def journal_records(asked: Installation) -> str:
    """The last records are what was stored."""
    if _is_new(asked):
        return "none yet"
    with _opened(asked) as journal:
        records = journal.newest(NEWEST)
    return f"the last {len(records)} records verify"


def disk(asked: Installation) -> str:
    """The journal has room to grow."""
    path = _file(asked)
    if path is None:
        return "the journal is in PostgreSQL; see to the disk there"
    try:
        free = shutil.disk_usage(path.resolve().parent).free
    except OSError as err:
        raise ConfigError("the journal's folder cannot be read") from err
    if free < ROOM_BYTES:
        raise ConfigError(f"{free / _GIB:.2f} GiB free beside the journal; expected 1 or more")
    return f"{free / _GIB:.1f} GiB free beside the journal"


def releases(asked: Installation) -> str:
    """The releases that are named open, are proven, and their tables answer as they should."""
    routing = asked.served.routing
    named = routing.model_dump(exclude_none=True, exclude={"challenger_percent"})
    said = ", ".join(f"{role} {digest[:12]}" for role, digest in named.items())
    return f"{said}: in the log, and their tables agree"


def policies(asked: Installation) -> str:
    """The policy book is what officers signed."""
    book = asked.policies
    return f"{len(book.links)} acts on {len(book.lives)} policies verify"


def active_policy(asked: Installation) -> str:
    """A policy is active, so that limits are decided."""
    products = asked.policies.active_products(asked.now)
    if not products:
        raise ConfigError("no policy is active: scores would be given, and no limits")
    return f"active for {', '.join(products)}"


def challenger_policy(asked: Installation) -> str:
    """The challenger policy parses, and is in the currency of the release."""
    path = asked.options.challenger_policy
    if path is None:
        return "none is named"
    theirs = asked.served.champion.scorecard.contract.currency
    return f"{read_rulebook(path, currency=theirs).policy.name} parses, and is in {theirs}"


def currency(asked: Installation) -> str:
    """Every policy in force is in the currency of the release."""
    expected = asked.served.champion.scorecard.contract.currency
    for digest in asked.policies.in_force(asked.now):
        found = asked.policies.policy(digest).currency
        if found != expected:
            raise ContractError(f"policy {digest.hex()}: {found}, the release: {expected}")
    return f"policies in force and release are in {expected}"


def clock(asked: Installation) -> str:
    """The clock is not before what was answered last."""
    now = f"{asked.now:%Y-%m-%d %H:%M:%S} UTC"
    if _is_new(asked):
        return f"it is {now}"
    with _opened(asked) as journal:
        newest = [record.answered_at for record in journal.newest(1)]
    if any(at > asked.now for at in newest):
        raise ConfigError(f"it is {now}, before the journal's last record of {newest[0]}")
    return f"it is {now}, not before the journal's last record"


def _file(asked: Installation) -> Path | None:
    database = parse_database(asked.options.journal, patience_s=PATIENCE_S)
    return Path(database.engine.url.database or "") if database.is_sqlite else None


def _is_new(asked: Installation) -> bool:
    path = _file(asked)
    if path is None or not path.parent.is_dir():
        return False
    return not path.exists() or path.stat().st_size == 0  # as a first start that was killed left it


@contextmanager
def _opened(asked: Installation) -> Iterator[Journal]:
    journal = open_journal(asked.options.journal, may_create=False)
    try:
        yield journal
    finally:
        journal.close()


CHECKS = (
    Check(
        "settings",
        settings,
        "put right what is named; is --config the coordinator's server.toml, charter and "
        "signatures beside it?",
    ),
    Check(
        "options",
        options,
        "see fedscore-server serve --help; callers' certificates need --client-ca and --access",
    ),
    *TLS_CHECKS,
    *PORT_CHECKS,
    Check(
        "core",
        core,
        "install what constraints.txt pins, or say --core public, which is slower",
    ),
    Check(
        "journal",
        journal_opens,
        "run as the user that serves; check path and rights, or whether the database is up; in "
        "PostgreSQL the first start of the server makes it",
    ),
    Check("disk", disk, "free some, or move the journal while no server runs"),
    Check(
        "journal records",
        journal_records,
        "stop the servers, keep the journal as it is, run fedscore-server journal verify, and "
        "restore a backup elsewhere",
    ),
    *RECEIPT_CHECKS,
    Check(
        "releases",
        releases,
        "restore the releases folder from a backup, or name others: fedscore-server route",
    ),
    Check(
        "policies",
        policies,
        "restore what is named from a copy of the policy book's folder (--policies); then "
        "fedscore-server policy verify",
    ),
    Check(
        "active policy",
        active_policy,
        "fedscore-server policy list shows what there is; activate one",
    ),
    Check("currency", currency, "activate a policy in the currency of the release's contract"),
    Check(
        "challenger policy",
        challenger_policy,
        "put right what is named in the file (--challenger-policy), or serve without it",
    ),
    Check("clock", clock, "set the clock (NTP), then start the server"),
)
