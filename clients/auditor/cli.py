"""``fedscore-audit``: verify an exported log, and be the auditor who signs charters."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clients.auditor.cosign_command import add_cosign
from clients.auditor.exported import audit_export, read_file
from clients.auditor.fetch_command import add_fetch
from clients.auditor.keys import COSIGN, IDENTITY
from clients.auditor.memory import memory_of
from clients.auditor.price_command import add_price
from clients.auditor.proof_command import add_proof
from clients.auditor.receipt_command import add_receipt
from clients.auditor.report_command import add_report
from clients.auditor.serve_command import add_serve
from clients.auditor.verdict import verdict_json, verdict_text
from protocols.charter_summary import charter_summary
from protocols.errors import ConfigError, EntryError, ScoringError, VerificationError
from protocols.ledger.canonical import canonical_json, to_base64
from protocols.ledger.codec import check_name
from protocols.ledger.keyfile import create_key, create_next_key, load_keys
from protocols.ledger.policy import SIGNATURES_NAME, load_charter, sign_charter_file, signers_of
from protocols.ledger.succession import changes, check_follows

CARD_NAME = "auditor-card.json"
_EXIT = """\
exit status:
  0  the log is true; or done
  1  altered, malformed, over a cap, or any other finding
  2  an argument is wrong, or a file or folder is absent or unreadable
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except ScoringError as err:
        sys.stderr.write(f"fedscore-audit: {type(err).__name__}: {err}\n")
        return err.exit_code


def _verify(options: argparse.Namespace) -> int:
    saved = list(options.saved)
    if options.home:
        _, terms = load_charter(options.charter)
        with memory_of(options.home, terms) as memory:
            saved += memory.seen
    _, audit = audit_export(
        options.folder, charter=options.charter, signatures=options.signatures, saved=saved
    )
    printed = verdict_json if options.json else verdict_text
    sys.stdout.write(printed(audit) + "\n")
    return 0 if audit.is_true else VerificationError.exit_code


def _init(options: argparse.Namespace) -> int:
    try:
        check_name(options.name, "name")
        options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except EntryError as err:
        raise ConfigError(str(err)) from err
    except OSError as err:
        raise ConfigError(f"{options.home.name}: no folder can be made here") from err
    for purpose in (IDENTITY, COSIGN):
        create_key(options.home / f"{purpose}.pem")
    card = _write_card(options.home, options.name, {})
    said = f"Made {options.home}. Send {CARD_NAME} to the coordinator; keep everything else.\n"
    sys.stdout.write(card if options.json else said)
    return 0


def _card(options: argparse.Namespace) -> int:
    _, terms = load_charter(options.charter)
    ((name, known),) = terms.auditor.items()
    if options.new_keys:
        for purpose in (IDENTITY, COSIGN):
            create_next_key(options.home, purpose)
    is_new = _newest(options.home, IDENTITY) != known
    more = {"identity_key_before": to_base64(known)} if is_new else {}
    card = _write_card(options.home, name, more)
    path = options.home / CARD_NAME
    said = f"Wrote {path}. Send it to the coordinator for fedscore-server renew.\n"
    sys.stdout.write(card if options.json else said)
    return 0


def _write_card(home: Path, name: str, more: dict[str, str]) -> str:
    keys = {f"{purpose}_key": to_base64(_newest(home, purpose)) for purpose in (IDENTITY, COSIGN)}
    card = canonical_json({"name": name, **keys, **more}) + b"\n"
    _write(home / CARD_NAME, card)
    return card.decode("utf-8")


def _newest(home: Path, purpose: str) -> bytes:
    return load_keys(home, purpose)[-1].public_key().public_bytes_raw()


def _sign(options: argparse.Namespace) -> int:
    keys = load_keys(options.home, IDENTITY)
    _, terms = load_charter(options.charter)
    sys.stdout.write(charter_summary(terms) + "\n")
    if terms.succeeds:
        if options.before is None:
            raise ConfigError("--before: the charter in force, which this one succeeds")
        _, before = load_charter(options.before)
        check_follows(before, terms)
        sys.stdout.write("\n".join(changes(before, terms)) + "\n")
    path = sign_charter_file(options.charter, *keys)
    signed = signers_of(terms, read_file(path))
    waiting = sorted(set(terms.charter_signers) - set(signed))
    sys.stdout.write(f"signed   {', '.join(signed)}\n")
    if waiting:
        sys.stdout.write(f"waiting  {', '.join(waiting)}\n")
    return 0


def _write(path: Path, raw: bytes) -> None:
    try:
        path.write_bytes(raw)
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be written") from err


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fedscore-audit",
        description="Check how much privacy a federation has spent, and whether anyone lied.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True)

    verify = commands.add_parser("verify", help="check an exported log and price it again")
    verify.add_argument("folder", type=Path, help="folder of an exported log")
    verify.add_argument("--charter", type=Path, required=True, help="the charter's TOML file")
    verify.add_argument(
        "--signatures", type=Path, help=f"default: {SIGNATURES_NAME} beside the charter"
    )
    verify.add_argument(
        "--saved",
        type=Path,
        action="append",
        default=[],
        metavar="CHECKPOINT",
        help="a checkpoint of this log kept from earlier, or shown to somebody else; repeatable",
    )
    verify.add_argument(
        "--home", type=Path, help="the auditor's folder: hold the log to what was cosigned before"
    )
    verify.add_argument("--json", action="store_true", help="print everything as JSON")
    verify.set_defaults(run=_verify)

    add_price(commands)
    add_report(commands)
    add_fetch(commands)
    add_cosign(commands)
    add_proof(commands)
    add_receipt(commands)

    init = commands.add_parser("init", help="make the auditor's keys and card")
    init.add_argument("--home", type=Path, required=True, help="folder for the key and the card")
    init.add_argument("--name", required=True, help="the auditor's name in charters")
    init.add_argument("--json", action="store_true", help="print the card, which is JSON")
    init.set_defaults(run=_init)

    card = commands.add_parser("card", help="write a new card for the next charter")
    card.add_argument("--home", type=Path, required=True, help="folder with the auditor's keys")
    card.add_argument("--charter", type=Path, required=True, help="the charter in force")
    card.add_argument("--new-keys", action="store_true", help="make new keys first")
    card.add_argument("--json", action="store_true", help="print the card, which is JSON")
    card.set_defaults(run=_card)

    sign = commands.add_parser("sign", help="show a charter's terms and sign it")
    sign.add_argument("charter", type=Path, help="the charter's TOML file")
    sign.add_argument("--home", type=Path, required=True, help="folder with the auditor's key")
    sign.add_argument("--before", type=Path, help="the charter in force, if it succeeds one")
    sign.set_defaults(run=_sign)
    add_serve(commands)
    return parser
