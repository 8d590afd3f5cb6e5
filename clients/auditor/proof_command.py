"""``fedscore-audit prove`` and ``check-proof``: one entry, shown without the rest of its log."""

import argparse
import json
import sys
from pathlib import Path

from clients.auditor.exported import read_file
from protocols.errors import ConfigError, FolderError
from protocols.ledger.canonical import digest
from protocols.ledger.charters import Charters
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.entry import POLICY, entry_in
from protocols.ledger.envelope import Envelope, parse_envelope, verify_envelope
from protocols.ledger.export import read_export
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.policy import load_charter
from protocols.ledger.proof_bundle import open_bundle, proof_bundle
from protocols.ledger.tiles import leaves_in, size_of
from protocols.ledger.tree import Tree
from protocols.ledger.verify import WITNESSED_NAME

_CHECK_EXIT = """\
exit status:
  0  the entry is in the log that a quorum of witnesses has seen, and its signer's own
  1  it is not shown to be
  2  an argument is wrong, or a file is absent or unreadable
"""


def add_proof(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands."""
    prove = commands.add_parser("prove", help="write a proof of one entry, to be handed on alone")
    prove.add_argument("folder", type=Path, help="folder of an exported log")
    prove.add_argument("--charter", type=Path, required=True, help="the charter's TOML file")
    prove.add_argument("--entry", type=int, required=True, help="number of the entry, from 0")
    prove.add_argument("--out", type=Path, required=True, help="file to write, .tlog-proof")
    _add_earlier(prove)
    prove.set_defaults(run=_prove)

    check = commands.add_parser(
        "check-proof",
        help="check the proof of one entry, without its log",
        epilog=_CHECK_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("file", type=Path, help="a proof that prove wrote")
    check.add_argument("--charter", type=Path, required=True, help="the charter's TOML file")
    _add_earlier(check)
    check.set_defaults(run=_check)


def _add_earlier(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--earlier",
        type=Path,
        action="append",
        default=[],
        metavar="CHARTER",
        help="the charter before it that the entry is under, if it is under one; repeatable",
    )


def _prove(options: argparse.Namespace) -> int:
    charters = _charters(options)
    terms = charters.latest
    files = read_export(options.folder)
    if WITNESSED_NAME not in files:
        raise FolderError("no quorum of witnesses has seen this log yet: nothing can be proven")
    note = files[WITNESSED_NAME].decode("utf-8", errors="replace")
    size = open_checkpoint(note, terms.log).size
    if not 0 <= options.entry < size:
        raise ConfigError(f"--entry {options.entry}: expected 0 to {size - 1}, as witnesses saw it")
    leaves = list(leaves_in(files, size_of(files)))
    tree = Tree(map(leaf_hash, leaves))
    path = tree.inclusion_path(options.entry, size=size)
    text = proof_bundle(options.entry, path, note, extra=leaves[options.entry])
    _open(text, charters)  # a proof that does not verify is no use to anybody
    try:
        options.out.write_text(text, encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{options.out.name}: cannot be written") from err
    sys.stdout.write(f"Wrote {options.out}. Check: fedscore-audit check-proof FILE --charter ...\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    text = read_file(options.file).decode("utf-8", errors="replace")
    sys.stdout.write(_open(text, _charters(options)))
    return 0


def _charters(options: argparse.Namespace) -> Charters:
    _, latest = load_charter(options.charter)
    return Charters(latest, [load_charter(path)[1] for path in options.earlier])


def _open(text: str, charters: Charters) -> str:
    """Return what a proof shows, in words."""
    terms = charters.latest
    proven = open_bundle(text, log=terms.log, witnesses=terms.witnesses, quorum=terms.quorum)
    envelope = parse_envelope(proven.leaf)
    signers = _signers(envelope, charters)
    verify_envelope(envelope, payload_type=envelope.payload_type, keys=signers)
    witnesses = ", ".join(item.witness for item in proven.cosignatures)
    said = json.dumps(json.loads(envelope.payload), indent=2, sort_keys=True)
    return (
        f"entry    {proven.index} of {terms.log.origin}, {envelope.payload_type}\n"
        f"signed   by {', '.join(signers)}\n"
        f"witness  {witnesses} saw it among {proven.checkpoint.size} entries\n"
        f"{said}\n"
        "That it is right, and what else was said, only the whole log shows: "
        "fedscore-audit verify.\n"
    )


def _signers(envelope: Envelope, charters: Charters) -> dict[str, bytes]:
    """Return who must have signed an entry, and with which key."""
    if envelope.payload_type == POLICY:
        return charters.of(digest(envelope.payload).hex()).charter_signers
    link = entry_in(envelope).link
    return {link.signer: charters.of(link.charter).key_of(link.signer)}
