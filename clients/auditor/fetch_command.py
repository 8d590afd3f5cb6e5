"""``fedscore-audit fetch``: the coordinator's log as a folder, so that nobody has to send one."""

import argparse
import sys
from pathlib import Path

from protocols.errors import ConfigError
from protocols.ledger.export import write_export

_OURS = ("clients", "protocols")


def add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    fetch = commands.add_parser("fetch", help="get the log from the coordinator, to be verified")
    fetch.add_argument("--log", required=True, metavar="HOST:PORT", help="the coordinator's log")
    fetch.add_argument(
        "--ca",
        type=Path,
        required=True,
        help="the federation's ca.crt, which came with the charter",
    )
    fetch.add_argument("--out", type=Path, required=True, help="folder to write or to replace")
    fetch.set_defaults(run=_fetch)


def _fetch(options: argparse.Namespace) -> int:
    try:
        from clients.auditor.remote import RemoteLog, open_channel  # here: verify needs no gRPC
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(_OURS):
            raise
        raise ConfigError(f'fetch needs {err.name}: pip install "fedscore[audit]"') from err
    with open_channel(options.log, ca=options.ca) as channel:
        remote = RemoteLog(channel)
        witnessed = remote.witnessed()
        note, leaves = remote.fetch()
    write_export(options.out, note=note, witnessed=witnessed, leaves=leaves)
    sys.stdout.write(
        f"Wrote {len(leaves)} entries. Check: fedscore-audit verify {options.out} --charter ...\n"
    )
    return 0
