"""``fedscore-audit report``: a page for people and a record for programs, from one audit."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.auditor.exported import audit_export, read_file
from clients.auditor.keys import IDENTITY
from clients.auditor.memory import Memory, memory_of
from protocols.errors import ConfigError, VerificationError
from protocols.ledger.audit import Audit
from protocols.ledger.canonical import digest
from protocols.ledger.entry import AuditReport, sign_entry
from protocols.ledger.keyfile import key_for, load_keys
from protocols.ledger.policy import SIGNATURES_NAME, load_charter
from protocols.ledger.verify import CHECKPOINT_NAME

if TYPE_CHECKING:
    from clients.auditor.facts import Facts

LANGUAGES = ("en", "zh")
_OURS = ("clients", "protocols")
_PATIENCE_S = 2.0
_EXIT = """\
exit status:
  0  the log is true
  1  it is not, or the accountants disagree; the report is written all the same and says so
  2  an argument is wrong, a file or folder is absent or unreadable, or a package is missing
"""


def add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    report = commands.add_parser(
        "report",
        help="verify an exported log and write the audit report",
        description="Verify an exported log, price it by three accountants, and write a report: "
        "one HTML file that needs no network, and the same as JSON beside it.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument("folder", type=Path, help="folder of an exported log")
    report.add_argument("--charter", type=Path, required=True, help="the charter's TOML file")
    report.add_argument(
        "--signatures", type=Path, help=f"default: {SIGNATURES_NAME} beside the charter"
    )
    report.add_argument(
        "--out", type=Path, required=True, help="HTML file to write; JSON is written beside it"
    )
    report.add_argument(
        "--home", type=Path, help="the auditor's folder: also sign a report entry for the log"
    )
    report.add_argument("--language", choices=LANGUAGES, default="en", help="default: %(default)s")
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    page, record = options.out, options.out.with_suffix(".json")
    if page == record:
        raise ConfigError("--out: expected the name of an HTML file; JSON is written beside it")
    _, terms = load_charter(options.charter)
    if options.home is None:
        audit, facts = _written(options)
    else:
        (identity,) = terms.auditor.values()
        keys = load_keys(options.home, IDENTITY)
        key = key_for(identity, keys, what=f"identity key of {options.home.name}")
        with memory_of(options.home, terms) as memory:
            audit, facts = _written(options, saved=memory.seen)
            note = read_file(options.folder / CHECKPOINT_NAME)
            leaf = sign_report(memory, audit, note, read_file(record), key=key)
        entry = record.with_suffix(".entry.json")
        _write(entry, leaf.decode("ascii"))
        sys.stdout.write(f"entry    {entry}; for the coordinator: fedscore-server receive FILE\n")
    verdict = "TRUE" if facts.is_true else f"NOT TRUE: {len(facts.findings)} finding(s)"
    apart = f"; {len(facts.disagreements)} price(s) differ" if facts.disagreements else ""
    sys.stdout.write(f"report   {page}\nrecord   {record}\nverdict  {verdict}{apart}\n")
    return 0 if facts.is_sound else VerificationError.exit_code


def sign_report(
    memory: Memory, audit: Audit, note: bytes, record: bytes, *, key: Ed25519PrivateKey
) -> bytes:
    """Return a signed entry that says what was found, remembered before it is handed over.

    Args:
        memory: What the auditor remembers of the log.
        audit: What was found, with the memory's checkpoint among the saved ones.
        note: The checkpoint that was audited.
        record: The report's JSON.
        key: The auditor's identity key.

    Raises:
        VerificationError: The log is none, or not the one that was seen before.
    """
    memory.see(audit, note)
    entry = AuditReport(
        link=memory.next_link(audit, at=int(time.time())),
        findings=len(audit.findings),
        report_digest=digest(record).hex(),
    )
    leaf = sign_entry(entry, key).to_bytes()
    memory.say(leaf)
    return leaf


def _written(options: argparse.Namespace, *, saved: Sequence[Path] = ()) -> "tuple[Audit, Facts]":
    """Audit the folder, and write page and record."""
    try:  # here: verify needs none of them
        from clients.auditor.gathering import facts_of
        from clients.auditor.pricing import price_audit
        from clients.auditor.report.page import render
        from clients.auditor.report.record import render_json
        from clients.auditor.report.words import load_words
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(_OURS):
            raise
        raise ConfigError(f'report needs {err.name}: pip install "fedscore[audit]"') from err
    with _patience("pricing and writing the report ..."):
        terms, audit = audit_export(
            options.folder, charter=options.charter, signatures=options.signatures, saved=saved
        )
        table, _ = load_charter(options.charter)
        note = options.folder / CHECKPOINT_NAME
        facts = facts_of(
            audit,
            terms,
            table=table,
            pricing=price_audit(audit, terms),
            checkpoint=read_file(note) if note.is_file() else b"",
        )
        _write(options.out, render(facts, load_words(options.language)))
        _write(options.out.with_suffix(".json"), render_json(facts))
    return audit, facts


@contextmanager
def _patience(said: str) -> Iterator[None]:
    """Say on stderr what goes on, if it takes longer than one waits without a word."""
    timer = Timer(_PATIENCE_S, lambda: sys.stderr.write(f"fedscore-audit: {said}\n"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be written") from err
