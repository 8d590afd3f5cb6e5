"""What is wrong with a serving installation: one short check each, which changes nothing.

Opening a journal in a file makes its ``-wal`` and ``-shm`` files, so the doctor runs as the user
that serves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

from protocols.contracts.charter import load_charter_model
from protocols.errors import ScoringError
from server.config import CoordinatorSettings, load_settings
from server.policies.book import Book
from server.policies.reading import verify_book
from server.registry import Registry
from server.serving.options import ServeOptions
from server.serving.releases import Served, load_served, resolve
from server.serving.routing import read_routing


@dataclass(frozen=True)
class Installation:
    """What ``fedscore-server serve`` would be started with.

    Attributes:
        config: The coordinator's settings.
        options: Those of ``serve``.
        now: By this machine's clock, in UTC.
        certificate, key: Of a caller, in PEM, or None.
    """

    config: Path
    options: ServeOptions
    now: datetime
    certificate: Path | None = None
    key: Path | None = None

    @cached_property
    def coordinator(self) -> CoordinatorSettings:
        """The coordinator's settings; raises ConfigError, as ``serve`` does."""
        return load_settings(self.config)

    @cached_property
    def policies(self) -> Book:
        """The policy book, read once; raises one of our errors if it does not verify."""
        return verify_book(self.options.policies)

    @cached_property
    def served(self) -> Served:
        """The releases that would serve, opened once; raises one of our errors if they do not."""
        _, terms = load_charter_model(self.coordinator.charter)
        registry = Registry(self.coordinator.releases, terms)
        return load_served(registry, resolve(read_routing(self.coordinator.routing), registry))


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        name: Of the check.
        is_ok: Whether nothing is wrong.
        found: What there is, without a secret.
        next_step: What to do about it; empty if nothing is wrong.
    """

    name: str
    is_ok: bool
    found: str
    next_step: str = ""


@dataclass(frozen=True)
class Check:
    """One question.

    Attributes:
        name: What people call it.
        look: Returns what it found; raises one of our errors if that is wrong.
        next_step: What to do then.
    """

    name: str
    look: Callable[[Installation], str]
    next_step: str


def examine(installation: Installation, checks: Sequence[Check]) -> list[Finding]:
    """Return what each check found; one that fails keeps no other from being made."""
    return list(map(partial(_finding, installation), checks))


def report_text(findings: Sequence[Finding]) -> str:
    """Return a line for each finding, and one more for what to do about it."""
    lines = []
    for finding in findings:
        lines.append(f"{'ok   ' if finding.is_ok else 'WRONG'} {finding.name}: {finding.found}")
        if not finding.is_ok:
            lines.append(f"      next: {finding.next_step}")
    return "\n".join(lines)


def _finding(installation: Installation, check: Check) -> Finding:
    try:
        return Finding(check.name, True, check.look(installation))
    except ScoringError as err:
        return Finding(check.name, False, str(err), check.next_step)
