"""``fedscore-audit cosign``: witness a log, as the charter's quorum counts on."""

import argparse
import sys
import time
from pathlib import Path

from clients.auditor.exported import audit_export, read_file
from clients.auditor.keys import COSIGN
from clients.auditor.memory import memory_of
from protocols.errors import ConfigError
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.cosignature import cosigned
from protocols.ledger.keyfile import key_for, load_keys
from protocols.ledger.policy import SIGNATURES_NAME, load_charter
from protocols.ledger.verify import CHECKPOINT_NAME

_EXIT = """\
exit status:
  0  cosigned
  1  nothing is signed: it is no log, or another than somebody has seen before
  2  an argument is wrong, or a file or folder is absent or unreadable
"""


def add_cosign(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    cosign = commands.add_parser(
        "cosign",
        help="witness a log: sign that it goes on from what was seen before",
        description="Verify an exported log against everything that was cosigned before, and "
        "write a cosigned checkpoint for the coordinator.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cosign.add_argument("folder", type=Path, help="folder of an exported log")
    cosign.add_argument("--charter", type=Path, required=True, help="the charter's TOML file")
    cosign.add_argument(
        "--signatures", type=Path, help=f"default: {SIGNATURES_NAME} beside the charter"
    )
    cosign.add_argument("--home", type=Path, required=True, help="the auditor's folder")
    cosign.add_argument("--out", type=Path, required=True, help="file to write")
    cosign.set_defaults(run=_cosign)


def _cosign(options: argparse.Namespace) -> int:
    _, terms = load_charter(options.charter)
    (name,) = terms.auditor
    keys = load_keys(options.home, COSIGN)
    key = key_for(terms.witnesses[name], keys, what=f"cosign key of {options.home.name}")
    with memory_of(options.home, terms) as memory:
        _, audit = audit_export(
            options.folder,
            charter=options.charter,
            signatures=options.signatures,
            saved=memory.seen,
        )
        note = read_file(options.folder / CHECKPOINT_NAME)
        memory.see(audit, note)  # first: from now on no other branch is signed
    checkpoint = open_checkpoint(note.decode("utf-8"), terms.log)
    try:
        line = cosigned(checkpoint, name=name, key=key, at=int(time.time()))
        options.out.write_text(line, encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{options.out.name}: cannot be written") from err
    sys.stdout.write(
        f"Cosigned {audit.size} entries as {name}. Give {options.out} to the coordinator: "
        "fedscore-server receive FILE\n"
    )
    if not audit.is_true:
        sys.stdout.write(
            f"The log has {len(audit.findings)} finding(s). The cosignature says that it is the "
            "one log that all see, and not that what it says is true.\n"
        )
    return 0
