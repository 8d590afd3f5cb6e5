"""``fedscore-audit report``: a page for people and a record for programs, from one audit."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from clients.auditor.exported import audit_export, read_file
from protocols.errors import ConfigError, VerificationError
from protocols.ledger.policy import SIGNATURES_NAME, load_charter
from protocols.ledger.verify import CHECKPOINT_NAME

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
    report.add_argument("--language", choices=LANGUAGES, default="en", help="default: %(default)s")
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
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
    page, record = options.out, options.out.with_suffix(".json")
    if page == record:
        raise ConfigError("--out: expected the name of an HTML file; JSON is written beside it")
    with _patience("pricing and writing the report ..."):
        terms, audit = audit_export(
            options.folder, charter=options.charter, signatures=options.signatures
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
        _write(page, render(facts, load_words(options.language)))
        _write(record, render_json(facts))
    verdict = "TRUE" if facts.is_true else f"NOT TRUE: {len(facts.findings)} finding(s)"
    apart = f"; {len(facts.disagreements)} price(s) differ" if facts.disagreements else ""
    sys.stdout.write(f"report   {page}\nrecord   {record}\nverdict  {verdict}{apart}\n")
    return 0 if facts.is_sound else VerificationError.exit_code


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
